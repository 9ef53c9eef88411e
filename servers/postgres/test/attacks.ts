// Attacks on the read-only promise, each over MCP, as a superuser and with the shipped role. Run for every edition of PostgreSQL.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../../../test/runner/harness.ts'
import { withClient, withSql } from '../../kit/sql/test/running.ts'
import { type Shop, snapshotSql } from '../../kit/sql/test/shop.ts'

interface Attack {
  readonly sql: string
  /** What the answer must look like; without it, any answer will do as long as nothing changed. */
  readonly answer?: RegExp
}

const refused = /^ERROR (READ_ONLY|FORBIDDEN|INVALID_ARGUMENT|NOT_FOUND)/
const gate = /^ERROR READ_ONLY: this tool accepts one SELECT/
const several = /^ERROR INVALID_ARGUMENT: \d statements found \(42601\)/
const denied = /^ERROR FORBIDDEN: the function \S+ is not allowed/

function attacks(file: string): Record<string, Attack> {
  return {
    'COMMIT before a write': { sql: "COMMIT; INSERT INTO customers (email) VALUES ('x')", answer: several },
    'a write behind a SELECT': { sql: 'SELECT 1; DROP TABLE orders', answer: several },
    'a semicolon behind a comment': { sql: 'SELECT 1 /* ; */ ; -- ;\n DELETE FROM orders', answer: several },
    'a quote that a backslash seems to close': { sql: String.raw`SELECT '\'; DELETE FROM orders; --'`, answer: refused },
    'a dollar quote that is none': { sql: 'SELECT 1 AS a$b$; DELETE FROM orders; --$b$', answer: several },
    'SET TRANSACTION READ WRITE': { sql: 'SET TRANSACTION READ WRITE', answer: gate },
    'a comment before the word': { sql: '/* SELECT */ -- SELECT\n DELETE FROM orders', answer: gate },
    'nested comments before the word': { sql: '/* /* */ SELECT */ TRUNCATE orders', answer: gate },
    'a write in a WITH': {
      sql: 'WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d',
      answer: /^ERROR READ_ONLY.*25006/,
    },
    'SELECT INTO': { sql: 'SELECT * INTO stolen FROM customers', answer: /^ERROR READ_ONLY.*25006/ },
    'SELECT FOR UPDATE': { sql: 'SELECT * FROM customers FOR UPDATE', answer: refused },
    'EXPLAIN ANALYZE of a write': { sql: 'EXPLAIN ANALYZE DELETE FROM orders', answer: refused },
    'COPY TO PROGRAM': { sql: `COPY (SELECT 1) TO PROGRAM 'touch ${file}'`, answer: gate },
    'COPY TO a file': { sql: `COPY customers TO '${file}'`, answer: gate },
    'COPY in parentheses': { sql: `(COPY customers TO '${file}')`, answer: gate },
    DO: { sql: 'DO $$ BEGIN DELETE FROM orders; END $$', answer: gate },
    CALL: { sql: 'CALL anything()', answer: gate },
    LOCK: { sql: 'LOCK TABLE customers IN ACCESS EXCLUSIVE MODE', answer: gate },
    LOAD: { sql: "LOAD 'auto_explain'", answer: gate },
    PREPARE: { sql: 'PREPARE p AS SELECT 1', answer: gate },
    LISTEN: { sql: 'LISTEN anything', answer: gate },
    'ALTER SYSTEM': { sql: "ALTER SYSTEM SET work_mem = '1GB'", answer: gate },
    'CREATE ROLE': { sql: 'CREATE ROLE evil SUPERUSER', answer: gate },
    'SET ROLE': { sql: 'SET ROLE postgres', answer: gate },
    'set_config of transaction_read_only': { sql: "SELECT set_config('transaction_read_only', 'off', true)", answer: denied },
    'set_config spelled with escapes': {
      sql: `SELECT U&"set\\005fconfig"('transaction_read_only', 'off', true)`,
      answer: denied,
    },
    'set_config spelled with another escape': {
      sql: `SELECT U&"set!005fconfig" UESCAPE '!' ('transaction_read_only', 'off', true)`,
      answer: refused,
    },
    'pg_settings as a view that can be updated': {
      sql: "UPDATE pg_settings SET setting = 'off' WHERE name = 'fsync'",
      answer: gate,
    },
    pg_read_file: { sql: "SELECT pg_read_file('postgresql.conf')", answer: denied },
    'pg_read_file with a schema and a comment': {
      sql: "SELECT pg_catalog . pg_read_file /* x */ ('postgresql.conf')",
      answer: denied,
    },
    'pg_read_file in quotes': { sql: `SELECT "pg_read_file"('postgresql.conf')`, answer: denied },
    'pg_read_file through query_to_xml': {
      sql: "SELECT query_to_xml('select pg_read_file(''postgresql.conf'')', true, true, '')",
      answer: denied,
    },
    pg_ls_dir: { sql: "SELECT pg_ls_dir('.')", answer: denied },
    lo_import: { sql: "SELECT lo_import('/etc/hostname')", answer: denied },
    lo_create: { sql: 'SELECT lo_create(0)', answer: denied },
    dblink_exec: { sql: "SELECT dblink_exec('dbname=shop', 'DELETE FROM orders')", answer: denied },
    nextval: { sql: "SELECT nextval('counter')", answer: /^ERROR (READ_ONLY|FORBIDDEN)/ },
    setval: { sql: "SELECT setval('counter', 9)", answer: denied },
    pg_reload_conf: { sql: 'SELECT pg_reload_conf()', answer: denied },
    pg_terminate_backend: { sql: 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity', answer: denied },
    pg_notify: { sql: "SELECT pg_notify('a', 'b')", answer: denied },
    'a replication slot': { sql: "SELECT pg_create_physical_replication_slot('evil')", answer: denied },
    'a WAL message': { sql: "SELECT pg_logical_emit_message(false, 'a', 'b')", answer: denied },
    'a function that writes': { sql: 'SELECT sneaky()', answer: /^ERROR (READ_ONLY|FORBIDDEN)/ },
    'a SECURITY DEFINER function that writes': { sql: 'SELECT sneaky_definer()', answer: /^ERROR READ_ONLY.*25006/ },
    'a NUL in the text': { sql: 'SELECT 1\0; DELETE FROM orders', answer: /^ERROR INVALID_ARGUMENT.*NUL/ },
    'EXPLAIN of COPY': { sql: `EXPLAIN COPY customers TO '${file}'`, answer: refused },
    'EXPLAIN ANALYZE CREATE TABLE AS': { sql: 'EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1', answer: refused },
  }
}

export function testAttacks(shop: Shop): void {
  const { cluster, edition } = shop
  const file = join(cluster.folder, 'attack')
  const snapshot = (): Promise<string> =>
    withSql(cluster, async (client) => (await client.query({ text: snapshotSql, rowMode: 'array' })).rows[0]?.[0] as string, {
      database: 'shop',
    })
  for (const [role, server] of [
    ['superuser', shop.superuser],
    ['shipped role', shop.reader],
  ] as const) {
    for (const [name, { sql, answer }] of Object.entries(attacks(file))) {
      test(`${edition.label}, ${role}: ${name} changes nothing`, async () => {
        const before = await snapshot()
        const { text, isError } = await withClient(server.url, ({ call }) => call('postgres_query', { query: sql }))
        if (answer !== undefined) {
          assert.match(text, answer)
          assert.ok(isError)
        }
        assert.equal(await snapshot(), before)
        assert.ok(!existsSync(file))
      })
    }

    // A function hides it from the gate. With 500 rows the scrub is another one than with 100, and a failure takes a third way.
    for (const [way, query, maxRows] of [
      ['a statement', 'SELECT holds_lock(), leaves_things(), pg_backend_pid() AS pid', 100],
      ['a statement in several batches', 'SELECT holds_lock(), leaves_things(), pg_backend_pid() AS pid', 500],
      ['a statement that fails', 'SELECT leaves_things(), 1 / (pg_backend_pid() - pg_backend_pid())', 100],
    ] as const) {
      test(`${edition.label}, ${role}: nothing that ${way} left reaches the next call`, () =>
        withClient(server.url, async ({ call }) => {
          const first = await call('postgres_query', { query: 'SELECT pg_backend_pid()' })
          const left = await call('postgres_query', { query, max_rows: maxRows })
          assert.equal(left.isError, way === 'a statement that fails', left.text)
          const next = await call('postgres_query', {
            query: `SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
              (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS prepared, (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors,
              (SELECT count(*) FROM pg_listening_channels()) AS channels, current_setting('work_mem') AS work_mem, current_setting('transaction_read_only') AS read_only`,
          })
          assert.equal(next.structured.rows[0][0], first.structured.rows[0][0], 'another connection was used')
          assert.deepEqual(next.structured.rows[0].slice(1), [0, 0, 0, 0, '4MB', 'on'])
        }))
    }

    test(`${edition.label}, ${role}: a statement that lifts its own time limit is stopped`, () =>
      withClient(server.url, async ({ call }) => {
        await withSql(
          cluster,
          (client) =>
            client.query(`CREATE OR REPLACE FUNCTION public.lift() RETURNS text LANGUAGE sql AS
            $$ SELECT set_config('statement_timeout', '0', true) || set_config('statement_timeout', '0', false) $$`),
          { database: 'shop' },
        )
        const started = performance.now()
        const { text } = await call('postgres_query', {
          query: 'SELECT lift(), count(*) FROM generate_series(1, 2000000000)',
          timeout_ms: 400,
        })
        assert.match(text, /^ERROR TIMEOUT: cancelled after 400 ms/)
        assert.ok(performance.now() - started < 2_500)
      }))
  }

  test(`${edition.label}: the shipped role cannot read password hashes or write anywhere`, () =>
    withClient(shop.reader.url, async ({ call }) => {
      for (const query of ['SELECT * FROM pg_authid', 'SELECT passwd FROM pg_shadow']) {
        assert.match((await call('postgres_query', { query })).text, /^ERROR FORBIDDEN: permission denied for .*42501/)
      }
      const { structured } = await call('postgres_query', {
        query:
          "SELECT count(*) FROM pg_class WHERE relkind IN ('r','p') AND relnamespace::regnamespace::text !~ '^pg_' AND has_table_privilege(oid, 'INSERT,UPDATE,DELETE,TRUNCATE')",
      })
      assert.equal(structured.rows[0][0], 0)
    }))

  test(`${edition.label}: what the self-test found is in /ready, the log and postgres_server_info`, async () => {
    const { body } = await shop.superuser.ready()
    const refused = { 'stacked statement': '42601', write: '25006', 'read write switch': '25001' }
    assert.deepEqual(body.servers.postgres.detail.safety.refused, refused)
    assert.equal(body.servers.postgres.detail.safety.superuser, true)
    assert.ok(shop.superuser.log.some(({ level, message }) => level === 'warn' && /SUPERUSER/.test(String(message))))
    const reader = await shop.reader.ready()
    assert.equal(reader.body.servers.postgres.detail.safety.role_can, 'only read')
    await withClient(shop.reader.url, async ({ call }) => {
      const { structured, text } = await call('postgres_server_info')
      assert.equal(structured.safety.role, 'mcp_reader')
      assert.deepEqual(structured.safety.refused, refused)
      assert.match(text, /self_test=passed/)
    })
  })
}
