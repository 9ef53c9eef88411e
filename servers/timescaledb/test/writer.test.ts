// A transaction that is aborted at any moment leaves nothing, over a connection that takes some milliseconds for each message.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { SqlEngine } from '../../kit/sql/engine.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import { embedded, startCluster, withSql } from '../../kit/sql/test/running.ts'
import { openWriter } from '../lib/writer.ts'

const latencyMs = 4
const runs = 24

/** Passes everything on in its order, so many milliseconds later. */
async function slowLine(host: string, port: number): Promise<{ port: number; close(): void }> {
  const pass = (from: Socket, to: Socket): void => {
    let before = Promise.resolve()
    from
      .on('error', () => {})
      .on('data', (chunk) => {
        const due = performance.now() + latencyMs
        before = before.then(() => delay(due - performance.now())).then(() => void (to.destroyed || to.write(chunk)))
      })
    from.on('close', () => void before.then(() => delay(latencyMs)).then(() => to.destroy()))
  }
  const server = createServer((client) => {
    const upstream = connect(port, host)
    pass(client, upstream)
    pass(upstream, client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

test(
  'a transaction that is not to be committed leaves nothing, whenever it is aborted',
  async () => {
    const cluster = await startCluster(embedded)
    const line = await slowLine(cluster.host, cluster.port)
    const parts = { host: '127.0.0.1', port: String(line.port), user: 'postgres' }
    const target = resolveTarget(parts, { urlVariable: 'TSDB_URL', applicationName: 'writer-test', ca: undefined })
    const common = { target, allowUnsafeRole: true }
    const environment = environmentOf()
    const engine = new SqlEngine({ ...common, environment, maxConnections: 1, name: 'timescaledb', allowedDatabases: [] })
    const writer = openWriter(target, engine, true)
    try {
      await withSql(cluster, (client) => client.query('CREATE TABLE tried (run int)'))
      const never = new AbortController()
      for (let run = 0; run < runs; run++) {
        await writer.transaction({ timeoutMs: 5_000, signal: never.signal }, ({ ask }) => ask('SELECT 1 AS a')) // connects
        await delay(8 * latencyMs)
        const signal = new AbortController()
        const transaction = writer.transaction(
          { timeoutMs: 5_000, signal: signal.signal, query: 'INSERT', dryRun: true },
          async ({ run: execute, ask }) => {
            await ask('SELECT 1 AS a')
            await execute('INSERT INTO tried VALUES ($1)', [String(run)])
            await execute('SET CONSTRAINTS ALL IMMEDIATE')
            return ask('SELECT 1 AS a')
          },
        )
        setTimeout(() => signal.abort(new Error('aborted')), 1 + (run * 8 * latencyMs) / runs)
        await transaction.catch(() => {})
      }
      await delay(700) // longer than a cancelled session stays open
      const { rows } = await withSql(cluster, (client) => client.query('SELECT run FROM tried'))
      assert.deepEqual(rows, [])
    } finally {
      await Promise.all([writer.close(), engine.close()])
      line.close()
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)
