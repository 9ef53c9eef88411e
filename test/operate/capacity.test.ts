// What one replica holds: processor time and memory for each call and each HTTP+SSE session, of the bundles with the flags of the image.
// docs/operate.md has the figures; they say more about the machine than about the code, so only their order of size is asserted.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import { catalog } from '../../servers/cli/catalog.ts'
import { embedded, startCluster, withSql } from '../../servers/kit/sql/test/running.ts'
import { withChild } from '../helpers/child.ts'
import { imageEnv, imageFlags } from '../helpers/image.ts'
import { McpSession, withServer } from '../helpers/wire.ts'
import { show, test } from '../runner/harness.ts'
import { shippedPath } from './shipped.ts'

const calls = 1_500
const callers = 16
const sessions = 250
const page = `<!doctype html><title>A page</title><main><h1>A page</h1>${'<p>Some text with <a href="/x">a link</a> in it.</p>'.repeat(100)}</main>`

/** Processor time of a process in seconds: user and system time in ticks of 10 ms. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Memory that the process shares with no file, in MiB. */
function anonymousMiB(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
}

async function measure(name: keyof typeof catalog, heapMiB: number, env: Record<string, string>, args: (i: number) => object) {
  const folder = await mkdtemp(join(tmpdir(), 'octet-capacity-'))
  try {
    const script = join(folder, `${name}.cjs`)
    const definition = await catalog[name]()
    const entry = `import { ${name} } from '${shippedPath(`servers/${name}/index.ts`)}'
      import { serve } from '${shippedPath('servers/host/serve.ts')}'
      void serve([${name}], { env: process.env })`
    await bundle(script, entry, schemasOf(definition))
    const tool = { postgres: 'postgres_query', filesystem: 'read_file', fetch: 'fetch_web_content' }[name as 'fetch']
    const nodeFlags = [...imageFlags, `--max-old-space-size=${heapMiB}`]
    const settings = { ...imageEnv, AUDIT_FILE: join(folder, 'audit.jsonl'), MCP_MAX_QUEUE: '250', ...env }
    const use = async ({ url, process }: { url: string; process: { pid?: number | undefined } }): Promise<void> => {
      const pid = process.pid ?? 0
      const agent = new Agent({ keepAlive: true })
      const call = (i: number): Promise<string> =>
        new Promise((resolve, reject) => {
          const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
          const req = request(`${url}/mcp`, { method: 'POST', agent, headers }, (res) => {
            let text = ''
            res.setEncoding('utf8').on('data', (chunk) => (text += chunk))
            res.on('end', () => resolve(text))
          })
          req.on('error', reject)
          req.end(JSON.stringify({ jsonrpc: '2.0', id: i, method: 'tools/call', params: { name: tool, arguments: args(i) } }))
        })
      const many = async (from: number, count: number): Promise<void> => {
        let next = from
        const work = async (): Promise<void> => {
          while (next < from + count) assert.doesNotMatch(await call(next++), /"isError":true/)
        }
        await Promise.all(Array.from({ length: callers }, work))
      }
      await many(0, 300) // until the code is compiled
      const before = processorSeconds(pid)
      await many(300, calls)
      const each = ((processorSeconds(pid) - before) / calls) * 1_000
      const busy = anonymousMiB(pid)
      const open = await Promise.all(Array.from({ length: sessions }, () => McpSession.open(`${url}/sse`)))
      const withSessions = anonymousMiB(pid)
      for (const session of open) session.close()
      agent.destroy()
      show(
        `${name}: ${each.toFixed(2)} ms of processor time for a call, ${(500 / each).toFixed(0)} calls a second on half a core; ` +
          `${busy.toFixed(0)} MiB after ${calls} calls, ${withSessions.toFixed(0)} MiB with ${sessions} sessions`,
      )
      assert.ok(each < 20, `${each} ms`)
      assert.ok(withSessions < 64, `${withSessions} MiB`)
    }
    await withChild(script, [], settings, use, { nodeFlags })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test(
  'a replica of filesystem',
  () => measure('filesystem', 24, { FS_ROOTS: shippedPath('docker') }, () => ({ path: 'README.md', limit: 50 })),
  { timeoutMs: 120_000 },
)

test(
  'a replica of postgres',
  async () => {
    const cluster = await startCluster(embedded)
    try {
      await withSql(cluster, (client) =>
        client.query(
          "CREATE ROLE mcp_reader LOGIN; CREATE TABLE orders AS SELECT n, 'customer ' || n AS customer FROM generate_series(1, 1000) n; GRANT SELECT ON orders TO mcp_reader",
        ),
      )
      const env = { PGHOST: '127.0.0.1', PGPORT: String(cluster.port), PGUSER: 'mcp_reader', PGDATABASE: 'postgres' }
      await measure('postgres', 24, env, (i) => ({ query: `SELECT * FROM orders WHERE n > ${i % 900} LIMIT 20` }))
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 120_000 },
)

test(
  'a replica of fetch',
  () =>
    withServer(
      (_, res) => res.setHeader('content-type', 'text/html; charset=utf-8').end(page),
      (url) =>
        measure('fetch', 32, { FETCH_ALLOW_PRIVATE: new URL(url).host, FETCH_IGNORE_ROBOTS: 'true' }, (i) => ({
          url: `${url}/${i}`,
        })),
    ),
  { timeoutMs: 120_000 },
)
