// The timescaledb server on the Community (TSL) edition, which no package registry has: see the README for when it was last run.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { RunningServer, until, withClient } from '../../kit/sql/test/running.ts'
import { type It, openWorld, testTimescale, type World } from './behaviours.ts'
import { testCounting } from './counting.ts'
import { testListing } from './listing.ts'
import { testRoles } from './roles.ts'

const url = process.env.TSDB_TSL_URL
if (url === undefined || url === '')
  test.skip('Community edition: all of it', 'the TSL edition of TimescaleDB is not running (TSDB_TSL_URL)')
else {
  const world = await openWorld('Community edition', url)
  testTimescale(world)
  testListing(world)
  testCounting(world)
  testRoles(world)
  testCommunity(world)
  test('Community edition: the database of these tests is dropped', () => world.close())
}

/** Compression, continuous aggregates, policies: the Community (TSL) edition. */
function testCommunity({ label, server, sql, env }: World): void {
  const it: It = (name, body) => test(`${label}: ${name}`, () => withClient(server.url, body), { timeoutMs: 90_000 })

  it('compression is tried, enabled, carried out and measured', async ({ call }) => {
    assert.match((await call('tsdb_compression_stats', { hypertable: 'metrics' })).text, /^public\.metrics: not enabled/)
    const tried = await call('tsdb_add_compression', {
      hypertable: 'metrics',
      segment_by: ['device'],
      order_by: 'time desc',
      dry_run: true,
    })
    assert.match(tried.text, /^dry run, rolled back: public\.metrics now has compression/)
    assert.match((await call('tsdb_compression_stats', { hypertable: 'metrics' })).text, /^public\.metrics: not enabled/)
    const far = await call('tsdb_add_compression', {
      hypertable: 'metrics',
      compress_after: '100 years',
      segment_by: ['DEVICE'],
      order_by: '"time" DESC NULLS LAST',
    })
    assert.match(far.text, /^public\.metrics now has compression; job \d+ compresses chunks older than 100 years/)
    assert.match(far.text, /segmented by device; ordered by "?time"? DESC/)
    const waiting = await call('tsdb_compression_stats', { hypertable: 'metrics' })
    assert.match(waiting.text, /^public\.metrics: enabled, 0 of 10 chunks compressed[\s\S]*compression after 100 years \(job \d+/)
    const again = await call('tsdb_add_compression', { hypertable: 'metrics' })
    assert.match(again.text, /had a compression policy already/)
    const job = far.structured.job_id as number
    // The job as the scheduler would run it, but now, and with a bound that takes every chunk.
    await sql(
      `SELECT alter_job(${job}, config => jsonb_set((SELECT config FROM timescaledb_information.jobs WHERE job_id = ${job}), '{compress_after}', '"1 day"'), scheduled => false)`,
    )
    await sql(`CALL run_job(${job})`)
    const { structured, text } = await call('tsdb_compression_stats', { hypertable: 'metrics' })
    const [metrics] = structured.hypertables
    assert.equal(metrics.compressed_chunks, 10, text)
    assert.ok(metrics.before_bytes > 0 && metrics.after_bytes > 0)
    const chunks = await call('tsdb_show_chunks', { hypertable: 'metrics' })
    assert.match(chunks.text, /^10 chunks of public\.metrics, 10 compressed/)
    const sum = await call('tsdb_query', { query: 'SELECT count(*), sum(value) FROM metrics' })
    assert.deepEqual(sum.structured.rows, [[720, 8280]])
  })

  it('max_affected counts rows, not the batches that changing a compressed chunk unpacks', async ({ call }) => {
    const small = await call('tsdb_execute', {
      command: "UPDATE metrics SET value = value WHERE device = 1 AND time = '2026-10-03 05:00Z'",
      max_affected: 40,
    })
    assert.match(small.text, /^committed: UPDATE 1, 1 row affected/)
    const large = await call('tsdb_execute', { command: 'DELETE FROM metrics WHERE device = 2', max_affected: 100 })
    assert.match(large.text, /^ERROR TOO_LARGE: DELETE would affect \d+ rows/)
    assert.equal((await sql<{ n: number }>('SELECT count(*)::int AS n FROM metrics'))[0]?.n, 720)
  })

  it('a continuous aggregate is tried, made, filled and listed', async ({ call }) => {
    const query = "SELECT time_bucket('1 day', time) AS day, device, avg(value) AS mean FROM metrics GROUP BY 1, 2;"
    const tried = await call('tsdb_continuous_aggregate', {
      view_name: 'daily',
      query,
      schedule_interval: '1 hour',
      dry_run: true,
    })
    assert.match(tried.text, /^dry run, rolled back: continuous aggregate public\.daily on public\.metrics, refreshed by job/)
    assert.equal((await sql("SELECT 1 FROM timescaledb_information.continuous_aggregates WHERE view_name = 'daily'")).length, 0)
    const { text, structured } = await call('tsdb_continuous_aggregate', {
      ...{
        view_name: 'daily',
        query,
        start_offset: '1 month',
        end_offset: '1 hour',
        schedule_interval: '2 hours',
        with_data: true,
      },
    })
    assert.match(text, /^continuous aggregate public\.daily on public\.metrics, refreshed by job \d+, filled/)
    assert.deepEqual([structured.source, structured.bucket, structured.filled], ['public.metrics', '1 day', true])
    const rows = await call('tsdb_query', { query: 'SELECT count(*), min(mean), max(mean) FROM daily' })
    assert.deepEqual(rows.structured.rows, [[30, 11.5, 11.5]])
    const jobs = await sql<{ schedule: string; end_offset: string }>(
      `SELECT schedule_interval::text AS schedule, config->>'end_offset' AS end_offset FROM timescaledb_information.jobs WHERE job_id = ${structured.job_id}`,
    )
    assert.deepEqual(jobs, [{ schedule: '02:00:00', end_offset: '01:00:00' }])
    assert.match(
      (await call('tsdb_continuous_aggregate', { view_name: 'daily', query })).text,
      /^public\.daily is a continuous aggregate already/,
    )
    const listed = await call('tsdb_database_stats')
    assert.equal(listed.structured.continuous_aggregates, 1)
  })

  it('a continuous aggregate without a policy is empty and says how to fill it', async ({ call }) => {
    const made = await call('tsdb_continuous_aggregate', {
      view_name: 'hourly',
      query: "WITH m AS (SELECT 1) SELECT time_bucket(INTERVAL '1 hour', time) AS hour, count(*) FROM metrics GROUP BY 1",
    })
    const plain = made.isError
      ? await call('tsdb_continuous_aggregate', {
          view_name: 'hourly',
          query: "SELECT time_bucket(INTERVAL '1 hour', time) AS hour, count(*) FROM metrics GROUP BY 1",
        })
      : made
    assert.match(
      plain.text,
      /without a refresh policy\n[\s\S]*it is empty until CALL refresh_continuous_aggregate\('public\.hourly', NULL, NULL\)/,
    )
    const filled = await call('tsdb_execute', { command: "CALL refresh_continuous_aggregate('public.hourly', NULL, NULL)" })
    assert.equal(filled.isError, false, filled.text)
    assert.equal((await call('tsdb_query', { query: 'SELECT count(*) FROM hourly' })).structured.rows[0][0], 240)
    const dry = await call('tsdb_execute', {
      command: "CALL refresh_continuous_aggregate('public.hourly', NULL, NULL)",
      dry_run: true,
    })
    assert.match(dry.text, /^ERROR INVALID_ARGUMENT: this procedure commits by itself/)
  })

  it('a query that is not for a continuous aggregate is refused before anything is made', async ({ call }) => {
    for (const [query, answer] of [
      ['SELECT count(*) FROM metrics', /time_bucket/],
      ["SELECT time_bucket('1 day', time), count(*) FROM metrics GROUP BY 1; DROP TABLE metrics", /2 statements/],
      ["SELECT time_bucket('1 day', time), count(*) FROM metricz GROUP BY 1", /Similar: public\.metrics/],
      ["SELECT time_bucket('1 day', time), count(*) FROM metrics GROUP BY 1 WITH NO DATA", /syntax error/],
      ["DELETE FROM metrics WHERE time_bucket('1 day', time) < now()", /must be one SELECT/],
      ["SELECT time_bucket('1 day', time), device FROM metrics", /^ERROR/],
    ] as const) {
      const { text, isError } = await call('tsdb_continuous_aggregate', { view_name: 'never', query })
      assert.ok(isError)
      assert.match(text, answer)
    }
    assert.equal((await sql("SELECT 1 FROM pg_class WHERE relname = 'never'")).length, 0)
  })

  it('policies show with their last and next run', async ({ call }) => {
    const command = "SELECT add_retention_policy('metrics', interval '30 years')"
    assert.match((await call('tsdb_execute', { command })).text, /^ERROR READ_ONLY: .*add_retention_policy/)
    await sql(command)
    const { text, structured } = await call('tsdb_show_hypertables')
    const metrics = structured.hypertables.find(({ name }: { name: string }) => name === 'metrics')
    assert.deepEqual(metrics.policies.map(({ policy }: { policy: string }) => policy).sort(), ['compression', 'retention'])
    assert.match(text, /retention after 30 years \(job \d+/)
  })

  it('filling that takes longer than the call goes on as a job', async ({ call }) => {
    await sql(`
      CREATE TABLE large (time timestamptz NOT NULL, v float8); SELECT create_hypertable('large', 'time', chunk_time_interval => interval '1 day');
      INSERT INTO large SELECT '2026-01-01Z'::timestamptz + i * interval '2 seconds', i FROM generate_series(1, 200000) i;`)
    const hurried = await RunningServer.start(['timescaledb'], { ...env, MCP_TOOL_TIMEOUT_MS: '5100' })
    try {
      await withClient(hurried.url, async (other) => {
        const { text, structured } = await other.call('tsdb_continuous_aggregate', {
          ...{ view_name: 'fine', with_data: true, schedule_interval: '12 hours', end_offset: '1 minute' },
          query: "SELECT time_bucket('2 seconds', time) AS t, min(v), max(v), avg(v), stddev(v) FROM large GROUP BY 1",
        })
        assert.match(text, /not filled yet\n[\s\S]*job \d+ goes on with it in the background/)
        assert.equal(structured.filled, false)
        const filled = () => sql<{ n: number }>('SELECT count(*)::int AS n FROM fine')
        await until('the job has filled it', 60_000, filled, ([row]) => row?.n === 200_000)
      })
    } finally {
      await hurried.stop()
    }
    assert.equal((await call('tsdb_query', { query: 'SELECT 1' })).isError, false)
  })
}
