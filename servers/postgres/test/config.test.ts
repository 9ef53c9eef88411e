// How the server is configured and starts: variables, secrets, TLS, the sample database, and roles that are not safe.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issue } from '../../../test/helpers/certificates.ts'
import { test } from '../../../test/runner/harness.ts'
import { embedded, RunningServer, startCluster, until, withClient, withSql } from '../../kit/sql/test/running.ts'

const cluster = await startCluster(embedded)
await withSql(cluster, async (client) => {
  await client.query("CREATE ROLE app LOGIN PASSWORD 'p@ss/word%'")
  await client.query('CREATE DATABASE app')
})

async function withServer(env: NodeJS.ProcessEnv, use: (server: RunningServer) => Promise<void>): Promise<void> {
  const server = await RunningServer.start(['postgres'], { MCP_STRUCTURED_CONTENT: 'auto', PG_ALLOW_UNSAFE_ROLE: 'true', ...env })
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

const whoSql = 'SELECT current_user, current_database()'
const whoAmI = (server: RunningServer) =>
  withClient(server.url, async ({ call }) => {
    const { structured, text } = await call('postgres_query', { query: whoSql })
    return structured === undefined ? text : structured.rows[0]
  })

const { host, port } = cluster
const ways: Record<string, [NodeJS.ProcessEnv, [string, string]]> = {
  DATABASE_URL: [{ DATABASE_URL: `postgresql://app:p%40ss%2Fword%25@${host}:${port}/app` }, ['app', 'app']],
  'PGHOST and the like': [{ PGHOST: host, PGPORT: String(port), PGUSER: 'postgres', PGDATABASE: 'app' }, ['postgres', 'app']],
  'POSTGRES_HOST, _USER and _PASSWORD of existing compose files': [
    { POSTGRES_HOST: host, POSTGRES_PORT: String(port), POSTGRES_USER: 'app', POSTGRES_PASSWORD: 'p@ss/word%' },
    ['app', 'app'],
  ],
  POSTGRES_DB: [
    { POSTGRES_HOST: host, POSTGRES_PORT: String(port), POSTGRES_USER: 'app', POSTGRES_DB: 'postgres' },
    ['app', 'postgres'],
  ],
  'a URL and a password beside it': [
    { DATABASE_URL: `postgres://app@${host}:${port}/postgres`, PGPASSWORD: 'x' },
    ['app', 'postgres'],
  ],
  'a URL, which stands above the separate variables': [
    {
      DATABASE_URL: `postgres://app@${host}:${port}/postgres`,
      PGHOST: 'elsewhere',
      PGPORT: '1',
      PGUSER: 'nobody',
      PGDATABASE: 'none',
    },
    ['app', 'postgres'],
  ],
  'a URL with parameters': [
    { DATABASE_URL: `postgres:///app?host=${host}&port=${port}&user=app&sslmode=prefer` },
    ['app', 'app'],
  ],
}
for (const [name, [env, expected]] of Object.entries(ways)) {
  test(`connects by ${name}`, () => withServer(env, async (server) => assert.deepEqual(await whoAmI(server), expected)))
}

test('takes secrets from files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'octet-secret-'))
  try {
    writeFileSync(join(folder, 'url'), `postgresql://app:p%40ss%2Fword%25@${host}:${port}/app\n`)
    await withServer({ DATABASE_URL_FILE: join(folder, 'url') }, async (server) =>
      assert.deepEqual(await whoAmI(server), ['app', 'app']),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a database named like the role may be missing: postgres is used then', async () => {
  await withSql(cluster, (client) => client.query('CREATE ROLE nodb LOGIN'))
  await withServer({ PGHOST: host, PGPORT: String(port), PGUSER: 'nodb' }, async (server) =>
    assert.deepEqual(await whoAmI(server), ['nodb', 'postgres']),
  )
})

test("what Kubernetes sets for a service named postgres is not taken for the operator's word", () =>
  withServer({ POSTGRES_PORT: 'tcp://10.0.0.1:5432', POSTGRES_SERVICE_HOST: '10.0.0.1' }, async (server) => {
    assert.match(
      String(await whoAmI(server)),
      /^ERROR UPSTREAM_UNREACHABLE: the postgres server is not configured: set DATABASE_URL/,
    )
  }))

test('contradictions and unreadable values leave the server unready, and no secret in the log', async () => {
  const secret = 'verysecretpassword'
  for (const env of [
    { DATABASE_URL: `mysql://app:${secret}@${host}/app` },
    { DATABASE_URL: `postgresql://app:${secret}@one,two/app` },
    { DATABASE_URL: `postgresql://app:${secret}%zz@${host}/app` },
    { DATABASE_URL: `postgresql://app:${secret}@${host}/app`, PG_ALLOWED_DATABASES: 'crm' },
    { DATABASE_URL: `postgresql://app:${secret}@${host}/app`, POSTGRES_SAMPLE: 'true' },
  ] as NodeJS.ProcessEnv[]) {
    await withServer(env, async (server) => {
      assert.match(String(await whoAmI(server)), /^ERROR UPSTREAM_UNREACHABLE: the postgres server is not configured correctly/)
      assert.ok(server.log.some(({ message }) => message === 'server is misconfigured'))
      assert.doesNotMatch(JSON.stringify(server.log), new RegExp(secret))
      assert.equal((await server.ready()).status, 503)
    })
  }
})

test('a wrong password is said without it', async () => {
  const strict = await startCluster(embedded)
  try {
    await withSql(strict, (client) => client.query("ALTER ROLE postgres PASSWORD 'right'"))
    writeFileSync(join(strict.folder, 'data', 'pg_hba.conf'), 'host all all all scram-sha-256\n')
    await withSql(strict, (client) => client.query('SELECT pg_reload_conf()'))
    const env = { PGHOST: strict.host, PGPORT: String(strict.port), PGUSER: 'postgres' }
    await until(
      'the rule is in force',
      5_000,
      () => withSql(strict, async () => 'open', { password: 'wrong' }).catch(() => 'closed'),
      (state) => state === 'closed',
    )
    for (const PGPASSWORD of ['wrongwrong', undefined]) {
      await withServer({ ...env, PGPASSWORD }, async (server) => {
        const text = String(await whoAmI(server))
        assert.match(text, /^ERROR UPSTREAM_AUTH: PostgreSQL /)
        assert.doesNotMatch(text, /wrongwrong/)
        assert.equal((await server.ready()).body.servers.postgres.error, 'UPSTREAM_AUTH')
      })
    }
    await withServer({ ...env, PGPASSWORD: 'right' }, async (server) =>
      assert.deepEqual(await whoAmI(server), ['postgres', 'postgres']),
    )
  } finally {
    await strict.remove()
  }
})

test('PG_ALLOWED_DATABASES hides the others', () =>
  withServer(
    {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGDATABASE: 'app',
      PG_ALLOWED_DATABASES: 'app',
    },
    (server) =>
      withClient(server.url, async ({ call }) => {
        const { structured } = await call('postgres_list_databases')
        assert.deepEqual(
          structured.databases.map(({ name }: { name: string }) => name),
          ['app'],
        )
        assert.match(
          (await call('postgres_query', { query: 'SELECT 1', database: 'postgres' })).text,
          /^ERROR NOT_FOUND.*Databases: app\./,
        )
      }),
  ))

test(
  'TLS by MCP_CA_FILE: verified, refused for a wrong name, and cancelled over it',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-tls-'))
    const secure = await startCluster(embedded)
    try {
      const { ca, server: issued } = issue('localhost')
      writeFileSync(join(folder, 'ca.pem'), ca)
      await withSql(secure, async (client) => {
        // Through SQL, because the files must belong to the user that the server runs as.
        for (const [name, pem] of [
          ['server.key', issued.key],
          ['server.crt', issued.certificate],
        ] as const) {
          await client.query(
            `COPY (SELECT regexp_split_to_table(${client.escapeLiteral(pem.trim())}, E'\\n')) TO ${client.escapeLiteral(join(secure.folder, 'data', name))}`,
          )
        }
        await client.query(`COPY (SELECT 1) TO PROGRAM 'chmod 600 ${join(secure.folder, 'data', 'server.key')}'`)
        await client.query("ALTER SYSTEM SET ssl = 'on'")
        await client.query('SELECT pg_reload_conf()')
      })
      const base = { PGHOST: 'localhost', PGPORT: String(secure.port), PGUSER: 'postgres' }
      const ssl = (server: RunningServer) =>
        withClient(server.url, async ({ call }) => {
          const { structured, text } = await call('postgres_query', {
            query: 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
          })
          return structured?.rows[0][0] ?? text
        })
      await withServer({ ...base, PGSSLMODE: 'verify-full', MCP_CA_FILE: join(folder, 'ca.pem') }, async (server) => {
        assert.equal(await ssl(server), true)
        await withClient(server.url, async ({ call }) => {
          const endless = 'SELECT count(*) FROM generate_series(1, 100000000000)'
          const active = () =>
            withSql(
              secure,
              async (client) =>
                (
                  await client.query(
                    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT count(*) FROM generate_series%'",
                  )
                ).rows[0].n as number,
            )
          const abort = new AbortController()
          const slow = call('postgres_query', { query: endless }, abort.signal).catch(() => 'cancelled')
          await until('the statement runs', 5_000, active, (n) => n === 1)
          abort.abort()
          await slow
          await until('it was cancelled', 1_000, active, (n) => n === 0)
        })
      })
      await withServer({ ...base, PGSSLROOTCERT: join(folder, 'ca.pem') }, async (server) =>
        assert.equal(await ssl(server), true),
      )
      await withServer({ ...base, PGSSLMODE: 'require' }, async (server) => assert.equal(await ssl(server), true))
      await withServer(base, async (server) => assert.equal(await ssl(server), true))
      for (const env of [
        { ...base, PGHOST: '127.0.0.1', PGSSLROOTCERT: join(folder, 'ca.pem') },
        { ...base, PGSSLMODE: 'verify-full' },
      ]) {
        await withServer(env, async (server) =>
          assert.match(String(await ssl(server)), /^ERROR UPSTREAM_UNREACHABLE: PostgreSQL cannot be reached \(TLS failed/),
        )
      }
      await withServer(
        { ...base, PGHOST: '127.0.0.1', PGSSLMODE: 'verify-ca', PGSSLROOTCERT: join(folder, 'ca.pem') },
        async (server) => assert.equal(await ssl(server), true),
      )
    } finally {
      await secure.remove()
      rmSync(folder, { recursive: true })
    }
  },
  { timeoutMs: 60_000 },
)

test('a server without TLS is refused where TLS is required', () =>
  withServer({ PGHOST: host, PGPORT: String(port), PGUSER: 'postgres', PGSSLMODE: 'require' }, async (server) => {
    assert.match(String(await whoAmI(server)), /^ERROR UPSTREAM_UNREACHABLE: .*TLS failed: the server does not support SSL/i)
  }))

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(
    `the sample database says what it is, and goes with the process on ${signal}`,
    async () => {
      // A folder of its own: other tests start databases at the same time.
      const folder = mkdtempSync(join(tmpdir(), 'octet-test-'))
      chmodSync(folder, 0o1777) // PostgreSQL runs as another user, who removes its folder
      const env = { TEST_COMMAND: 'start', MCP_STRUCTURED_CONTENT: 'auto', TMPDIR: folder }
      const server = await RunningServer.start(['postgres'], env)
      await withClient(server.url, async ({ call }) => {
        for (const [tool, args] of [
          ['postgres_query', { query: 'SELECT category, sum(sales) FROM monthly_sales GROUP BY 1 ORDER BY 1' }],
          ['postgres_list_databases', {}],
          ['postgres_list_tables', { include_columns: true }],
          ['postgres_server_info', {}],
          ['postgres_database_sizes', {}],
        ] as const) {
          const { text, isError } = await call(tool, args)
          assert.match(text, /^\[sample database\] /)
          assert.equal(isError, false)
        }
        assert.match((await call('postgres_query', { query: 'SELECT * FROM pg_authid' })).text, /^ERROR FORBIDDEN/)
      })
      // The first probe may have come while the sample was still being filled, and is kept for ten seconds.
      const look = async () => (await server.ready()).body.servers.postgres
      const { detail } = await until('the sample is ready', 20_000, look, ({ state }) => state === 'ok')
      assert.equal(detail.safety.role_can, 'only read')
      const sample = join(folder, readdirSync(folder).find((name) => name.startsWith('octet-pg-')) as string)
      const pid = Number(execFileSync('head', ['-1', join(sample, 'data', 'postmaster.pid')]).toString())
      await server.stop(signal)
      const gone = async (): Promise<boolean> => !existsSync(sample) && !existsSync(`/proc/${pid}`)
      await until('server and folder are gone', 5_000, gone, (done) => done)
      rmSync(folder, { recursive: true })
    },
    { timeoutMs: 60_000 },
  )
}
