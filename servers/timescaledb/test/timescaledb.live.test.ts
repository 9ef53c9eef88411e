// The timescaledb server on the Apache edition.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { withClient } from '../../kit/sql/test/running.ts'
import { openWorld, testTimescale, type World } from './behaviours.ts'
import { testCounting } from './counting.ts'
import { testListing } from './listing.ts'
import { testRoles } from './roles.ts'

const url = process.env.OCTET_TEST_TIMESCALEDB_URL
if (url === undefined || url === '')
  test.skip('TimescaleDB: all of it', 'TimescaleDB is not running (OCTET_TEST_TIMESCALEDB_URL)')
else {
  const world = await openWorld('Apache edition', url)
  testTimescale(world)
  testListing(world)
  testCounting(world)
  testRoles(world)
  testApache(world)
  test('Apache edition: the database of these tests is dropped', () => world.close())
}

/** The Apache edition's server names what it lacks. */
function testApache({ label, server }: World): void {
  test(`${label}: what the Apache edition lacks is named`, () =>
    withClient(server.url, async ({ call }) => {
      for (const [tool, args] of [
        ['tsdb_add_compression', { hypertable: 'metrics' }],
        [
          'tsdb_continuous_aggregate',
          { view_name: 'v', query: "SELECT time_bucket('1 day', time), count(*) FROM metrics GROUP BY 1" },
        ],
        ['tsdb_execute', { command: "SELECT add_reorder_policy('metrics', 'metrics_time_idx')" }],
        ['tsdb_add_compression', { hypertable: 'parents' }],
        [
          'tsdb_query',
          {
            query:
              "SELECT time_bucket_gapfill('1 day', time, now() - interval '2 days', now()), count(*) FROM metrics GROUP BY 1",
          },
        ],
      ] as const) {
        assert.match((await call(tool, args)).text, /^ERROR UPSTREAM_ERROR: .*Apache edition/, tool)
      }
      assert.match((await call('tsdb_compression_stats', { hypertable: 'metrics' })).text, /not enabled.*\n[\s\S]*Apache edition/)
    }))
}
