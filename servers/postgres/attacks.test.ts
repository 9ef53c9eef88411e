import { embedded } from '../runtime/sql/testing/running.ts'
import { openShop } from '../runtime/sql/testing/shop.ts'
import { testAttacks } from './attacks.ts'

testAttacks(await openShop(embedded))
