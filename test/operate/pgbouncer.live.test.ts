// Many replicas on few database connections: PgBouncer in transaction mode between the postgres server and a real PostgreSQL.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embedded, freePort, startCluster, withSql } from '../../servers/kit/sql/test/running.ts'
import { type Child, startChild } from '../helpers/child.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { postJson } from '../helpers/wire.ts'
import { show, test } from '../runner/harness.ts'
import { example, program } from './shipped.ts'

const pgbouncer = program('PgBouncer', 'OCTET_TEST_PGBOUNCER')
const poolSize = 10
const replicas = 3
const callers = 90
const rounds = 5

test.unless(pgbouncer.skip)(
  `${replicas} replicas with 16 connections each share ${poolSize} of PostgreSQL, and their sessions stay apart`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'octet-pgbouncer-'))
    const cluster = await startCluster(embedded)
    const port = await freePort()
    await chmod(folder, 0o755)
    const config = example('pool_mode = transaction')
      .replace('host=db port=5432', `host=127.0.0.1 port=${cluster.port}`)
      .replace('listen_port = 6432', `listen_port = ${port}\nlisten_addr = 127.0.0.1\nunix_socket_dir =\nauth_type = any`)
    await writeFile(join(folder, 'pgbouncer.ini'), config.replace(/dbname=shop/, 'dbname=postgres user=mcp_reader'))
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    const bouncer = new JsonLineProcess(pgbouncer.path, [...user, join(folder, 'pgbouncer.ini')], {}, 'stderr', {})
    const processes: Child[] = []
    try {
      await withSql(cluster, (client) =>
        client.query(
          'CREATE ROLE mcp_reader LOGIN; CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) n; GRANT SELECT ON orders TO mcp_reader',
        ),
      )
      const env = {
        ...{ PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'mcp_reader', PGDATABASE: 'shop', PG_MAX_CONNECTIONS: '16' },
        ...{ MCP_MAX_QUEUE: '250' },
      }
      for (let i = 0; i < replicas; i++) processes.push(await startChild('servers/cli/octet.ts', ['serve', 'postgres'], env))
      const call = async (process: Child, query: string): Promise<string> => {
        const params = { name: 'postgres_query', arguments: { query } }
        const answer = await postJson(`${process.url}/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })
        return String(answer.json().result?.content[0].text ?? answer.text)
      }
      let most = 0
      const watch = setInterval(() => {
        void withSql(cluster, async (client) => {
          const { rows } = await client.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'mcp_reader'")
          most = Math.max(most, rows[0].n)
        })
      }, 100)
      const began = performance.now()
      try {
        await Promise.all(
          Array.from({ length: callers }, async (_, caller) => {
            const process = processes[caller % replicas] as Child
            for (let round = 0; round < rounds; round++) {
              const query = `SELECT ${caller} AS caller, count(*), current_setting('transaction_read_only') AS ro FROM orders`
              const text = await call(process, query)
              assert.match(text, new RegExp(`\\b${caller}\\b.*\\b100\\b.*\\bon\\b`, 's'), text)
            }
          }),
        )
      } finally {
        clearInterval(watch)
      }
      const seconds = (performance.now() - began) / 1_000
      show(
        `${callers * rounds} calls in ${seconds.toFixed(1)} s over ${replicas * 16} client connections; at most ${most} to PostgreSQL`,
      )
      assert.ok(most > 0 && most <= poolSize, `${most} connections`)
      // What a replica sets for a transaction does not reach the next one, which may be another replica's.
      const timeout = await call(processes[1] as Child, "SELECT current_setting('statement_timeout') AS t, pg_backend_pid()")
      assert.doesNotMatch(timeout, /^ERROR/)
      const refused = await call(processes[0] as Child, 'INSERT INTO orders VALUES (1)')
      assert.match(refused, /^ERROR (READ_ONLY|FORBIDDEN|INVALID_ARGUMENT)/)
      const after = await withSql({ host: '127.0.0.1', port }, (client) => client.query('SHOW statement_timeout'), {
        user: 'mcp_reader',
        database: 'shop',
      })
      assert.equal(after.rows[0].statement_timeout, '0')
    } finally {
      await Promise.all(processes.map((each) => each.stop('SIGKILL')))
      await bouncer.stop('SIGTERM', 5_000)
      await cluster.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 120_000 },
)
