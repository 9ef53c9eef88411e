// npm run bench: start, memory and CPU of Octet's bundles beside a bare node:http server, interleaved in one run, and the tokens of tools/list.
// These figures are ratios and medians on purpose: absolute ones say more about the machine than about the code.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../scripts/bundle.ts'
import { plainSchema } from '../servers/host/config.ts'
import { settingsSchema } from '../servers/host/settings.ts'
import { definition, echo } from './echo-server.ts'
import { firstInitialize, mcpLoad, sseLoad } from './load.ts'
import { countTokens } from './tokens.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const sessions = 16
const callsPerSession = Number(process.env.BENCH_CALLS ?? 400)
const rounds = Number(process.env.BENCH_ROUNDS ?? 9)

const bare = join(root, 'bench/baseline.cjs')
const library = join(folder, 'library.cjs')
const whole = join(folder, 'whole.cjs')
const schemas = [plainSchema(settingsSchema), plainSchema(definition.config), echo.inputSchema]
const source = join(root, 'bench/echo-server.ts')
await bundle(library, `import { serveLibrary } from '${source}'; serveLibrary()`, schemas)
await bundle(whole, `import { serveWhole } from '${source}'; serveWhole()`, schemas)
const filesystem = join(root, 'dist/servers/filesystem.cjs')

try {
  console.log(`Node ${process.version}; ${rounds} rounds, ${sessions} sessions × ${callsPerSession} calls a round; medians\n`)
  await start()
  await cpu()
  countTokens()
} finally {
  rmSync(folder, { recursive: true })
}

/** Cold start to the first answered initialize, and resident memory a second later. */
async function start(): Promise<void> {
  const ms = { bare: [] as number[], ours: [] as number[] }
  const memory = {
    VmRSS: { bare: [] as number[], ours: [] as number[] },
    RssAnon: { bare: [] as number[], ours: [] as number[] },
  }
  for (let round = 0; round < rounds * 2; round++) {
    for (const [name, script] of [
      ['bare', bare],
      ['ours', filesystem],
    ] as const) {
      const started = performance.now()
      const { child, port } = await launch(script, { FS_ROOTS: folder })
      await firstInitialize(port)
      ms[name].push(performance.now() - started)
      await new Promise((resolve) => setTimeout(resolve, 500))
      for (const kind of ['VmRSS', 'RssAnon'] as const) memory[kind][name].push(memoryMiB(child, kind))
      await end(child)
    }
  }
  row('cold start to the first answered initialize', ms.bare, ms.ours, 'ms', '≤ 1.3 ×')
  for (const [kind, what, aim] of [
    ['VmRSS', 'idle memory of the filesystem bundle', ' (aim ≤ +2.5 MiB)'],
    ['RssAnon', '  of which shared with no other process', ''],
  ] as const) {
    const { bare, ours } = memory[kind]
    const added = median(ours.map((value, i) => value - (bare[i] ?? 0)))
    console.log(
      `${what.padEnd(54)} bare ${median(bare).toFixed(1)} MiB, ours ${median(ours).toFixed(1)} MiB: +${added.toFixed(1)} MiB${aim}`,
    )
  }
}

/** Server CPU for each call, over both transports, for the library alone and for a whole server that audits to a file. */
async function cpu(): Promise<void> {
  for (const [transport, load] of [
    ['SSE', sseLoad],
    ['/mcp', mcpLoad],
  ] as const) {
    const targets = await Promise.all(
      [bare, library, whole].map(async (script, i) => {
        const { child, port } = await launch(script, { AUDIT_FILE: join(folder, `audit-${i}.jsonl`), LOG_LEVEL: 'warn' })
        await firstInitialize(port)
        return { child, load: await load(port, sessions), us: [] as number[] }
      }),
    )
    for (const target of targets) await target.load.run(callsPerSession) // warm
    for (let round = 0; round < rounds; round++) {
      for (const target of targets) {
        const before = cpuSeconds(target.child)
        await target.load.run(callsPerSession)
        target.us.push(((cpuSeconds(target.child) - before) * 1e6) / (sessions * callsPerSession))
      }
    }
    const [first, second, third] = targets.map(({ us }) => us)
    const [libraryAim, wholeAim] = transport === 'SSE' ? [1.2, 1.6] : [1.25, 1.75]
    row(`CPU for each call over ${transport}, library, validating`, first, second, 'µs', `≤ ${libraryAim} ×`)
    row(`CPU for each call over ${transport}, whole server, audit to a file`, first, third, 'µs', `≤ ${wholeAim} ×`)
    for (const {
      child,
      load: { close },
    } of targets) {
      close()
      await end(child)
    }
  }
}

function row(what: string, a: number[] = [], b: number[] = [], unit: string, aim: string): void {
  const ratio = median(b.map((value, i) => value / (a[i] ?? 1)))
  console.log(
    `${what.padEnd(54)} bare ${median(a).toFixed(0)} ${unit}, ours ${median(b).toFixed(0)} ${unit}: ${ratio.toFixed(2)} × (aim ${aim})`,
  )
}

async function launch(script: string, env: Record<string, string>): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort()
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH ?? '', MCP_PORT: String(port), ...env },
    stdio: 'ignore',
  })
  return { child, port }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    child.kill('SIGKILL')
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as import('node:net').AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function memoryMiB({ pid }: ChildProcess, kind: 'VmRSS' | 'RssAnon'): number {
  return Number(new RegExp(`${kind}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** User and system time of all threads, from /proc/PID/stat in clock ticks of 10 ms. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
