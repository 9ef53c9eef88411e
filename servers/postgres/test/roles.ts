// What the role decides: with an unsafe one no SQL of callers runs, and the operator is told how to make a safe one. For every edition.
import assert from 'node:assert/strict'
import { type TestOptions, test } from '../../../test/runner/harness.ts'
import { safeReader } from '../../kit/sql/reader-role.ts'
import {
  type Edition,
  RunningServer,
  readOnlyRoleSql,
  startCluster,
  until,
  withClient,
  withSql,
} from '../../kit/sql/test/running.ts'

/** What is done to a role named app. */
const unsafe: Record<string, { setup: string; reason: RegExp }> = {
  'a superuser': { setup: 'ALTER ROLE app SUPERUSER', reason: /it is a superuser/ },
  'a role with REPLICATION': { setup: 'ALTER ROLE app REPLICATION', reason: /it has REPLICATION/ },
  'a member of pg_execute_server_program': {
    setup: 'GRANT pg_execute_server_program TO app',
    reason: /member of pg_execute_server_program/,
  },
  'a member of pg_read_server_files': { setup: 'GRANT pg_read_server_files TO app', reason: /member of pg_read_server_files/ },
  'a member of pg_write_server_files by another role': {
    setup: 'CREATE ROLE between; GRANT pg_write_server_files TO between; GRANT between TO app',
    reason: /member of pg_write_server_files/,
  },
  'a member of pg_signal_backend without inheriting it': {
    setup: 'ALTER ROLE app NOINHERIT; GRANT pg_signal_backend TO app',
    reason: /member of pg_signal_backend/,
  },
  'a role that may become a superuser': { setup: 'CREATE ROLE boss SUPERUSER; GRANT boss TO app', reason: /member of boss/ },
  'a role that may call what PUBLIC may not': {
    setup: 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app',
    reason: /may call pg_read_file\(text\)/,
  },
}

const tools: readonly [name: string, args: Record<string, unknown>][] = [
  ['postgres_list_databases', {}],
  ['postgres_list_tables', { include_columns: true }],
  ['postgres_server_info', {}],
  ['postgres_database_sizes', {}],
]

export function testRoles(edition: Edition): void {
  const options: TestOptions = { timeoutMs: 60_000 }
  const withServer = async (
    env: NodeJS.ProcessEnv,
    use: (server: RunningServer, admin: (sql: string) => Promise<unknown>, port: number) => Promise<void>,
  ): Promise<void> => {
    const cluster = await startCluster(edition)
    const admin = (sql: string): Promise<unknown> => withSql(cluster, (client) => client.query(sql), { database: 'app' })
    try {
      await withSql(cluster, (client) => client.query('CREATE DATABASE app'))
      await admin('CREATE ROLE app LOGIN; CREATE TABLE things (id int); GRANT SELECT ON things TO app')
      const target = { PGHOST: cluster.host, PGPORT: String(cluster.port), PGUSER: 'app', MCP_STRUCTURED_CONTENT: 'auto' }
      const server = await RunningServer.start(['postgres'], { ...target, ...env })
      try {
        await use(server, admin, cluster.port)
      } finally {
        await server.stop('SIGKILL')
      }
    } finally {
      await cluster.remove()
    }
  }

  test(
    `${edition.label}: with an unsafe role the lists work and queries do not`,
    () =>
      withServer({}, async (_, admin, port) => {
        for (const [i, [name, { setup, reason }]] of Object.entries(unsafe).entries()) {
          const role = `app_${i}`
          await admin(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON things TO ${role}; ${setup.replaceAll(' app', ` ${role}`)}`)
          const target = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: role, PGDATABASE: 'app' }
          const server = await RunningServer.start(['postgres'], target)
          try {
            await withClient(server.url, async ({ call }) => {
              const { text } = await call('postgres_query', { query: 'SELECT * FROM things' })
              assert.match(text, new RegExp(`^ERROR FORBIDDEN: the role ${role} is not safe`), name)
              assert.match(text, reason, name)
              for (const [tool, args] of tools) {
                const listed = await call(tool, args)
                assert.equal(listed.isError, false, `${name}: ${tool}: ${listed.text}`)
              }
              assert.match((await call('postgres_server_info')).text, /queries=refused/)
            })
          } finally {
            await server.stop('SIGKILL')
          }
        }
      }),
    { timeoutMs: 120_000 },
  )

  test(
    `${edition.label}: a role that changes is noticed in both directions without a restart`,
    () =>
      withServer({}, (server, admin) =>
        withClient(server.url, async ({ call }) => {
          const query = () => call('postgres_query', { query: 'SELECT 1' })
          assert.equal((await query()).isError, false)
          await admin('ALTER ROLE app SUPERUSER')
          await until('privileges are read anew after ten seconds', 15_000, query, ({ isError }) => isError)
          await admin('ALTER ROLE app NOSUPERUSER')
          assert.equal((await query()).isError, false)
        }),
      ),
    options,
  )

  test(
    `${edition.label}: /ready and the log hold the statements that make a safe role, and they do`,
    () =>
      withServer({ PGUSER: 'postgres', PGDATABASE: 'app' }, async (server, admin, port) => {
        await admin('CREATE ROLE "Owner"; CREATE SCHEMA "Sales data" AUTHORIZATION "Owner"')
        await admin('SET ROLE "Owner"; CREATE TABLE "Sales data".bills (id int)')
        const { body } = await server.ready()
        const { state, detail } = body.servers.postgres
        assert.equal(state, 'ok')
        assert.match(detail.safety.queries, /^refused: it is a superuser/)
        const sql = detail.sql_for_the_operator as string[]
        const warned = server.log.find(({ level, sql: told }) => level === 'warn' && told !== undefined)
        assert.match(String(warned?.message), /the role postgres is not safe: it is a superuser/)
        assert.match(String(warned?.sql), /CREATE ROLE mcp_reader/)
        await admin(sql.join('\n'))
        const reader = await RunningServer.start(['postgres'], {
          ...{
            PGHOST: '127.0.0.1',
            PGPORT: String(port),
            PGUSER: 'mcp_reader',
            PGDATABASE: 'app',
            MCP_STRUCTURED_CONTENT: 'auto',
          },
        })
        try {
          await admin('SET ROLE "Owner"; CREATE TABLE "Sales data".later (id int)')
          await withClient(reader.url, async ({ call }) => {
            const query = 'SELECT * FROM things, "Sales data".bills, "Sales data".later'
            assert.equal((await call('postgres_query', { query })).isError, false)
          })
          const ready = (await reader.ready()).body.servers.postgres.detail
          assert.deepEqual(
            [ready.safety.role_can, ready.safety.queries, ready.sql_for_the_operator],
            ['only read', 'allowed', undefined],
          )
        } finally {
          await reader.stop('SIGKILL')
        }
      }),
    options,
  )

  test(
    `${edition.label}: PG_ALLOW_UNSAFE_ROLE runs queries, still read-only`,
    () =>
      withServer({ PGUSER: 'postgres', PGDATABASE: 'app', PG_ALLOW_UNSAFE_ROLE: 'true' }, (server) =>
        withClient(server.url, async ({ call }) => {
          assert.equal((await call('postgres_query', { query: 'SELECT * FROM things' })).isError, false)
          const write = await call('postgres_query', {
            query: 'WITH i AS (INSERT INTO things VALUES (1) RETURNING 1) SELECT * FROM i',
          })
          assert.match(write.text, /^ERROR READ_ONLY: .*\(25006/)
          assert.match((await call('postgres_server_info')).text, /queries=allowed although the role is unsafe/)
        }),
      ),
    options,
  )

  test(
    `${edition.label}: functions that reach other systems are reported with a REVOKE that works`,
    () =>
      withServer({}, async (server, admin) => {
        await admin('CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO app; CREATE EXTENSION dblink SCHEMA ext')
        const { detail } = (await server.ready()).body.servers.postgres
        assert.ok(detail.safety.reaches_outside.includes('ext.dblink_connect(text)'), JSON.stringify(detail))
        assert.equal(detail.safety.queries, 'allowed')
        assert.equal(detail.sql_for_the_operator.length, 1)
        await admin(detail.sql_for_the_operator[0])
        await withClient(server.url, async ({ call }) => {
          const { text } = await call('postgres_query', { query: "SELECT ext.dblink_connect('dbname=app')" })
          assert.match(text, /^ERROR FORBIDDEN: .*42501/)
        })
      }),
    options,
  )

  test(`${edition.label}: the statements are those of readonly-role.sql`, () => {
    const lines = (sql: string): string[] => sql.split('\n').flatMap((line) => (/^\s*(--|$)/.test(line) ? [] : [line.trim()]))
    const shipped = readOnlyRoleSql({ db: 'Shop 1', owner: 'app owner', schema: 'sales', pw: 'x' })
    const ours = safeReader.sql({
      database: 'Shop 1',
      schemas: [{ name: 'sales', owners: ['app owner'] }],
      password: "'x'",
    })
    assert.deepEqual(
      ours.map((line) => line.replaceAll('sales', '"sales"')),
      lines(shipped),
    )
  })
}
