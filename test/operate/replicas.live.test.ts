// Replicas behind the shipped nginx.conf: how many callers fit, what a killed process costs, and users that stay with their browser. Real
// nginx, real processes of the postgres bundle, a real PostgreSQL.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import { embedded, startCluster, withSql } from '../../servers/kit/sql/test/running.ts'
import { postgres } from '../../servers/postgres/index.ts'
import { type Child, startChild } from '../helpers/child.ts'
import { imageFlags } from '../helpers/image.ts'
import { show, test } from '../runner/harness.ts'
import { type Nginx, publicHost, shipped, skipNginx, withNginx } from './nginx.ts'

const nginxTest = test.unless(skipNginx)
const token = 'for-tests-only'
const root = fileURLToPath(new URL('../..', import.meta.url))
const callers = 500
const queueFor500 = Number(/MCP_MAX_QUEUE=(\d+) makes it/.exec(shipped)?.[1])

interface Replicas {
  nginx: Nginx
  processes: Child[]
  cluster: Awaited<ReturnType<typeof startCluster>>
}

/** Starts processes of the bundle as the image does, named postgres-1, -2, … behind nginx. */
async function withReplicas(
  count: number,
  env: Record<string, string>,
  use: (replicas: Replicas) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-replicas-'))
  const cluster = await startCluster(embedded, ['max_connections=100'])
  const processes: Child[] = []
  try {
    await withSql(cluster, (client) =>
      client.query('CREATE TABLE held (n int); CREATE ROLE reader LOGIN; GRANT SELECT ON held TO reader'),
    )
    const script = join(folder, 'postgres.cjs')
    const entry = `import { postgres } from '${root}servers/postgres/index.ts'
      import { serve } from '${root}servers/host/serve.ts'
      void serve([postgres], { env: process.env })`
    await bundle(script, entry, schemasOf(postgres))
    const settings = {
      ...{
        PGHOST: '127.0.0.1',
        PGPORT: String(cluster.port),
        PGUSER: 'reader',
        PGDATABASE: 'postgres',
        PG_MAX_CONNECTIONS: '16',
      },
      ...{ MCP_AUTH_TOKEN: token, MCP_BASE_PATH: '/octet', MCP_ALLOWED_HOSTS: publicHost, AUDIT_FILE: '' },
      ...env,
    }
    for (let i = 1; i <= count; i++) {
      const AUDIT_FILE = join(folder, `audit-${i}.jsonl`)
      processes.push(await startChild(script, [], { ...settings, AUDIT_FILE }, { nodeFlags: imageFlags }))
    }
    const addresses = processes.map(({ url }, i) => [`postgres-${i + 1}`, new URL(url).host])
    await withNginx(Object.fromEntries(addresses), (nginx) => use({ nginx, processes, cluster }))
  } finally {
    await Promise.all(processes.map((each) => each.stop('SIGKILL')))
    await cluster.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Outcome {
  startedAt: number
  ms: number
  /** `ok`, the error code of the tool, or the HTTP status. */
  result: string
}

async function query(nginx: Nginx, sql: string): Promise<Outcome> {
  const startedAt = performance.now()
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'postgres_query', arguments: { query: sql } } }
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' },
  }
  const answer = await nginx.send('/octet/postgres/mcp', { method: 'POST', headers, body: JSON.stringify(body) })
  const text = answer.status === 200 ? (/"text":"(.*?)(?=[^\\]")/.exec(answer.text)?.[1] ?? '') : ''
  const result = answer.status !== 200 ? String(answer.status) : (/^ERROR (\w+)/.exec(text)?.[1] ?? 'ok')
  return { startedAt, ms: performance.now() - startedAt, result }
}

function count(outcomes: readonly Outcome[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { result } of outcomes) found[result] = (found[result] ?? 0) + 1
  return found
}

/** Sends one call for each caller while the table is locked, and returns the outcomes; the lock ends when `enough` answers have come. */
async function callWhileLocked({ nginx, cluster }: Replicas, enough: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  return withSql(cluster, async (client) => {
    await client.query('BEGIN; LOCK TABLE held')
    let unlock = (): void => {}
    const unlocked = new Promise<void>((resolve) => {
      unlock = resolve
    })
    const calls = Array.from({ length: callers }, async () => {
      const outcome = await query(nginx, 'SELECT n FROM held')
      outcomes.push(outcome)
      if (outcomes.length >= enough) unlock()
    })
    if (enough === 0) setTimeout(unlock, 1_500)
    await unlocked
    await client.query('ROLLBACK')
    await Promise.all(calls)
    return outcomes
  })
}

nginxTest(
  'two replicas hold 160 open calls with the defaults, and refuse the others at once',
  () =>
    withReplicas(2, {}, async (replicas) => {
      const outcomes = await callWhileLocked(replicas, callers - 160)
      assert.deepEqual(count(outcomes), { ok: 160, RATE_LIMITED: 340 })
    }),
  { timeoutMs: 60_000 },
)

nginxTest(
  `two replicas hold ${callers} open calls with MCP_MAX_QUEUE=${queueFor500}`,
  () =>
    withReplicas(2, { MCP_MAX_QUEUE: String(queueFor500) }, async (replicas) => {
      assert.deepEqual(count(await callWhileLocked(replicas, 0)), { ok: callers })
    }),
  { timeoutMs: 60_000 },
)

nginxTest(
  'three replicas, 500 callers, one process killed: only its open calls fail, and every caller goes on',
  () =>
    withReplicas(3, { MCP_MAX_QUEUE: String(queueFor500) }, async ({ nginx, processes }) => {
      const each = 6
      const outcomes: Outcome[] = []
      let goneAt = Number.POSITIVE_INFINITY
      const victim = new URL(processes[1]?.url ?? '').host
      const began = performance.now()
      await Promise.all(
        Array.from({ length: callers }, async () => {
          for (let i = 0; i < each; i++) {
            outcomes.push(await query(nginx, 'SELECT n FROM held'))
            if (outcomes.length === callers * 2) {
              processes[1]?.process.once('exit', () => (goneAt = performance.now())).kill('SIGKILL')
            }
          }
        }),
      )
      const seconds = (performance.now() - began) / 1_000
      const failed = outcomes.filter(({ result }) => result !== 'ok')
      const log = await nginx.log()
      const lost = log.filter(({ status }) => status !== 200 && status !== 404)
      show(
        `${outcomes.length} calls of ${callers} callers in ${seconds.toFixed(1)} s (${(outcomes.length / seconds).toFixed(0)} a second, with TLS); ` +
          `the killed replica had ${failed.length} calls open`,
      )
      assert.equal(outcomes.length, callers * each)
      assert.ok(failed.length > 0, 'the replica was idle when it was killed')
      assert.deepEqual(
        failed.filter(({ result, startedAt }) => result !== '502' || startedAt > goneAt),
        [],
      )
      assert.equal(lost.length, failed.length)
      for (const { replicas } of lost) assert.deepEqual(replicas, [victim])
      assert.ok(Math.max(...outcomes.map(({ ms }) => ms)) < 60_000)
    }),
  { timeoutMs: 120_000 },
)

nginxTest('an HTTP+SSE session lives on one replica, below the path prefix', () =>
  withReplicas(2, {}, async ({ nginx }) => {
    const headers = { host: publicHost, authorization: `Bearer ${token}`, accept: 'text/event-stream' }
    const options = { agent: nginx.agent, headers }
    const res = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      get(`https://127.0.0.1:${nginx.port}/octet/postgres/sse`, options, resolve).on('error', reject)
    })
    assert.equal(res.statusCode, 200)
    let text = ''
    const event = (pattern: RegExp): Promise<string> =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = pattern.exec(text)?.[1]
          if (found === undefined) res.once('data', () => setImmediate(look))
          else resolve(found)
        }
        look()
      })
    res.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    const endpoint = await event(/event: endpoint\ndata: (.*)\n/)
    assert.match(endpoint, /^\/octet\/postgres\/messages\?sessionId=/)
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '0' } }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
    for (let i = 0; i < 4; i++) {
      const posted = await nginx.send(endpoint, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
      })
      assert.equal(posted.status, 202, posted.text)
    }
    assert.match(await event(/data: (.*"serverInfo".*)\n/), /postgres/)
    res.destroy()
    for (const path of ['/octet/ready', '/octet/postgres/ready', '/octet/metrics', '/postgres/mcp'])
      assert.equal((await nginx.send(path)).status, 404, path)
  }),
)

nginxTest('a user stays with one browser replica; when it ends, its users move and the others stay', async () => {
  const open = (name: string) =>
    new Promise<ReturnType<typeof createServer>>((resolve) => {
      const server = createServer((_, res) => res.end(name)).listen(0, '127.0.0.1', () => resolve(server))
    })
  const servers = [await open('first'), await open('second')]
  const [one, two] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    await withNginx({ 'playwright-1': one ?? '', 'playwright-2': two ?? '' }, async (nginx) => {
      const users = Array.from({ length: 40 }, (_, i) => `person-${i}@example.org`)
      const ask = async (user: string, header: string): Promise<string> =>
        (await nginx.send('/octet/playwright/mcp', { method: 'POST', headers: { [header]: user }, body: '{}' })).text
      const places = new Map<string, string>()
      for (const user of users) {
        places.set(user, await ask(user, 'x-litellm-end-user-id'))
        for (const header of ['x-litellm-end-user-id', 'x-openwebui-user-email', 'x-litellm-end-user-id'])
          assert.equal(await ask(user, header), places.get(user), user)
      }
      const ofFirst = users.filter((user) => places.get(user) === 'first')
      assert.ok(ofFirst.length > 5 && ofFirst.length < 35, `${ofFirst.length} of ${users.length} users on the first replica`)
      servers[1]?.closeAllConnections()
      await new Promise((resolve) => servers[1]?.close(resolve))
      for (const user of users) assert.equal(await ask(user, 'x-litellm-end-user-id'), 'first', user)
    })
  } finally {
    for (const server of servers) server.closeAllConnections()
    for (const server of servers) server.close()
  }
})
