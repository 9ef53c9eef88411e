// What the timescaledb server does on a running TimescaleDB of either edition.
import assert from 'node:assert/strict'
import pg from 'pg'
import { test } from '../../../test/runner/harness.ts'
import type { Ask } from '../../kit/sql/read-only.ts'
import { type Caller, RunningServer, rowsOf, until, withClient } from '../../kit/sql/test/running.ts'

export interface World {
  readonly label: string
  readonly server: RunningServer
  readonly env: NodeJS.ProcessEnv
  /** The reading role, and a URL for another role of the same database. */
  readonly reader: string
  readonly superuserUrl: string
  urlFor(role: string): string
  /** Runs SQL as the owner of the tables, who is also the role that tsdb_execute writes with. */
  sql<T extends pg.QueryResultRow>(text: string): Promise<T[]>
  /** Runs SQL as the superuser. */
  admin<T extends pg.QueryResultRow>(text: string): Promise<T[]>
  /** One query as the owner, as the server runs its own. */
  readonly ask: Ask
  close(): Promise<void>
}

/**
 * A database of its own on the running server, with a role that reads, a role that owns the tables, and a hypertable of three devices and ten
 * days of hourly rows. The schema `alpha` is not in the search path, `beta` is.
 */
export async function openWorld(label: string, url: string): Promise<World> {
  const database = `octet_${process.pid}`
  const [reader, writer] = [`${database}_reader`, `${database}_writer`]
  const run = async <T extends pg.QueryResultRow>(connectionString: string, text: string): Promise<T[]> => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    try {
      return (await client.query<T>(text)).rows
    } finally {
      await client.end()
    }
  }
  const urlFor = (role: string | undefined): string => {
    const own = new URL(url)
    own.pathname = `/${database}`
    if (role !== undefined) [own.username, own.password] = [role, 'octet']
    return own.href
  }
  await run(url, `CREATE DATABASE ${database}`)
  await run(
    urlFor(undefined),
    `CREATE EXTENSION IF NOT EXISTS timescaledb;
    CREATE ROLE ${reader} LOGIN PASSWORD 'octet'; CREATE ROLE ${writer} LOGIN PASSWORD 'octet';
    GRANT CREATE ON DATABASE ${database} TO ${writer}; GRANT CREATE ON SCHEMA public TO ${writer};
    ALTER ROLE ${reader} IN DATABASE ${database} SET search_path = public, beta;
    ALTER ROLE ${writer} IN DATABASE ${database} SET search_path = public, beta;
    ALTER DEFAULT PRIVILEGES FOR ROLE ${writer} GRANT SELECT ON TABLES TO ${reader};
    ALTER DEFAULT PRIVILEGES FOR ROLE ${writer} GRANT USAGE ON SCHEMAS TO ${reader};`,
  )
  await run(
    urlFor(writer),
    `CREATE TABLE metrics (time timestamptz NOT NULL, device int NOT NULL, value float8);
    SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');
    INSERT INTO metrics SELECT t, d, extract(hour FROM t) FROM generate_series('2026-10-01 00:00Z'::timestamptz, '2026-10-10 23:00Z', '1 hour') t, generate_series(1, 3) d;
    CREATE TABLE plain (time timestamptz NOT NULL, v int); INSERT INTO plain VALUES ('2026-10-01', 1), ('2026-10-02', 2);
    CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (id int REFERENCES parents(id) ON DELETE CASCADE);
    INSERT INTO parents SELECT generate_series(1, 5); INSERT INTO children SELECT 1 + i % 5 FROM generate_series(1, 50) i;
    CREATE SCHEMA alpha; CREATE SCHEMA beta;
    CREATE TABLE alpha.readings (time timestamptz NOT NULL); CREATE TABLE beta.readings (time timestamptz NOT NULL);
    ANALYZE;`,
  )
  const env = { TSDB_URL: urlFor(reader), TSDB_WRITE_URL: urlFor(writer), MCP_STRUCTURED_CONTENT: 'auto' }
  const server = await RunningServer.start(['timescaledb'], env)
  return {
    ...{ label, server, env, reader, urlFor, superuserUrl: urlFor(undefined) },
    sql: (text) => run(urlFor(writer), text),
    admin: (text) => run(urlFor(undefined), text),
    async ask<T>(text: string, values: readonly (string | null)[] = []) {
      const client = new pg.Client({ connectionString: urlFor(writer) })
      await client.connect()
      try {
        const { rows } = await client.query<{ own: T }>(`SELECT to_json(own) AS own FROM (${text}) own`, [...values])
        return rows.map(({ own }) => own)
      } finally {
        await client.end()
      }
    },
    async close() {
      await server.stop()
      await run(url, `DROP DATABASE ${database} WITH (FORCE)`)
      await run(url, `DROP ROLE ${reader}, ${writer}`)
    },
  }
}

export type It = (name: string, body: (caller: Caller) => Promise<void>) => void

export function testTimescale(world: World): void {
  const { label, server, sql } = world
  const it: It = (name, body) => test(`${label}: ${name}`, () => withClient(server.url, body), { timeoutMs: 60_000 })
  const count = async (table: string): Promise<number> =>
    Number((await sql<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n)

  it('lists nine tools, of which four are not read-only', async ({ client }) => {
    const { tools } = await client.listTools()
    const writing = tools.filter(({ annotations }) => annotations?.readOnlyHint !== true).map(({ name }) => name)
    assert.equal(tools.length, 9)
    assert.deepEqual(writing, ['tsdb_execute', 'tsdb_create_hypertable', 'tsdb_add_compression', 'tsdb_continuous_aggregate'])
  })

  it('queries with time_bucket, first and last', async ({ call }) => {
    const { text } = await call('tsdb_query', {
      query:
        "SELECT time_bucket('5 days', time) AS b, count(*), first(value, time), last(value, time) FROM metrics WHERE device = $1 GROUP BY 1 ORDER BY 1",
      params: [2],
    })
    assert.ok(rowsOf(text).length >= 2)
    assert.match(text, /\t\d+\t0\t23/)
  })

  it('refuses to write with tsdb_query', async ({ call }) => {
    assert.match(
      (await call('tsdb_query', { query: 'DELETE FROM metrics' })).text,
      /^ERROR READ_ONLY: this tool accepts one SELECT/,
    )
    assert.match(
      (await call('tsdb_query', { query: "SELECT drop_chunks('metrics', now())" })).text,
      /^ERROR (READ_ONLY|UPSTREAM_ERROR|INVALID_ARGUMENT)/,
    )
    assert.equal(await count('metrics'), 720)
  })

  it('writes, counts and returns rows', async ({ call }) => {
    const { structured, text } = await call('tsdb_execute', {
      command: 'INSERT INTO parents SELECT generate_series($1::int, $2::int) RETURNING id',
      params: [100, 129],
    })
    assert.match(text, /^committed: INSERT 0 30, 30 rows affected in \d+ ms\n/)
    assert.doesNotMatch(text, /WARNING/)
    assert.deepEqual([structured.rows_affected, structured.committed, structured.returning.length], [30, true, 20])
    assert.match(text, /only 20 of 30 returned rows are shown/)
    const gone = await call('tsdb_execute', { command: 'DELETE FROM parents WHERE id >= 100;' })
    assert.match(gone.text, /^committed: DELETE 30, 30 rows/)
  })

  it('dry_run leaves no trace, of rows, tables or sequences of chunks', async ({ call }) => {
    const { text } = await call('tsdb_execute', { command: 'DELETE FROM metrics WHERE device = 1', dry_run: true })
    assert.match(text, /^dry run, rolled back: DELETE 240, 240 rows/)
    assert.equal(await count('metrics'), 720)
    await call('tsdb_execute', { command: 'CREATE TABLE tried (x int)', dry_run: true })
    assert.equal((await sql("SELECT 1 FROM pg_class WHERE relname = 'tried'")).length, 0)
    const made = await call('tsdb_create_hypertable', { table_name: 'plain', migrate_data: true, dry_run: true })
    assert.match(made.text, /^dry run, rolled back: public\.plain is now hypertable/)
    assert.equal((await sql("SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = 'plain'")).length, 0)
  })

  const guarded: Record<string, [command: string, affected: number]> = {
    DELETE: ['DELETE FROM metrics', 720],
    UPDATE: ['UPDATE metrics SET value = 0 WHERE device = 2', 240],
    'DELETE without rows in its tag': [
      'WITH d AS (DELETE FROM metrics WHERE device = 1 RETURNING 1) SELECT count(*) FROM d',
      240,
    ],
    'DELETE that cascades': ['DELETE FROM parents WHERE id <= 5', 55],
    INSERT: ['INSERT INTO parents SELECT generate_series(1000, 1100)', 101],
  }
  for (const [name, [command, affected]] of Object.entries(guarded)) {
    it(`${name} above max_affected is rolled back with the true count`, async ({ call }) => {
      const before = [await count('metrics'), await count('parents'), await count('children')]
      const { text } = await call('tsdb_execute', { command, max_affected: 50 })
      assert.match(
        text,
        new RegExp(`^ERROR TOO_LARGE: \\w+ would affect ${affected} rows, above max_affected=50; rolled back, nothing changed`),
      )
      assert.deepEqual([await count('metrics'), await count('parents'), await count('children')], before)
    })
  }

  const refused: Record<string, string> = {
    'two statements': 'DELETE FROM metrics; DROP TABLE metrics',
    COPY: "COPY metrics TO PROGRAM 'true'",
    DO: 'DO $$ BEGIN DELETE FROM metrics; END $$',
    LOAD: "LOAD 'x'",
    'ALTER SYSTEM': "ALTER SYSTEM SET work_mem = '1GB'",
    'ALTER ROLE': 'ALTER ROLE postgres PASSWORD NULL',
    'CREATE ROLE': 'CREATE ROLE evil SUPERUSER',
    GRANT: 'GRANT ALL ON metrics TO PUBLIC',
    'GRANT inside CREATE SCHEMA': 'CREATE SCHEMA s GRANT ALL ON metrics TO PUBLIC',
    'SET ROLE': 'SET ROLE postgres',
    COMMIT: 'COMMIT',
    'CREATE EXTENSION': 'CREATE EXTENSION dblink',
    'CREATE FUNCTION': 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'DROP TABLE': 'DROP TABLE metrics',
    TRUNCATE: 'TRUNCATE metrics',
    'DROP COLUMN': 'ALTER TABLE metrics DROP COLUMN value',
    'DROP COLUMN without the word': 'ALTER TABLE metrics DROP value',
    drop_chunks: "SELECT drop_chunks('metrics', now())",
    'OWNER TO': 'ALTER TABLE metrics OWNER TO postgres',
    'CREATE SCHEMA with an owner': 'CREATE SCHEMA s AUTHORIZATION postgres',
    'a function by an escaped name': "SELECT U&\"drop!005fchunks\" UESCAPE '!' ('metrics', now())",
    'a policy that deletes later': "SELECT add_retention_policy('metrics', INTERVAL '1 day')",
    'a job': 'CALL run_job(1)',
    'DROP of a column named like a keyword': 'ALTER TABLE metrics DROP expression',
    'a rewriting type': 'ALTER TABLE metrics ALTER COLUMN value TYPE float8 USING NULL::float8',
    'SQL as text': "SELECT query_to_xml('DELETE FROM metrics', true, true, '')",
    pg_read_file: "INSERT INTO plain SELECT now(), length(pg_read_file('PG_VERSION'))",
  }
  for (const [name, command] of Object.entries(refused)) {
    it(`tsdb_execute refuses ${name}`, async ({ call }) => {
      const { text } = await call('tsdb_execute', { command })
      assert.match(text, /^ERROR (READ_ONLY|FORBIDDEN|INVALID_ARGUMENT): /)
      assert.equal(await count('metrics'), 720)
    })
  }

  it('identifiers that carry SQL are only names that do not exist', async ({ call }) => {
    for (const evil of [
      'metrics"; DROP TABLE metrics; --',
      "metrics'; DROP TABLE metrics; --",
      'metrics; DROP TABLE metrics',
      'a.b.c',
      '"metrics',
      'metrics\0',
    ]) {
      for (const [tool, args] of [
        ['tsdb_create_hypertable', { table_name: evil }],
        ['tsdb_create_hypertable', { table_name: 'plain', time_column: evil }],
        ['tsdb_show_chunks', { hypertable: evil }],
        ['tsdb_compression_stats', { hypertable: evil }],
        ['tsdb_add_compression', { hypertable: evil }],
        ['tsdb_add_compression', { hypertable: 'metrics', segment_by: [evil] }],
        ['tsdb_add_compression', { hypertable: 'metrics', order_by: evil }],
        [
          'tsdb_continuous_aggregate',
          { view_name: evil, query: "SELECT time_bucket('1 day', time), count(*) FROM metrics GROUP BY 1" },
        ],
        [
          'tsdb_continuous_aggregate',
          { view_name: 'v', query: `SELECT time_bucket('1 day', time), count(*) FROM ${evil} GROUP BY 1` },
        ],
      ] as const) {
        const { text, isError } = await call(tool, args)
        assert.ok(isError, `${tool} ${JSON.stringify(args)}: ${text}`)
      }
    }
    assert.equal(await count('metrics'), 720)
  })

  it('a table becomes a hypertable, with hints on the way', async ({ call }) => {
    const empty = await call('tsdb_create_hypertable', { table_name: 'plain', chunk_time_interval: '1 day' })
    assert.match(empty.text, /^ERROR INVALID_ARGUMENT: public\.plain is not empty.*"migrate_data":true/)
    assert.match(
      (await call('tsdb_create_hypertable', { table_name: 'plan' })).text,
      /^ERROR NOT_FOUND: table "plan" does not exist\. Similar: public\.plain/,
    )
    assert.match((await call('tsdb_create_hypertable', { table_name: 'plain', time_column: 'tme' })).text, /Similar: time/)
    const { text, structured } = await call('tsdb_create_hypertable', {
      table_name: 'PLAIN',
      chunk_time_interval: '1 day',
      migrate_data: true,
    })
    assert.match(
      text,
      /^public\.plain is now hypertable \d+, by time \(timestamp with time zone\) in chunks of 1 day, 2 rows moved/,
    )
    assert.deepEqual([structured.created, structured.rows_before], [true, 2])
    assert.match((await call('tsdb_create_hypertable', { table_name: 'plain' })).text, /^public\.plain is a hypertable already/)
  })

  it('an integer column is chunked by numbers, odd names are quoted, and a unique index in the way is named', async ({
    call,
  }) => {
    await sql(
      'CREATE TABLE "Odd Name" ("the time" bigint NOT NULL, v int); CREATE TABLE keyed (id int PRIMARY KEY, time timestamptz NOT NULL)',
    )
    assert.match(
      (await call('tsdb_create_hypertable', { table_name: '"Odd Name"', time_column: 'the time' })).text,
      /^ERROR INVALID_ARGUMENT: .*is an integer.*100000/,
    )
    const made = await call('tsdb_create_hypertable', {
      table_name: '"Odd Name"',
      time_column: 'the time',
      chunk_time_interval: '1000',
    })
    assert.match(made.text, /^public\."Odd Name" is now hypertable/)
    const keyed = await call('tsdb_create_hypertable', { table_name: 'keyed' })
    assert.match(keyed.text, /^ERROR INVALID_ARGUMENT: every unique index .*keyed_pkey \(id\) without it/)
    await call('tsdb_execute', { command: 'INSERT INTO "Odd Name" SELECT i, 1 FROM generate_series(1, 2500) i' })
    const chunks = await call('tsdb_show_chunks', { hypertable: 'Odd Name', newer_than: '1000', order: 'oldest' })
    assert.deepEqual(
      chunks.structured.chunks.map(({ range_start }: { range_start: string }) => range_start),
      ['1000', '2000'],
    )
  })

  it('hypertables are listed with chunks, sizes and pages', async ({ call }) => {
    const { structured } = await call('tsdb_show_hypertables')
    const metrics = structured.hypertables.find(({ name }: { name: string }) => name === 'metrics')
    assert.deepEqual(
      [metrics.time_column, metrics.time_type, metrics.chunk_interval, metrics.num_chunks],
      ['time', 'timestamp with time zone', '1 day', 10],
    )
    assert.ok(metrics.size_bytes > 0)
    const first = await call('tsdb_show_hypertables', { limit: 1 })
    const second = await call('tsdb_show_hypertables', first.structured.meta.next)
    assert.notEqual(first.structured.hypertables[0].name, second.structured.hypertables[0].name)
    assert.match(
      (await call('tsdb_show_hypertables', { schema: 'nowhere' })).text,
      /^0 hypertables and 0 other tables or views in schema nowhere/,
    )
  })

  it('chunks are listed by time, newest first, and cut exactly', async ({ call }) => {
    const all = await call('tsdb_show_chunks', { hypertable: 'metrics' })
    assert.match(all.text, /^10 chunks of public\.metrics, 0 compressed; /)
    const { structured, text } = await call('tsdb_show_chunks', {
      hypertable: 'public.metrics',
      older_than: '2026-10-06',
      limit: 2,
    })
    assert.deepEqual([structured.total_chunks, structured.chunks.length, structured.meta.truncated], [5, 2, true])
    assert.ok(structured.chunks[0].range_start > structured.chunks[1].range_start)
    assert.match(text, /NEXT: \{"hypertable":"public\.metrics","older_than":"2026-10-06"/)
    assert.match(
      (await call('tsdb_show_chunks', { hypertable: 'metrcs' })).text,
      /^ERROR NOT_FOUND: hypertable "metrcs" does not exist\. Similar: public\.metrics/,
    )
    assert.match(
      (await call('tsdb_show_chunks', { hypertable: 'parents' })).text,
      /^ERROR NOT_FOUND: public\.parents is a table, not a hypertable/,
    )
    assert.match((await call('tsdb_show_chunks', { hypertable: 'metrics', older_than: 'soon' })).text, /^ERROR INVALID_ARGUMENT/)
  })

  it('the overview names edition, version and counts', async ({ call }) => {
    const { structured, text } = await call('tsdb_database_stats')
    assert.match(text, /^TimescaleDB 2\.\d+\.\d+ \((Apache|Community) edition\) on PostgreSQL/)
    assert.ok(structured.hypertables >= 1 && structured.chunks >= 10 && structured.largest.length >= 1)
    assert.match(text, /largest tables\tchunks\tsize\n[\s\S]*public\.metrics\t10\t[\s\S]*public\.parents\t-\t/)
    const { body } = await server.ready()
    assert.equal(body.servers.timescaledb.detail.timescaledb, structured.version)
  })

  it('levels, MCP_READ_ONLY and a writer of its own', async () => {
    const without = { ...world.env }
    const cases: [NodeJS.ProcessEnv, string, Record<string, unknown>, RegExp][] = [
      [
        { TSDB_WRITE_LEVEL: 'off' },
        'tsdb_execute',
        { command: 'DELETE FROM metrics' },
        /^ERROR READ_ONLY: tsdb_execute is disabled on this server/,
      ],
      [
        { TSDB_WRITE_LEVEL: 'policy' },
        'tsdb_execute',
        { command: 'DELETE FROM metrics' },
        /^ERROR READ_ONLY: DELETE needs write level "dml"/,
      ],
      [
        { TSDB_WRITE_LEVEL: 'dml' },
        'tsdb_execute',
        { command: 'CREATE TABLE x ()' },
        /^ERROR READ_ONLY: CREATE needs write level "ddl"/,
      ],
      [{ MCP_READ_ONLY: 'true' }, 'tsdb_create_hypertable', { table_name: 'plain' }, /^ERROR READ_ONLY: .*switched off/],
      [
        { TSDB_ALLOW_DESTRUCTIVE: 'true' },
        'tsdb_execute',
        { command: 'DROP TABLE IF EXISTS no_such_table' },
        /^committed: DROP TABLE/,
      ],
    ]
    for (const [env, tool, args, answer] of cases) {
      const other = await RunningServer.start(['timescaledb'], { ...without, ...env })
      try {
        await withClient(other.url, async ({ call }) => assert.match((await call(tool, args)).text, answer))
      } finally {
        await other.stop()
      }
    }
    assert.equal(await count('metrics'), 720)
  })

  it('a write that is cancelled or too slow is rolled back', async ({ call }) => {
    const slow =
      'INSERT INTO parents SELECT 10000 + i FROM generate_series(1, 100) i, generate_series(1, 100000000) j WHERE j = 1'
    const { text } = await call('tsdb_execute', { command: slow, timeout_ms: 500 })
    assert.match(text, /^ERROR TIMEOUT: cancelled after 500 ms/)
    const abort = new AbortController()
    const call2 = call('tsdb_execute', { command: slow }, abort.signal).catch(() => 'cancelled')
    const active = () =>
      sql<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'INSERT INTO parents SELECT 10000%' AND state = 'active'",
      )
    await until('the statement runs', 5_000, active, ([row]) => row?.n === 1)
    abort.abort()
    await call2
    await until('it was cancelled', 1_000, active, ([row]) => row?.n === 0)
    assert.equal((await call('tsdb_execute', { command: 'UPDATE parents SET id = id WHERE id = 1' })).isError, false)
    assert.equal(await count('parents'), 5)
  })
}
