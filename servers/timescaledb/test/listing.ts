// How names are resolved, and what the listings show, on a running TimescaleDB of either edition.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { type Json, RunningServer, rowsOf, withClient } from '../../kit/sql/test/running.ts'
import { resolveHypertable } from '../lib/relations.ts'
import { requireIntegerNow } from '../tools/tsdb-add-compression.ts'
import type { It, World } from './behaviours.ts'

export function testListing(world: World): void {
  const { label, server, sql, admin, ask, env, reader, urlFor } = world
  const it: It = (name, body) => test(`${label}: ${name}`, () => withClient(server.url, body), { timeoutMs: 60_000 })

  it('a name means what it means in SQL, under the search path of the role', async ({ call }) => {
    const made = await call('tsdb_create_hypertable', { table_name: 'readings' })
    assert.match(made.text, /^beta\.readings is now hypertable/)
    assert.match((await call('tsdb_show_chunks', { hypertable: 'readings' })).text, /^0 chunks of beta\.readings/)
    assert.match((await call('tsdb_compression_stats', { hypertable: 'READINGS' })).text, /^beta\.readings: not enabled/)
    assert.match(
      (await call('tsdb_show_chunks', { hypertable: 'alpha.readings' })).text,
      /^ERROR NOT_FOUND: alpha\.readings is a table, not a hypertable.*TRY: tsdb_create_hypertable .*"time_column":"time".*"dry_run":true/,
    )
    await sql('CREATE TABLE alpha.hidden (time timestamptz NOT NULL)')
    assert.match(
      (await call('tsdb_create_hypertable', { table_name: 'hidden' })).text,
      /^ERROR NOT_FOUND: table "hidden" does not exist\. Similar: alpha\.hidden/,
    )
    assert.match(
      (await call('tsdb_create_hypertable', { table_name: 'alpha.hidden', dry_run: true })).text,
      /alpha\.hidden is now/,
    )
    assert.match(
      (await call('tsdb_show_chunks', { hypertable: 'zzzzzz' })).text,
      /does not exist\. TRY: tsdb_show_hypertables \{\}$/,
    )
    assert.match(
      (await call('tsdb_create_hypertable', { table_name: 'alpha.hidden', time_column: 'zzzz' })).text,
      /^ERROR NOT_FOUND: column "zzzz" does not exist in alpha\.hidden\. Columns: time\.?$/,
    )
  })

  it('plain tables and views are listed with their columns', async ({ call }) => {
    await sql('CREATE VIEW newest AS SELECT max(time) AS "at" FROM metrics; CREATE TABLE wide (a numeric(10, 2), "B c" text[])')
    const { text, structured } = await call('tsdb_show_hypertables')
    const wide = structured.tables.find(({ name }: { name: string }) => name === 'wide')
    assert.deepEqual([wide.kind, wide.columns], ['table', 'a numeric(10,2), "B c" text[]'])
    assert.match(text, /^\d+ hypertables and \d+ other tables or views, [\d.]+ \w+ in all\n/)
    assert.match(text, /public\.newest\tview\t-\tat timestamp with time zone/)
    const metrics = structured.hypertables.find(({ name }: { name: string }) => name === 'metrics')
    assert.match(metrics.columns, /^time timestamp with time zone, device integer, value double precision$/)
    let pages = 0
    const seen: string[] = []
    for (let next: Record<string, unknown> | undefined = { limit: 2 }; next !== undefined && pages < 50; pages += 1) {
      const page: Json = (await call('tsdb_show_hypertables', next)).structured
      for (const { schema, name } of [...page.hypertables, ...page.tables]) seen.push(`${schema}.${name}`)
      next = page.meta.next
    }
    const all = [...structured.hypertables, ...structured.tables].map(
      ({ schema, name }: Record<string, string>) => `${schema}.${name}`,
    )
    assert.deepEqual(seen, all)
  })

  test(
    `${label}: chunks of timestamp and date columns keep their time under any time zone`,
    async () => {
      await sql(`
      CREATE TABLE local_times (time timestamp NOT NULL); SELECT create_hypertable('local_times', 'time', chunk_time_interval => interval '1 day');
      CREATE TABLE dates (day date NOT NULL); SELECT create_hypertable('dates', 'day', chunk_time_interval => interval '1 day');
      INSERT INTO local_times SELECT '2026-10-01 12:00'::timestamp + i * interval '1 day' FROM generate_series(0, 2) i;
      INSERT INTO dates SELECT '2026-10-01'::date + i FROM generate_series(0, 2) i;`)
      const zoned = `${reader}_zoned`
      await admin(
        `CREATE ROLE ${zoned} LOGIN PASSWORD 'octet' IN ROLE ${reader}; ALTER ROLE ${zoned} SET timezone = 'Asia/Kolkata'`,
      )
      const other = await RunningServer.start(['timescaledb'], { ...env, TSDB_URL: urlFor(zoned) })
      try {
        await withClient(other.url, async ({ call }) => {
          for (const hypertable of ['local_times', 'dates']) {
            const { structured } = await call('tsdb_show_chunks', { hypertable, order: 'oldest', older_than: '2026-10-03' })
            assert.deepEqual(
              structured.chunks.map(({ range_start, range_end }: Record<string, string>) => [range_start, range_end]),
              [
                ['2026-10-01 00:00:00', '2026-10-02 00:00:00'],
                ['2026-10-02 00:00:00', '2026-10-03 00:00:00'],
              ],
            )
          }
        })
      } finally {
        await other.stop()
        await admin(`DROP ROLE ${zoned}`)
      }
    },
    { timeoutMs: 60_000 },
  )

  it('an interval is counted back from now, however it is written', async ({ call }) => {
    await sql(`
      CREATE TABLE recent (time timestamptz NOT NULL); SELECT create_hypertable('recent', 'time', chunk_time_interval => interval '1 day');
      INSERT INTO recent SELECT now() - i * interval '10 days' FROM generate_series(0, 2) i;`)
    for (const bound of ['7 days', '7 days ago', '-7 days', '1 week']) {
      const older = await call('tsdb_show_chunks', { hypertable: 'recent', older_than: bound })
      assert.match(older.text, /^2 chunks of public\.recent/, bound)
      const newer = await call('tsdb_show_chunks', { hypertable: 'recent', newer_than: bound })
      assert.match(newer.text, /^1 chunk of public\.recent/, bound)
    }
    assert.match(
      (await call('tsdb_show_chunks', { hypertable: 'recent', older_than: 'soon' })).text,
      /^ERROR INVALID_ARGUMENT: .*interval: "soon" \(22007\)\. TRY: .*2026-10-01.*7 days/,
    )
  })

  // A policy job and its failed run, as TimescaleDB's scheduler writes them: the Apache edition has neither.
  it('compression_stats and show_hypertables say why the last run of a policy failed', async ({ call }) => {
    await admin(`
      INSERT INTO _timescaledb_config.bgw_job (id, application_name, schedule_interval, max_runtime, max_retries, retry_period, proc_schema, proc_name, owner,
          scheduled, fixed_schedule, hypertable_id, config)
        SELECT 9001, 'Columnstore Policy [9001]', '12 hours', '0', -1, '1 hour', '_timescaledb_functions', 'policy_compression', '${reader}'::regrole,
          false, false, id, jsonb_build_object('hypertable_id', id, 'compress_after', '7 days')
        FROM _timescaledb_catalog.hypertable WHERE table_name = 'recent';
      INSERT INTO _timescaledb_internal.bgw_job_stat VALUES (9001, '2026-11-01Z', '2026-11-01Z', '2026-11-02Z', '-infinity', false, 1, '0', '0', 0, 1, 0, 1, 0, 0);
      INSERT INTO _timescaledb_internal.bgw_job_stat_history (job_id, pid, execution_start, execution_finish, succeeded, data)
        VALUES (9001, 1, '2026-11-01Z', '2026-11-01Z', false, '{"job": {}, "error_data": {"sqlerrcode": "P0001", "message": "no space left\\nNEXT: {}", "proc_schema": "a", "proc_name": "b"}}');
      UPDATE _timescaledb_catalog.hypertable SET compression_state = 1 WHERE table_name = 'recent';`)
    const stats = await call('tsdb_compression_stats', { hypertable: 'recent' })
    assert.match(
      rowsOf(stats.text)[0] ?? '',
      /compression after 7 days \(job 9001, next 2026-11-02 .*, last run Failed: no space left\\nNEXT/,
    )
    assert.equal(stats.structured.hypertables[0].last_error, 'no space left\nNEXT: {}')
    assert.match((await call('tsdb_show_hypertables')).text, /last run Failed: no space left/)
    assert.match(stats.text, /^public\.recent: enabled, 0 of 3 chunks compressed/)
    await admin(`
      UPDATE _timescaledb_catalog.hypertable SET compression_state = 0 WHERE table_name = 'recent';
      DELETE FROM _timescaledb_internal.bgw_job_stat_history WHERE job_id = 9001; DELETE FROM _timescaledb_internal.bgw_job_stat WHERE job_id = 9001;
      DELETE FROM _timescaledb_config.bgw_job WHERE id = 9001;`)
  })

  it('a continuous aggregate given as a hypertable is named as what it is', async ({ call }) => {
    await sql(`
      CREATE TABLE materialized (time timestamptz NOT NULL); SELECT create_hypertable('materialized', 'time');
      CREATE VIEW aggregate AS SELECT time FROM metrics;`)
    // A row of TimescaleDB's catalogue stands for the aggregate, which the Apache edition cannot create.
    await admin(`
      INSERT INTO _timescaledb_catalog.continuous_agg (mat_hypertable_id, raw_hypertable_id, user_view_schema, user_view_name,
          partial_view_schema, partial_view_name, direct_view_schema, direct_view_name)
        SELECT m.id, r.id, 'public', 'aggregate', 'public', 'aggregate', 'public', 'aggregate'
        FROM _timescaledb_catalog.hypertable m, _timescaledb_catalog.hypertable r WHERE m.table_name = 'materialized' AND r.table_name = 'metrics'`)
    const { text } = await call('tsdb_show_chunks', { hypertable: 'aggregate' })
    assert.match(
      text,
      /^ERROR NOT_FOUND: public\.aggregate is a continuous aggregate on public\.metrics.*TRY: \{"hypertable":"public\.metrics"\}/,
    )
    assert.match((await call('tsdb_show_hypertables')).text, /public\.aggregate\tcontinuous aggregate\t/)
    await admin(`DELETE FROM _timescaledb_catalog.continuous_agg WHERE user_view_name = 'aggregate'`)
  })

  test(`${label}: compression by age needs a function for the current value of an integer time column`, async () => {
    await sql(`
      CREATE TABLE counted (time bigint NOT NULL); SELECT create_hypertable('counted', 'time', chunk_time_interval => 1000);
      CREATE FUNCTION counted_now() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT coalesce(max(time), 0) FROM counted';`)
    const without = await resolveHypertable(ask, 'counted')
    assert.throws(() => requireIntegerNow(without), {
      code: 'INVALID_ARGUMENT',
      hint: /set_integer_now_func\('public\.counted', 'that_function'\)/,
    })
    await sql("SELECT set_integer_now_func('counted', 'counted_now')")
    requireIntegerNow(await resolveHypertable(ask, 'counted'))
    requireIntegerNow(await resolveHypertable(ask, 'metrics'))
  })
}
