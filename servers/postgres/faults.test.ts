import { embedded } from '../runtime/sql/testing/running.ts'
import { testFaults } from './faults.ts'

testFaults(embedded)
