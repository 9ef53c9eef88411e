// The test runner: one process for each test file, so that a leak, a crash or a hang is attributed to its file.
// A file named .alone. runs after the others, because it measures time that another process would change.
// Usage: npm test -- [--exclude TEXT] [--jobs N] [--totals FILE] [TEXT …], where TEXT is a part of a test file's path.
import { fork } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { FileReport } from './run-file.ts'

const FILE_LIMIT_MS = 15 * 60_000
const ROOTS = ['protocol', 'servers', 'conformance', 'dev', 'docker', 'test', 'scripts', 'bench', 'examples']

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    exclude: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '2' },
    totals: { type: 'string' },
  },
})

const files = testFiles().filter(
  (file) =>
    (positionals.length === 0 || positionals.some((text) => file.includes(text))) &&
    !values.exclude.some((text) => file.includes(text)),
)
if (files.length === 0) {
  console.error('no test file matches')
  process.exit(2)
}

/** `failures`: a line each, for the end of a long log. */
const totals = { passed: 0, failed: 0, skipped: 0, failures: [] as string[] }
const skips = new Map<string, number>()
const alone = files.filter((file) => file.includes('.alone.'))
const queue = files.filter((file) => !alone.includes(file))
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, worker))
for (const file of alone) await runFile(file)

for (const [reason, count] of skips) console.log(`skipped ${count}: ${reason}`)
if (process.env.CI === 'true') failOnUnlistedSkips()
if (values.totals !== undefined) writeFileSync(values.totals, JSON.stringify(totals))
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0

async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file)
}

async function runFile(file: string): Promise<void> {
  const started = performance.now()
  const child = fork(join(root, 'test/runner/run-file.ts'), [join(root, file)], {
    execArgv: ['--import', 'tsx', '--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, FORCE_COLOR: '0' },
  })
  let output = ''
  let report: FileReport | undefined
  child.stdout?.on('data', (chunk) => (output += chunk))
  child.stderr?.on('data', (chunk) => (output += chunk))
  child.on('message', (message) => (report = message as FileReport))
  const limit = setTimeout(() => child.kill('SIGKILL'), FILE_LIMIT_MS)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (code, signal) => resolve([code, signal])),
  )
  clearTimeout(limit)

  const count = (status: string): number => report?.outcomes.filter((o) => o.status === status).length ?? 0
  const passed = count('passed')
  const skipped = count('skipped')
  let failed = count('failed')
  const problems: string[] = []
  if (report === undefined) problems.push(`ended without a report (exit ${code ?? signal})`)
  else {
    if (report.registered === 0) problems.push('registers no test')
    if (passed + failed + skipped !== report.registered) {
      problems.push(`${report.registered} registered, ${passed + failed + skipped} finished`)
    }
    if (code !== 0) problems.push(`exit ${code ?? signal} after its tests`)
    for (const o of report.outcomes) {
      if (o.status === 'failed') totals.failures.push(`${file}: "${o.name}": ${o.reason?.slice(0, 300).replace(/\s+/g, ' ')}`)
      if (o.status === 'skipped') skips.set(o.reason ?? '', (skips.get(o.reason ?? '') ?? 0) + 1)
    }
  }
  failed += problems.length
  totals.failures.push(...problems.map((problem) => `${file}: ${problem}`))
  totals.passed += passed
  totals.failed += failed
  totals.skipped += skipped
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${failed > 0 ? 'FAIL' : 'ok  '} ${file}  ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`)
  for (const text of report?.shown ?? []) console.log(text.replace(/^/gm, '     '))
  for (const problem of problems) console.log(`     ${problem}`)
  if (failed > 0) console.log(output.replace(/^(.{0,500}).*$/gm, '     | $1'))
}

/** With CI=true only the reasons in allowed-skips.json may be skipped for. */
function failOnUnlistedSkips(): void {
  const allowed = JSON.parse(readFileSync(join(root, 'test/runner/allowed-skips.json'), 'utf8')) as string[]
  for (const [reason, count] of skips) {
    if (allowed.includes(reason)) continue
    const problem = `${count} skipped for a reason that test/runner/allowed-skips.json does not list: ${reason}`
    console.log(`FAIL ${problem}`)
    totals.failures.push(problem)
    totals.failed += count
    totals.skipped -= count
  }
}

function testFiles(): string[] {
  return ROOTS.flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
        .map((name) => join(folder, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }).sort()
}
