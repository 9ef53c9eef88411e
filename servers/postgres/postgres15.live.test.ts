// The same tests on PostgreSQL 15.
import { test } from '../../test/harness.ts'
import { openShop } from '../runtime/sql/testing/shop.ts'
import { testAttacks } from './attacks.ts'
import { testFaults } from './faults.ts'
import { testQueries } from './queries.ts'

const bin = process.env.OCTET_TEST_POSTGRES_BIN
if (bin === undefined || bin === '')
  test.skip('PostgreSQL 15: all of it', 'PostgreSQL 15 is not installed (OCTET_TEST_POSTGRES_BIN)')
else {
  const edition = { label: 'PostgreSQL 15', bin }
  const shop = await openShop(edition)
  testAttacks(shop)
  testQueries(shop)
  testFaults(edition)
}
