import { embedded } from '../kit/sql/test/running.ts'
import { testFaults } from './faults.ts'

testFaults(embedded)
