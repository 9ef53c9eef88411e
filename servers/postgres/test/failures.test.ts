import { embedded } from '../../kit/sql/test/running.ts'
import { testFaults } from './failures.ts'

testFaults(embedded)
