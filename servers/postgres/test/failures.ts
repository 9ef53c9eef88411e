// What happens when callers leave, statements run on, and the database server is slow, full, gone or back. For every edition of PostgreSQL.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { safeReader } from '../../kit/sql/reader-role.ts'
import { RoleConnections } from '../../kit/sql/role-connections.ts'
import type { Session } from '../../kit/sql/session.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import {
  type Address,
  type Edition,
  RunningServer,
  startCluster,
  until,
  withClient,
  withSql,
} from '../../kit/sql/test/running.ts'

/** Never returns within a test's time, and is not stopped by the filter. */
const endless = 'SELECT count(*) FROM generate_series(1, 100000000000)'

const running = (address: Address): Promise<number> =>
  withSql(address, async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate_series%' AND state = 'active'`,
    )
    return rows[0].n as number
  })

async function withServer(
  edition: Edition,
  settings: readonly string[],
  env: NodeJS.ProcessEnv,
  use: (cluster: Awaited<ReturnType<typeof startCluster>>, server: RunningServer) => Promise<void>,
): Promise<void> {
  const cluster = await startCluster(edition, settings)
  try {
    const server = await RunningServer.start(['postgres'], {
      ...{
        PGHOST: cluster.host,
        PGPORT: String(cluster.port),
        PGUSER: 'postgres',
        PG_ALLOW_UNSAFE_ROLE: 'true',
        MCP_STRUCTURED_CONTENT: 'auto',
      },
      ...env,
    })
    try {
      await use(cluster, server)
    } finally {
      await server.stop('SIGKILL')
    }
  } finally {
    await cluster.remove()
  }
}

export function testFailures(edition: Edition): void {
  const it = (name: string, body: () => Promise<void>): void => test(`${edition.label}: ${name}`, body, { timeoutMs: 40_000 })

  it('a cancelled call, a client that leaves and a deadline end the statement within a second', () =>
    withServer(edition, [], { MCP_TOOL_TIMEOUT_MS: '1500' }, async (cluster, server) => {
      await withClient(server.url, async ({ call }) => {
        const abort = new AbortController()
        const cancelled = call('postgres_query', { query: endless }, abort.signal).catch(() => 'cancelled')
        await until(
          'the statement runs',
          5_000,
          () => running(cluster),
          (n) => n === 1,
        )
        abort.abort()
        await cancelled
        await until(
          'it was cancelled',
          1_000,
          () => running(cluster),
          (n) => n === 0,
        )
      })

      await withClient(server.url, async ({ call, client }) => {
        const left = call('postgres_query', { query: endless }).catch(() => 'left')
        await until(
          'the statement runs',
          5_000,
          () => running(cluster),
          (n) => n === 1,
        )
        await client.close()
        await until(
          'it ended with its caller',
          1_000,
          () => running(cluster),
          (n) => n === 0,
        )
        await left
      })

      await withClient(server.url, async ({ call }) => {
        const { text } = await call('postgres_query', { query: endless, timeout_ms: 60_000 })
        assert.match(text, /^ERROR TIMEOUT: cancelled after 500 ms \(57014\)/)
        await until(
          'it ended with its deadline',
          1_000,
          () => running(cluster),
          (n) => n === 0,
        )
        assert.equal((await call('postgres_query', { query: 'SELECT 1' })).isError, false)
      })
    }))

  it('a server that goes away and comes back is found again without a restart', () =>
    withServer(edition, [], {}, async (cluster, server) => {
      await withClient(server.url, async ({ call }) => {
        assert.equal((await call('postgres_query', { query: 'SELECT 1' })).isError, false)
        const during = call('postgres_query', { query: endless })
        await until(
          'the statement runs',
          5_000,
          () => running(cluster),
          (n) => n === 1,
        )
        await cluster.stop()
        assert.match((await during).text, /^ERROR UPSTREAM_UNREACHABLE/)
        const started = performance.now()
        const down = await call('postgres_query', { query: 'SELECT 1' })
        assert.match(down.text, /^ERROR UPSTREAM_UNREACHABLE: PostgreSQL cannot be reached \(ECONNREFUSED\)/)
        assert.doesNotMatch(down.text, /127\.0\.0\.1/)
        assert.ok(performance.now() - started < 3_500)
        const tools = await call('postgres_list_tables')
        assert.match(tools.text, /^ERROR UPSTREAM_UNREACHABLE/)
        const { status, body } = await until(
          '/ready says so',
          12_000,
          () => server.ready(),
          ({ status }) => status === 503,
        )
        assert.equal(status, 503)
        assert.equal(body.servers.postgres.error, 'UPSTREAM_UNREACHABLE')
        await cluster.start()
        assert.equal((await call('postgres_query', { query: 'SELECT 1' })).isError, false)
        await until(
          '/ready says so',
          12_000,
          () => server.ready(),
          ({ status }) => status === 200,
        )
      })
    }))

  it('a restart between two calls is not noticed', () =>
    withServer(edition, [], {}, (cluster, server) =>
      withClient(server.url, async ({ call }) => {
        assert.equal((await call('postgres_query', { query: 'SELECT 1' })).isError, false)
        await cluster.stop()
        await cluster.start()
        assert.equal((await call('postgres_query', { query: 'SELECT 2' })).isError, false)
      }),
    ))

  it('a connection that the server ended is replaced', () =>
    withServer(edition, [], {}, (cluster, server) =>
      withClient(server.url, async ({ call }) => {
        const first = await call('postgres_query', { query: 'SELECT pg_backend_pid()' })
        await withSql(cluster, (client) => client.query('SELECT pg_terminate_backend($1)', [first.structured.rows[0][0]]))
        const second = await call('postgres_query', { query: 'SELECT pg_backend_pid()' })
        assert.equal(second.isError, false, second.text)
        assert.notEqual(second.structured.rows[0][0], first.structured.rows[0][0])
      }),
    ))

  it('a server without a free connection is unreachable until there is one', () =>
    withServer(edition, ['max_connections=8', 'superuser_reserved_connections=0', 'max_wal_senders=0'], {}, (cluster, server) =>
      withClient(server.url, async ({ call }) => {
        await until(
          'the first probe has passed',
          5_000,
          () => server.ready(),
          ({ status }) => status === 200,
        )
        // Our server's own idle connection is ended too: every connection is in use.
        await withSql(cluster, (client) =>
          client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'mcp-postgres/%'"),
        )
        const take = async (left: number, then: () => Promise<void>): Promise<void> =>
          left === 0 ? then() : withSql(cluster, () => take(left - 1, then))
        await take(8, async () => {
          const { text } = await call('postgres_query', { query: 'SELECT 1' })
          assert.match(text, /^ERROR UPSTREAM_UNREACHABLE: PostgreSQL accepts no more connections \(53300\)/)
        })
        const again = await until(
          'a connection is free',
          2_000,
          () => call('postgres_query', { query: 'SELECT 1' }),
          ({ isError }) => !isError,
        )
        assert.equal(again.isError, false)
      }),
    ))

  it('no more than PG_MAX_CONNECTIONS are opened, to all databases together, and /ready still answers', () =>
    withServer(edition, [], { PG_MAX_CONNECTIONS: '2' }, async (cluster, server) => {
      await withSql(cluster, (client) => client.query('CREATE DATABASE other'))
      await withClient(server.url, async ({ call }) => {
        const abort = new AbortController()
        const busy = ['postgres', 'other', 'postgres', 'other'].map((database) =>
          call('postgres_query', { query: endless, database }, abort.signal).catch(() => 'cancelled'),
        )
        await until(
          'two statements run',
          5_000,
          () => running(cluster),
          (n) => n === 2,
        )
        const { status } = await server.ready()
        assert.equal(status, 200)
        const most = await withSql(cluster, async (client) => {
          const { rows } = await client.query(
            "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'mcp-postgres/%'",
          )
          return rows[0].n as number
        })
        assert.ok(most <= 3, `${most} connections`)
        abort.abort()
        await Promise.all(busy)
        for (const database of ['other', 'postgres', 'other']) {
          const { structured } = await call('postgres_query', { query: 'SELECT current_database()', database })
          assert.deepEqual(structured.rows, [[database]])
        }
      })
      await until(
        'nothing runs on',
        1_000,
        () => running(cluster),
        (n) => n === 0,
      )
    }))

  it('the connection above the limit that a probe may open is never passed on to a call', async () => {
    const cluster = await startCluster(edition)
    const parts = { host: cluster.host, port: String(cluster.port), user: 'postgres' }
    const target = resolveTarget(parts, { urlVariable: 'POSTGRES_URL', applicationName: 'pool-test', ca: undefined })
    const connections = new RoleConnections({
      ...{ target, maxConnections: 1, name: 'test', environment: environmentOf() },
      ...{ title: 'the role', safeRole: safeReader, readsOnly: true },
    })
    const { signal } = new AbortController()
    /** Resolves with a session, which it keeps until `leave` is called. */
    const hold = (lend: 'use' | 'probe') =>
      new Promise<{ session: Session; leave: () => void }>((resolve, reject) => {
        const work = (session: Session) => new Promise<void>((leave) => resolve({ session, leave }))
        const held = connections.use('postgres', signal, work, { probing: lend === 'probe' })
        held.catch(reject)
      })
    const stats = async () => connections.stats
    try {
      const call = await hold('use')
      const next = hold('use')
      const stopped = new AbortController()
      const waiting = connections.use('postgres', stopped.signal, async () => {})
      const probe = await hold('probe')
      assert.notEqual(probe.session, call.session)
      assert.deepEqual(connections.stats, { open: 2, idle: 0, waiting: 2 })
      stopped.abort(new Error('left'))
      await assert.rejects(waiting, /left/)
      probe.leave()
      await until('the probe has left', 2_000, stats, ({ open }) => open === 1)
      assert.deepEqual([connections.stats, probe.session.closed], [{ open: 1, idle: 0, waiting: 1 }, true])
      call.leave()
      const { session, leave } = await next
      assert.equal(session, call.session)
      leave()
      const isFree = ({ open, idle }: { open: number; idle: number }): boolean => open === 1 && idle === 1
      await until('it is reset', 2_000, stats, isFree)
      const free = await hold('probe')
      assert.equal(free.session, session, 'a probe opens no connection while one is free')
      free.leave()
      // Neither work that fails nor a session that cannot be reset keeps its slot.
      await assert.rejects(
        connections.use('postgres', signal, async () => Promise.reject(new Error('failed'))),
        /failed/,
      )
      await connections.use('postgres', signal, async (lost) => lost.destroy())
      const other = await hold('use')
      assert.notEqual(other.session, session)
      other.leave()
      await until('it is reset', 2_000, stats, isFree)
    } finally {
      await connections.close()
      await cluster.remove()
    }
  })

  it('a call that is cancelled before its statement has arrived leaves none behind', () =>
    withServer(edition, [], {}, async (cluster) => {
      let arrived = (): void => {}
      const sent = new Promise<void>((resolve) => {
        arrived = resolve
      })
      /** Holds back the statement, and what comes behind it on the same connection. */
      const late = createServer((socket) => {
        const server = connect(cluster.port, cluster.host)
        let before = Promise.resolve()
        socket
          .on('error', () => {})
          .on('data', (chunk) => {
            const isStatement = chunk.includes('generate_series')
            if (isStatement) arrived()
            before = before.then(() => (isStatement ? delay(150) : undefined)).then(() => void server.write(chunk))
          })
        socket.on('close', () => void before.then(() => server.end()))
        server.on('error', () => {}).pipe(socket)
      }).listen(0, '127.0.0.1')
      await once(late, 'listening')
      const { port } = late.address() as { port: number }
      const env = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres', PG_ALLOW_UNSAFE_ROLE: 'true' }
      const server = await RunningServer.start(['postgres'], env)
      try {
        await withClient(server.url, async ({ call }) => {
          const abort = new AbortController()
          const cancelled = call('postgres_query', { query: endless }, abort.signal).catch(() => 'cancelled')
          await sent
          abort.abort()
          await cancelled
          await delay(300)
          await until(
            'nothing runs on',
            1_000,
            () => running(cluster),
            (n) => n === 0,
          )
        })
      } finally {
        await server.stop('SIGKILL')
        late.close()
      }
    }))

  test(`${edition.label}: a server that accepts and never answers is given up after the connect limit`, async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const server = await RunningServer.start(['postgres'], { PGHOST: '127.0.0.1', PGPORT: String(port) })
    try {
      await withClient(server.url, async ({ call, client }) => {
        assert.equal((await client.listTools()).tools.length, 5)
        const started = performance.now()
        const { text } = await call('postgres_query', { query: 'SELECT 1' })
        assert.match(text, /^ERROR UPSTREAM_UNREACHABLE: PostgreSQL cannot be reached \(no connection within the limit\)/)
        assert.ok(performance.now() - started < 4_500)
      })
    } finally {
      await server.stop('SIGKILL')
      for (const socket of sockets) socket.destroy()
      silent.close()
    }
  })

  it('SIGTERM in the middle of a call leaves no statement behind', () =>
    withServer(edition, [], { MCP_SHUTDOWN_GRACE_MS: '300' }, (cluster, server) =>
      withClient(server.url, async ({ call }) => {
        const call1 = call('postgres_query', { query: endless }).catch(() => 'ended')
        await until(
          'the statement runs',
          5_000,
          () => running(cluster),
          (n) => n === 1,
        )
        await server.stop('SIGTERM')
        await until(
          'it ended with the process',
          1_000,
          () => running(cluster),
          (n) => n === 0,
        )
        await call1
      }),
    ))
}
