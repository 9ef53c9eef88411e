// npx tsx bench/postgres.ts [--check]
// `SELECT 1` through postgres_query over an open SSE session, against postgres-bare.ts, in turns; and what large results add to memory.
// With --check the exit code is 1 when a limit is passed. Figures of one run are only worth comparing with each other.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { embeddedBin, LocalCluster } from '../dev/local-cluster.ts'
import { bundle, schemasOf } from '../scripts/bundle.ts'
import { postgres } from '../servers/postgres/index.ts'
import { SseSession } from './postgres-session.ts'

const limits = { ratio: 1.8, addedMiB: 20 }
const rounds = 20
const callsPerRound = 100
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const ourEntry = join(folder, 'ours.cjs')
const bareEntry = join(folder, 'bare.cjs')
const serve = `import { postgres } from '${root}servers/postgres/index.ts'; import { serve } from '${root}servers/host/serve.ts'; void serve([postgres], { env: process.env })`
// Both as they would run in production: bundled, not through a loader.
await bundle(ourEntry, serve, schemasOf(postgres))
await bundle(bareEntry, `import '${root}bench/postgres-bare.ts'`, [])

const cluster = new LocalCluster({ bin: embeddedBin(root) ?? '' })
await cluster.start()
const env = {
  PGHOST: cluster.host,
  PGPORT: String(cluster.port),
  PGUSER: 'postgres',
  PG_ALLOW_UNSAFE_ROLE: 'true',
  MCP_PORT: '0',
  MCP_STRUCTURED_CONTENT: 'never',
  LOG_LEVEL: 'info',
}
const failures: string[] = []
try {
  const [bare, ours] = await Promise.all([launch(bareEntry), launch(ourEntry)])
  try {
    const [toBare, toOurs] = await Promise.all([SseSession.open(bare.url), SseSession.open(ours.url)])
    const times = { bare: [] as number[], ours: [] as number[] }
    await measure(toBare, 300)
    await measure(toOurs, 300)
    for (let round = 0; round < rounds; round += 1) {
      times.bare.push(...(await measure(toBare, callsPerRound)))
      times.ours.push(...(await measure(toOurs, callsPerRound)))
    }
    const [a, b] = [percentile(times.bare, 50), percentile(times.ours, 50)]
    print('SELECT 1, p50', `${b.toFixed(3)} ms, bare ${a.toFixed(3)} ms`, `ratio ${(b / a).toFixed(2)}`, `limit ${limits.ratio}`)
    print('SELECT 1, p95', `${percentile(times.ours, 95).toFixed(3)} ms, bare ${percentile(times.bare, 95).toFixed(3)} ms`)
    if (b / a > limits.ratio) failures.push('SELECT 1')

    for (const [name, args] of Object.entries({
      '10 million rows, max_rows 100': { query: 'SELECT g, md5(g::text) FROM generate_series(1, 10000000) g', max_rows: 100 },
      'one value of 200 MB': { query: "SELECT repeat('0123456789', 20000000) AS large" },
      '1,000 rows of 100 kB': { query: "SELECT repeat('x', 100000) FROM generate_series(1, 100000) g", max_rows: 1000 },
      'an error that quotes 200 MB': { query: "SELECT repeat('x', 200000000)::int" },
    })) {
      const before = memory(ours.pid, 'VmRSS')
      writeFileSync(`/proc/${ours.pid}/clear_refs`, '5') // resets the peak
      const started = performance.now()
      const text = await toOurs.call({ ...args, timeout_ms: 45_000 })
      const added = (memory(ours.pid, 'VmHWM') - before) / 1024
      print(
        name,
        `${added.toFixed(1)} MiB added`,
        `${Math.round(performance.now() - started)} ms`,
        `limit ${limits.addedMiB} MiB`,
        text.split('\n')[0]?.slice(0, 70) ?? '',
      )
      if (added > limits.addedMiB) failures.push(name)
    }
    toBare.close()
    toOurs.close()
  } finally {
    bare.child.kill()
    ours.child.kill()
  }
} finally {
  await cluster.remove()
  rmSync(folder, { recursive: true })
}
if (process.argv.includes('--check') && failures.length > 0) {
  console.error(`over the limit: ${failures.join(', ')}`)
  process.exitCode = 1
}

async function launch(script: string): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const child = spawn(process.execPath, [script], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    createInterface(child.stderr).on('line', (line) => {
      said += `${line}\n`
      const found = /"url":"([^"]+)"/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`ended (${code}): ${said}`)))
  })
  return { child, url, pid: child.pid as number }
}

async function measure(session: SseSession, calls: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < calls; i += 1) {
    const started = performance.now()
    await session.call({ query: 'SELECT 1' })
    times.push(performance.now() - started)
  }
  return times
}

function percentile(values: number[], p: number): number {
  const sorted = [...values].sort((x, y) => x - y)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? Number.NaN
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function print(...columns: string[]): void {
  console.log(columns.join('  |  '))
}
