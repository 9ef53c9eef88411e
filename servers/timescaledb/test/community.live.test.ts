// The timescaledb server on the Community (TSL) edition, which no package registry has: see the README for when it was last run.
import { test } from '../../../test/runner/harness.ts'
import { openWorld, testCommunity, testTimescale } from './behaviours.ts'

const url = process.env.TSDB_TSL_URL
if (url === undefined || url === '')
  test.skip('Community edition: all of it', 'the TSL edition of TimescaleDB is not running (TSDB_TSL_URL)')
else {
  const world = await openWorld('Community edition', url)
  testTimescale(world)
  testCommunity(world)
  test('Community edition: the database of these tests goes away again', () => world.close())
}
