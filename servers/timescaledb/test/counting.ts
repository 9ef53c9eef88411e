// What tsdb_execute counts, refuses and rolls back on a running TimescaleDB of either edition.
import assert from 'node:assert/strict'
import type { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { SqlEngine } from '../../kit/sql/engine.ts'
import { readOne } from '../../kit/sql/statement-filter.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import { RunningServer, until, withClient } from '../../kit/sql/test/running.ts'
import { classifyWords, namesIn, volatileFunctions, withFunctions } from '../lib/statement-class.ts'
import { openWriter } from '../lib/writer.ts'
import type { It, World } from './behaviours.ts'

/** Volatile functions of the timescaledb extension that need no TSDB_ALLOW_DESTRUCTIVE; all others do. */
const admitted = {
  dml: [
    ...['approximate_row_count', 'by_hash', 'by_range', 'chunks_detailed_size', 'hypertable_approximate_detailed_size'],
    ...[
      'hypertable_approximate_size',
      'hypertable_detailed_size',
      'hypertable_index_size',
      'hypertable_size',
      'interpolate',
      'locf',
    ],
    ...['show_policies', 'show_tablespaces', 'time_bucket_gapfill'],
  ],
  ddl: [
    ...[
      'add_columnstore_policy',
      'add_compression_policy',
      'add_continuous_aggregate_policy',
      'add_dimension',
      'add_reorder_policy',
    ],
    ...['attach_tablespace', 'compress_chunk', 'convert_to_columnstore', 'convert_to_rowstore', 'create_hypertable'],
    ...['decompress_chunk', 'detach_tablespace', 'detach_tablespaces', 'disable_chunk_skipping', 'enable_chunk_skipping'],
    ...[
      'move_chunk',
      'recompress_chunk',
      'refresh_continuous_aggregate',
      'remove_columnstore_policy',
      'remove_compression_policy',
    ],
    ...['remove_continuous_aggregate_policy', 'remove_reorder_policy', 'remove_retention_policy', 'reorder_chunk'],
    ...[
      'set_adaptive_chunking',
      'set_chunk_time_interval',
      'set_integer_now_func',
      'set_number_partitions',
      'set_partitioning_interval',
    ],
  ],
}

export function testCounting(world: World): void {
  const { label, server, sql, admin, ask, env } = world
  const it: It = (name, body) => test(`${label}: ${name}`, () => withClient(server.url, body), { timeoutMs: 60_000 })
  const count = async (table: string): Promise<number> => Number((await sql(`SELECT count(*) AS n FROM ${table}`))[0]?.n)

  test(`${label}: every function of the extension has the level that is written down for it`, async () => {
    const functions = await admin<{ name: string; volatile: boolean; kind: string }>(`
      SELECT p.proname AS name, bool_or(p.provolatile = 'v') AS volatile, min(p.prokind) AS kind FROM pg_depend d
      JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
      WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'timescaledb'
        AND NOT 'internal'::regtype::oid = ANY (p.proargtypes) GROUP BY 1`)
    assert.ok(functions.length > 100)
    const names = new Set(functions.map(({ name }) => name))
    const looked = await volatileFunctions({ calls: names, attributes: new Set(), operators: new Set() }, ask)
    const found: Record<string, string[]> = { dml: [], ddl: [] }
    for (const { name, volatile, kind } of functions) {
      const { tokens } = readOne(kind === 'p' ? `CALL ${name}(1)` : `SELECT ${name}(1)`)
      assert.deepEqual([...namesIn(tokens, '').calls], [name])
      const called = looked.filter((each) => each.name === name)
      const result = withFunctions(classifyWords(tokens), called)
      if (!volatile) assert.deepEqual([result.level, result.destructive], ['dml', undefined], name)
      else if (result.destructive === undefined) found[result.level]?.push(name)
    }
    for (const level of ['dml', 'ddl'] as const) {
      assert.deepEqual(
        found[level]?.filter((name) => !admitted[level].includes(name)),
        [],
        level,
      )
    }
    assert.ok(found.ddl?.includes('create_hypertable') && found.dml?.includes('hypertable_size'))
  })

  it('deferred constraints are checked before COMMIT, in a dry run too', async ({ call }) => {
    await sql(`
      CREATE TABLE late_parents (id int PRIMARY KEY);
      CREATE TABLE late (id int REFERENCES late_parents (id) DEFERRABLE INITIALLY DEFERRED);
      CREATE FUNCTION empty_plain() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM bulk; RETURN NULL; END';
      CREATE TABLE bulk AS SELECT generate_series(1, 200) AS id; CREATE TABLE fuse (id int);
      CREATE CONSTRAINT TRIGGER later AFTER INSERT ON fuse DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION empty_plain();`)
    for (const dry_run of [true, false]) {
      const { text } = await call('tsdb_execute', { command: 'INSERT INTO late VALUES (1)', dry_run })
      assert.match(text, /^ERROR INVALID_ARGUMENT: .*foreign key.*23503/)
    }
    const fuse = await call('tsdb_execute', { command: 'INSERT INTO fuse VALUES (1)', max_affected: 100 })
    assert.match(fuse.text, /^ERROR TOO_LARGE: INSERT would affect 201 rows/)
    assert.deepEqual([await count('bulk'), await count('late'), await count('fuse')], [200, 0, 0])
  })

  it('a row that moves to another partition counts once', async ({ call }) => {
    await sql(`
      CREATE TABLE parted (k int, v int) PARTITION BY LIST (k);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1); CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
      INSERT INTO parted SELECT 1, i FROM generate_series(1, 60) i;`)
    const moved = await call('tsdb_execute', { command: 'UPDATE parted SET k = 2', max_affected: 60 })
    assert.match(moved.text, /^committed: UPDATE 60, 60 rows affected/)
    assert.equal(moved.structured.rows_changed, 60)
    const more = await call('tsdb_execute', {
      command: 'WITH d AS (DELETE FROM parted RETURNING v) INSERT INTO parents SELECT 5000 + v FROM d',
      max_affected: 100,
    })
    assert.match(more.text, /would affect 120 rows/)
  })

  // Stands for a compressed chunk, whose batch TimescaleDB deletes there and inserts into the chunk: the Apache edition has none.
  it('the rows of a batch that is unpacked do not count, those of other tables do', async ({ call }) => {
    await admin(`
      CREATE TABLE _timescaledb_internal._hyper_9_9_chunk_compressed (_ts_meta_count int);
      INSERT INTO _timescaledb_internal._hyper_9_9_chunk_compressed VALUES (866);
      GRANT ALL ON _timescaledb_internal._hyper_9_9_chunk_compressed TO PUBLIC;`)
    const unpack = `WITH d AS (DELETE FROM _timescaledb_internal._hyper_9_9_chunk_compressed RETURNING 1),
      i AS (INSERT INTO metrics SELECT '2026-10-05 12:00:01Z', 9, j FROM generate_series(1, 866) j RETURNING 1)`
    const one = `UPDATE metrics SET value = value WHERE device = 1 AND time = '2026-10-03 05:00Z'`
    const small = await call('tsdb_execute', { command: `${unpack} ${one}`, max_affected: 40, dry_run: true })
    assert.match(small.text, /^dry run, rolled back: UPDATE 1, 1 row affected in \d+ ms$/)
    const beside = `, p AS (INSERT INTO parents SELECT 6000 + j FROM generate_series(1, 80) j)`
    const large = await call('tsdb_execute', { command: `${unpack}${beside} ${one}`, max_affected: 40 })
    assert.match(large.text, /^ERROR TOO_LARGE: WITH would affect 81 rows/)
    await admin('DROP TABLE _timescaledb_internal._hyper_9_9_chunk_compressed')
    assert.equal(await count('metrics'), 720)
  })

  it('statements that cannot run in a transaction say so', async ({ call }) => {
    const { text } = await call('tsdb_execute', { command: 'CREATE INDEX CONCURRENTLY ON children (id)' })
    assert.match(text, /^ERROR INVALID_ARGUMENT: .*transaction.*TRY: the statement without CONCURRENTLY/)
  })

  it('columns named like keywords are added, renamed and commented', async ({ call }) => {
    for (const command of [
      'CREATE TABLE named (owner int)',
      'ALTER TABLE named ADD COLUMN security text',
      'ALTER TABLE named RENAME COLUMN owner TO "grant"',
      "COMMENT ON COLUMN named.security IS 'x'",
    ]) {
      assert.match((await call('tsdb_execute', { command })).text, /^committed: /, command)
    }
  })

  it('functions of the database need ddl, and what the level lacks is named', async () => {
    await sql("CREATE FUNCTION purge() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM plain WHERE v < 0; SELECT 1'")
    const careful = await RunningServer.start(['timescaledb'], { ...env, TSDB_WRITE_LEVEL: 'dml' })
    try {
      await withClient(careful.url, async ({ call }) => {
        const refused = {
          'SELECT purge()': /the function purge, which is volatile, needs write level "ddl"/,
          "SELECT add_retention_policy('metrics', INTERVAL '40 days')": /add_retention_policy/,
          'SELECT 1 AS insert INTO x': /SELECT INTO needs write level "ddl"/,
          'WITH i AS (INSERT INTO parents VALUES (7777) RETURNING *) SELECT * INTO y FROM i': /SELECT INTO/,
          "SELECT create_hypertable('parents', 'id')": /create_hypertable/,
        }
        for (const [command, why] of Object.entries(refused)) {
          const { text } = await call('tsdb_execute', { command })
          assert.match(text, /^ERROR READ_ONLY: /, command)
          assert.match(text, why)
        }
        const { text } = await call('tsdb_execute', {
          command:
            'INSERT INTO parents SELECT 8000 + (random() * 0)::int + extract(epoch FROM now() - clock_timestamp())::int * 0',
          dry_run: true,
        })
        assert.match(text, /^dry run, rolled back: INSERT 0 1/)
      })
    } finally {
      await careful.stop()
    }
    assert.equal((await sql("SELECT 1 FROM pg_class WHERE relname IN ('x', 'y')")).length, 0)
  })

  it('an SQLSTATE of the connection or of a timeout that SQL raises runs the statement once and keeps the session', async ({
    call,
  }) => {
    await sql(`
      CREATE SEQUENCE runs; CREATE FUNCTION fail_with(state text) RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN PERFORM nextval('runs'); RAISE EXCEPTION 'as if' USING ERRCODE = state; END $$;`)
    for (const [i, state] of ['08006', '28000', '57014', '57P01', '40001', '55P03'].entries()) {
      const { text } = await call('tsdb_execute', { command: 'SELECT fail_with($1)', params: [state] })
      assert.match(text, new RegExp(`^ERROR (?!INTERNAL|UPSTREAM_UNREACHABLE|UPSTREAM_AUTH|TIMEOUT).*${state}`))
      assert.equal((await sql<{ n: string }>('SELECT last_value AS n FROM runs'))[0]?.n, String(i + 1))
    }
  })

  test(
    `${label}: a procedure that commits by itself is not run again when the connection is lost`,
    async () => {
      await sql('CREATE SEQUENCE procedures')
      const options = { urlVariable: 'TSDB_URL', applicationName: 'test', ca: undefined }
      const target = resolveTarget({ url: env.TSDB_WRITE_URL }, options)
      const log = { debug() {}, info() {}, warn() {}, error() {} }
      const environment = { version: '0', maxResultChars: 40_000, toolTimeoutMs: 60_000, readOnly: false, ca: undefined, log }
      const engine = new SqlEngine({ name: 'test', target, environment, maxConnections: 1, allowedDatabases: [] })
      const writer = openWriter(target, engine, false)
      try {
        const limits = { timeoutMs: 30_000, signal: new AbortController().signal }
        await writer.alone(limits, 'SELECT 1') // so that the session is a reused one
        const running = writer.alone(limits, "SELECT nextval('procedures'), pg_sleep(20) AS cut").catch((error: unknown) => error)
        const cut = () =>
          admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%AS cut' AND wait_event = 'PgSleep'")
        await until('it sleeps', 10_000, cut, (rows) => rows.length > 0)
        const { code, message } = (await running) as ToolError
        assert.deepEqual([code, /not known/.test(message)], ['UPSTREAM_ERROR', true])
        assert.equal((await sql<{ n: string }>('SELECT last_value AS n FROM procedures'))[0]?.n, '1')
      } finally {
        await writer.close()
        await engine.close()
      }
    },
    { timeoutMs: 60_000 },
  )
}
