import { embedded } from '../../kit/sql/test/running.ts'
import { openShop } from '../../kit/sql/test/shop.ts'
import { testAttacks } from './attacks.ts'

// One connection, so that every call gets the one that the call before has used.
testAttacks(await openShop(embedded, { PG_MAX_CONNECTIONS: '1' }))
