// The server as it runs in its container, with the largest answers that an upstream can make it read, inside 64 MiB.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import { cleanEnv } from '../../test/child.ts'
import { test } from '../../test/harness.ts'
import { McpSession } from '../../test/wire.ts'
import { monitoring } from './index.ts'

const containerMiB = 64
/** What remains beside the pages of node's file that the process is working with. */
const anonymousMiB = 56
/** As the image starts it. */
const nodeFlags = '--max-semi-space-size=1 --max-old-space-size=24'
const root = fileURLToPath(new URL('../..', import.meta.url))

const line = (text: string, i: number) => [String(1_795_357_000_000_000_000n + BigInt(i)), text]
const logs = (values: unknown[]) =>
  JSON.stringify({ data: { resultType: 'streams', result: [{ stream: { app: 'a' }, values }] } })

/** Just below each limit, and beyond it. */
const loki: Record<string, string> = {
  // just below 1 MiB of text, twice as much in memory because of one character beyond Latin-1
  long: logs(Array.from({ length: 210 }, (_, i) => line(`✓${'x'.repeat(4_900)}`, i))),
  // as many small strings as are admitted
  small: logs([
    [...line('x', 1), { structuredMetadata: Object.fromEntries(Array.from({ length: 49_000 }, (_, i) => [`k${i}`, `v${i}`])) }],
  ]),
  series: JSON.stringify({
    data: {
      resultType: 'matrix',
      result: Array.from({ length: 220 }, (_, s) => ({
        metric: { s: String(s) },
        values: Array.from({ length: 110 }, (_, i) => [1_795_357_000 + i, `${s}.${i}`]),
      })),
    },
  }),
  huge: `{"data":"${'x'.repeat(40_000_000)}"}`,
}
const contexts = JSON.stringify({
  contexts: Object.fromEntries(
    Array.from({ length: 6_000 }, (_, i) => [`app.context_${i}`, { title: 't'.repeat(40), units: 'u' }]),
  ),
})
const names = Array.from({ length: 5_000 }, (_, i) => `dimension_${i}`)
const data = JSON.stringify({ dimension_names: names, chart_ids: names, result: { data: [[1, ...names.map((_, i) => i)]] } })

const upstream: RequestListener = (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://upstream')
  const kind = /kind="(\w+)"/.exec(searchParams.get('query') ?? '')?.[1] ?? ''
  res.on('error', () => {})
  if (pathname.endsWith('/contexts')) res.end(contexts)
  else if (pathname.endsWith('/data')) res.end(data)
  else res.end(pathname.endsWith('/query_range') ? (loki[kind] ?? '{}') : '{}')
}

/** A cgroup of its own with the container's limit, where this machine lets us make one; beyond it the kernel ends the process. */
async function memoryGroup(): Promise<string | undefined> {
  for (const [base, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const group = join(base, `monitoring-test-${process.pid}`)
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
  const look = (): void => {
    const [, kiB] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    peak = Math.max(peak, Number(kiB ?? 0) / 1024)
  }
  const timer = setInterval(look, 3)
  return () => {
    clearInterval(timer)
    return peak
  }
}

test(
  'stays inside its container while the largest answers come at once',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'monitoring-'))
    const group = await memoryGroup()
    const server = createServer(upstream)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      const script = join(folder, 'monitoring.cjs')
      const entry = `
        import { monitoring } from '${join(root, 'servers/monitoring/index.ts')}'
        import { serve } from '${join(root, 'servers/runtime/serve.ts')}'
        void serve([monitoring], { env: process.env })`
      await bundle(script, entry, schemasOf(monitoring))
      const env = cleanEnv({ LOKI_URL: url, NETDATA_URL: url, NODE_OPTIONS: nodeFlags, MCP_PORT: '0', GROUP: group ?? '' })
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
        let mib = 0
        await askEverything(address).finally(() => {
          mib = peak()
        })
        assert.ok(mib < anonymousMiB, `${mib.toFixed(1)} MiB that cannot be given back`)
      } finally {
        child.kill('SIGKILL')
        await exited
      }
    } finally {
      server.closeAllConnections()
      server.close()
      if (group !== undefined) await rmdir(group)
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 60_000 },
)

async function askEverything(address: string): Promise<void> {
  const session = await McpSession.open(`${address}/sse`)
  const clientInfo = { name: 'test', version: '0' }
  await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  const search = (kind: string) => ({
    name: 'search_logs',
    arguments: { query: kind === 'series' ? `rate({kind="${kind}"}[1m])` : `{kind="${kind}"}`, limit: 1_000, step: 60 },
  })
  const metrics = { name: 'get_system_metrics', arguments: { charts: ['app.context_1', 'app.context_2'] } }
  const rounds = [
    [search('long'), search('long'), metrics],
    [search('small'), search('small'), search('long')],
    [search('series'), search('series'), search('huge')],
  ]
  for (const calls of [...rounds, ...rounds]) {
    await Promise.all(calls.map((params, id) => session.post({ jsonrpc: '2.0', id, method: 'tools/call', params })))
    for (const _ of calls) {
      const { id, result } = await session.message()
      const huge = calls[id] !== metrics && JSON.stringify(calls[id]).includes('huge')
      assert.match(result.content[0].text, huge ? /^ERROR TOO_LARGE/ : /^\d+ (lines?|series|charts)\b/)
    }
  }
  session.close()
}
