import { embedded } from '../runtime/sql/testing/running.ts'
import { openShop } from '../runtime/sql/testing/shop.ts'
import { testAttacks } from './attacks.ts'

// One connection, so that every call gets the one that the call before has used.
testAttacks(await openShop(embedded, { PG_MAX_CONNECTIONS: '1' }))
