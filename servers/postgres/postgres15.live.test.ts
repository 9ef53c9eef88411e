// The same tests on PostgreSQL 15.
import { test } from '../../test/harness.ts'
import { openShop } from '../runtime/sql/testing/shop.ts'
import { testAttacks } from './attacks.ts'

const bin = process.env.OCTET_TEST_POSTGRES_BIN
if (bin === undefined || bin === '')
  test.skip('PostgreSQL 15: all of it', 'PostgreSQL 15 is not installed (OCTET_TEST_POSTGRES_BIN)')
else testAttacks(await openShop({ label: 'PostgreSQL 15', bin }))
