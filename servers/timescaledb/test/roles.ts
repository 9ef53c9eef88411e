// What each kind of database role may do through the tools, on a running TimescaleDB of either edition.
import assert from 'node:assert/strict'
import { test as register } from '../../../test/runner/harness.ts'
import { type Caller, RunningServer, withClient } from '../../kit/sql/test/running.ts'
import { safeWriter } from '../lib/writer.ts'
import type { World } from './behaviours.ts'

const count = "SELECT time_bucket('1 day', time), count(*) FROM metrics GROUP BY 1"

export function testRoles({ label, env, sql, admin, superuserUrl, urlFor }: World): void {
  const withServer = async (more: NodeJS.ProcessEnv, use: (caller: Caller, server: RunningServer) => Promise<void>) => {
    const server = await RunningServer.start(['timescaledb'], { ...env, ...more })
    try {
      await withClient(server.url, (caller) => use(caller, server))
    } finally {
      await server.stop()
    }
  }
  // Most of them start a server of their own.
  const test = (name: string, body: () => Promise<void>): void => register(name, body, { timeoutMs: 60_000 })
  const superuser = { TSDB_URL: superuserUrl, TSDB_WRITE_URL: superuserUrl }

  test(`${label}: with a superuser no SQL of a caller runs, and the tools with SQL of their own work`, () =>
    withServer(superuser, async ({ call }, server) => {
      for (const [tool, args] of [
        ['tsdb_query', { query: 'SELECT 1' }],
        ['tsdb_execute', { command: 'INSERT INTO parents VALUES (9999)' }],
        ['tsdb_execute', { command: 'INSERT INTO parents VALUES (9999)', dry_run: true }],
      ] as const) {
        const { text } = await call(tool, args)
        assert.match(text, /^ERROR FORBIDDEN: .*role postgres is not safe: it is a superuser.*operator/, tool)
      }
      assert.ok((await call('tsdb_continuous_aggregate', { view_name: 'no', query: count })).isError)
      for (const [tool, args] of [
        ['tsdb_show_hypertables', {}],
        ['tsdb_show_chunks', { hypertable: 'metrics' }],
        ['tsdb_compression_stats', {}],
        ['tsdb_database_stats', {}],
        ['tsdb_create_hypertable', { table_name: 'plain', dry_run: true, migrate_data: true }],
      ] as const) {
        const { text, isError } = await call(tool, args)
        assert.equal(isError, false, text)
      }
      const { detail } = (await server.ready()).body.servers.timescaledb
      assert.match(detail.sql_for_the_operator.join('\n'), /CREATE ROLE mcp_reader/)
      assert.match(detail.write_role.statements, /^refused: it is a superuser/)
      assert.match(
        detail.write_role.sql_for_the_operator.join('\n'),
        /CREATE ROLE mcp_writer .*\n.*\nGRANT USAGE, CREATE ON SCHEMA/,
      )
      assert.ok(
        server.log.some(
          ({ message, sql: shown }) => /writing role postgres/.test(String(message)) && /mcp_writer/.test(String(shown)),
        ),
      )
      assert.equal((await sql('SELECT 1 FROM parents WHERE id = 9999')).length, 0)
    }))

  test(`${label}: TSDB_ALLOW_UNSAFE_ROLE runs SQL with a superuser`, () =>
    withServer({ ...superuser, TSDB_ALLOW_UNSAFE_ROLE: 'true' }, async ({ call }) => {
      assert.equal((await call('tsdb_query', { query: 'SELECT 1' })).isError, false)
      const tried = await call('tsdb_execute', { command: 'INSERT INTO parents VALUES (9999)', dry_run: true })
      assert.match(tried.text, /^dry run/)
    }))

  test(`${label}: the statements shown to the operator create a role that writes`, async () => {
    const writerRole = safeWriter.name
    const schemas = ['public', 'beta'].map((name) => ({ name, owners: [] }))
    const own = safeWriter.sql({ database: new URL(superuserUrl).pathname.slice(1), schemas, password: "'octet'" })
    await admin(own.join('\n'))
    try {
      await withServer({ TSDB_WRITE_URL: urlFor(writerRole) }, async ({ call }, server) => {
        assert.match((await call('tsdb_execute', { command: 'INSERT INTO parents VALUES (9998)' })).text, /^committed/)
        assert.match((await call('tsdb_execute', { command: 'CREATE TABLE theirs (a int)', dry_run: true })).text, /^dry run/)
        assert.match((await call('tsdb_execute', { command: 'DELETE FROM parents WHERE id = 9998' })).text, /DELETE 1/)
        const { write_role } = (await server.ready()).body.servers.timescaledb.detail
        assert.deepEqual(write_role, { role: writerRole, statements: 'allowed' })
      })
    } finally {
      await admin(`DROP OWNED BY ${writerRole}; DROP ROLE ${writerRole}`)
    }
  })

  test(`${label}: a safe role reaches no file, program, role or other session, whatever the level admits`, () =>
    withServer({ TSDB_ALLOW_DESTRUCTIVE: 'true' }, async ({ call }) => {
      for (const command of [
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        'SELECT pg_reload_conf()',
        "SELECT set_config('role', 'postgres', false)",
        "SELECT set_config('session_authorization', 'postgres', false)",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND datname IS NOT NULL",
        "INSERT INTO pg_authid (rolname) VALUES ('evil')",
        'DELETE FROM _timescaledb_catalog.hypertable',
        'UPDATE _timescaledb_config.bgw_job SET scheduled = false',
        'CREATE TABLE pg_catalog.evil (a int)',
      ]) {
        const { text, isError } = await call('tsdb_execute', { command })
        // Without a session of the superuser there is nothing to end, and the SELECT has no row.
        assert.ok(isError || / 0 rows? affected/.test(text), `${command}: ${text}`)
      }
      assert.equal((await call('tsdb_execute', { command: "SELECT set_config('search_path', 'alpha', false)" })).isError, false)
      const after = await call('tsdb_execute', { command: "SELECT current_setting('search_path')", dry_run: true })
      assert.deepEqual(after.structured.returning, [['public, beta']])
      const chunks = await call('tsdb_execute', {
        command: "SELECT drop_chunks('metrics', '2026-10-02'::timestamptz)",
        dry_run: true,
      })
      assert.match(chunks.text, /^dry run, rolled back: SELECT 1/)
    }))

  test(`${label}: commands of psql are answered with the tool that does it, and a fence around SQL is removed`, () =>
    withServer({}, async ({ call }) => {
      for (const tool of ['tsdb_query', 'tsdb_execute']) {
        for (const text of ['\\dt', 'SHOW TABLES', '\\d metrics']) {
          assert.match((await call(tool, { query: text })).text, /^ERROR INVALID_ARGUMENT: .*TRY: tsdb_show_hypertables/)
        }
      }
      const fenced = await call('tsdb_execute', { command: '```sql\nINSERT INTO parents VALUES (9997)\n```', dry_run: true })
      assert.match(fenced.text, /^dry run, rolled back: INSERT 0 1/)
    }))
}
