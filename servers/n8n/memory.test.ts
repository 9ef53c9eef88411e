// The server as it runs in its container, with the largest answers that an n8n can make it read, inside 64 MiB.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import { cleanEnv } from '../../test/child.ts'
import { test } from '../../test/harness.ts'
import { McpSession, withServer } from '../../test/wire.ts'
import { n8n } from './index.ts'

const containerMiB = 64
/** What remains beside the pages of node's file that the process cannot do without. */
const anonymousMiB = 56
/** As the image starts it. */
const nodeFlags = '--max-semi-space-size=1 --max-old-space-size=24'
const root = fileURLToPath(new URL('../..', import.meta.url))

const node = (i: number, parameters: unknown) => ({ id: `${i}`, name: `Node ${i}`, type: 'n8n-nodes-base.set', parameters })
const workflow = (id: string, nodes: unknown[]) =>
  JSON.stringify({ id, name: id, active: true, nodes, connections: {}, settings: {}, tags: [] })
/** Just below each limit, and beyond it. */
const bodies: Record<string, string> = {
  // 4 MiB of text, twice as much in memory because of one character beyond Latin-1
  long: workflow('long', [node(1, { code: `✓${'x'.repeat(4_150_000)}` })]),
  // as many small values as are admitted
  small: workflow(
    'small',
    Array.from({ length: 4_500 }, (_, i) => node(i, { a: i, b: [i] })),
  ),
  huge: workflow('huge', [node(1, { code: 'x'.repeat(40_000_000) })]),
}
const pageOf = (limit: number, offset: number): string => {
  const data = Array.from({ length: limit }, (_, i) => workflow(`w${offset + i}`, [node(1, { code: 'x'.repeat(30_000) })]))
  const next = Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64')
  return `{"data":[${data.join(',')}],"nextCursor":${offset + limit < 2_000 ? `"${next}"` : 'null'}}`
}
const executions = JSON.stringify({
  data: Array.from({ length: 250 }, (_, i) => ({
    ...{ id: String(i), status: 'success', mode: 'trigger', workflowId: `w${i}`, padding: 'x'.repeat(15_000) },
    ...{ startedAt: new Date(Date.now() - 1_000).toISOString(), stoppedAt: new Date().toISOString() },
  })),
  nextCursor: Buffer.from('{"lastId":"1","limit":250}').toString('base64'),
})

const upstream: RequestListener = (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://upstream')
  const id = /\/workflows\/(\w+)$/.exec(pathname)?.[1]
  const place = JSON.parse(Buffer.from(searchParams.get('cursor') ?? '', 'base64').toString() || '{}')
  res.on('error', () => {})
  res.setHeader('content-type', 'application/json')
  if (id !== undefined) res.end(bodies[id] ?? '{}')
  else if (pathname.endsWith('/executions')) res.end(executions)
  else if (pathname.endsWith('/workflows')) res.end(pageOf(place.limit ?? Number(searchParams.get('limit')), place.offset ?? 0))
  else res.writeHead(404).end('{}')
}

test(
  'stays inside its container while the largest answers come at once',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'n8n-'))
    const group = await memoryGroup()
    try {
      await withServer(upstream, async (url) => {
        const script = join(folder, 'n8n.cjs')
        const entry = `
          import { n8n } from '${join(root, 'servers/n8n/index.ts')}'
          import { serve } from '${join(root, 'servers/runtime/serve.ts')}'
          void serve([n8n], { env: process.env })`
        await bundle(script, entry, schemasOf(n8n))
        const env = cleanEnv({ N8N_API_URL: url, N8N_API_KEY: 'k', NODE_OPTIONS: nodeFlags, MCP_PORT: '0', GROUP: group ?? '' })
        const enter = '[ -z "$GROUP" ] || echo $$ >"$GROUP/cgroup.procs"; exec "$0" "$1"'
        const child = spawn('/bin/sh', ['-c', enter, process.execPath, script], { env, stdio: ['ignore', 'ignore', 'pipe'] })
        const exited = once(child, 'exit')
        try {
          const address = await new Promise<string>((resolve, reject) => {
            child.stderr.on('data', (chunk) => {
              const listening = /"url":"([^"]+)"/.exec(String(chunk))?.[1]
              if (listening !== undefined) resolve(listening)
            })
            void exited.then(() => reject(new Error('it ended before it listened')))
          })
          const peak = watchAnonymous(child.pid ?? 0)
          await Promise.race([askEverything(address), exited.then(() => Promise.reject(new Error('it ran out of memory')))])
          const mib = peak()
          assert.ok(mib < anonymousMiB, `${mib.toFixed(1)} MiB that cannot be given back`)
        } finally {
          child.kill('SIGKILL')
          await exited
        }
      })
    } finally {
      if (group !== undefined) await rmdir(group)
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 90_000 },
)

/** A cgroup of its own with the container's limit, where this machine lets us make one; beyond it the kernel ends the process. */
async function memoryGroup(): Promise<string | undefined> {
  for (const [base, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const group = join(base, `n8n-test-${process.pid}`)
    try {
      await mkdir(group)
      await writeFile(join(group, file), String(containerMiB * 1024 * 1024))
      return group
    } catch {
      await rmdir(group).catch(() => {}) // not allowed here, or not this version of cgroups
    }
  }
  return undefined
}

/** Memory that cannot be given back: without the pages of node's own file. Read often, because the kernel keeps no peak of it. */
function watchAnonymous(pid: number): () => number {
  let peak = 0
  const timer = setInterval(() => {
    const [, kiB] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    peak = Math.max(peak, Number(kiB ?? 0) / 1024)
  }, 3)
  return () => {
    clearInterval(timer)
    return peak
  }
}

async function askEverything(address: string): Promise<void> {
  const session = await McpSession.open(`${address}/sse`)
  const clientInfo = { name: 'test', version: '0' }
  await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  const get = (workflow_id: string, detail = 'full') => ({ name: 'n8n_get_workflow', arguments: { workflow_id, detail } })
  const calls = [
    ...[get('long'), get('small'), get('huge'), get('long', 'structure'), get('small', 'structure')],
    { name: 'n8n_list_workflows', arguments: { limit: 250 } },
    { name: 'n8n_get_database_statistics', arguments: { refresh: true } },
  ]
  for (let round = 0; round < 3; round++) {
    await Promise.all(calls.map((params, i) => session.post({ jsonrpc: '2.0', id: i, method: 'tools/call', params })))
    const texts: string[] = []
    while (texts.length < calls.length) {
      const { id, result } = await session.message()
      if (id !== undefined) texts.push(result.content[0].text)
    }
    const failed = texts.filter((text) => text.startsWith('ERROR'))
    assert.equal(failed.length, 1, failed.join('\n'))
    assert.match(failed[0] ?? '', /^ERROR TOO_LARGE/)
  }
  session.close()
}
