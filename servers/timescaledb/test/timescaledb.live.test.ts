// The timescaledb server on the Apache edition.
import { test } from '../../../test/runner/harness.ts'
import { openWorld, testApache, testTimescale } from './behaviours.ts'

const url = process.env.OCTET_TEST_TIMESCALEDB_URL
if (url === undefined || url === '')
  test.skip('TimescaleDB: all of it', 'TimescaleDB is not running (OCTET_TEST_TIMESCALEDB_URL)')
else {
  const world = await openWorld('Apache edition', url)
  testTimescale(world)
  testApache(world)
  test('Apache edition: the database of these tests goes away again', () => world.close())
}
