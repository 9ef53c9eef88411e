// npm run mutants [-- --count 300] [--seed N] [--area NAME]: changes the code at random places and counts the changes that the tests of the
// area notice. Those that survive are listed. A test file that takes much longer than usual has noticed its change.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { random } from '../helpers/random.ts'
import { type Mutant, mutantsOf } from './mutants.ts'

interface Area {
  /** Files, and folders whose files are meant. */
  readonly code: readonly string[]
  readonly tests: readonly string[]
}

const areas: Readonly<Record<string, Area>> = {
  protocol: { code: ['protocol', 'protocol/transports'], tests: ['protocol/test'] },
  'network policy': { code: ['servers/kit/network-policy'], tests: ['servers/kit/network-policy/test', 'test/fuzz'] },
  'file sandbox': {
    code: [
      'servers/filesystem/lib/sandbox.ts',
      'servers/filesystem/lib/open-path.ts',
      'servers/filesystem/lib/location.ts',
      'servers/filesystem/lib/glob.ts',
    ],
    tests: ['sandbox', 'glob', 'attacks', 'read', 'list'].map((name) => `servers/filesystem/test/${name}.test.ts`),
  },
  'classification of SQL': {
    code: ['servers/timescaledb/lib/statement-class.ts', 'servers/kit/sql/lexer.ts'],
    tests: ['servers/timescaledb/test/statement-class.test.ts', 'servers/kit/sql/test/lexer.test.ts'],
  },
}
const wanted = 0.9
const leastLimitMs = 10_000

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: { count: { type: 'string', default: '300' }, seed: { type: 'string' }, area: { type: 'string' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const rand = random(seed)
const chosen = Object.entries(areas).filter(([name]) => values.area === undefined || name === values.area)
if (chosen.length === 0) {
  console.error(`there is no area "${values.area}"; there are: ${Object.keys(areas).join(', ')}`)
  process.exit(2)
}
console.log(`seed ${seed}`)
const folder = copyRepository()
let killed = 0
let made = 0
try {
  for (const [name, { code, tests }] of chosen) {
    const files = tests.flatMap((path) => filesOf(path, '.test.ts'))
    const usual = new Map<string, number>()
    for (const file of files) usual.set(file, await time(file, 300_000))
    const slow = [...usual].filter(([, ms]) => !Number.isFinite(ms)).map(([file]) => file)
    if (slow.length > 0) throw new Error(`these tests fail without any change: ${slow.join(', ')}`)
    files.sort((a, b) => (usual.get(a) ?? 0) - (usual.get(b) ?? 0))
    const all = code
      .flatMap((path) => filesOf(path, '.ts'))
      .flatMap((file) => mutantsOf(readFileSync(join(root, file), 'utf8')).map((mutant) => ({ file, mutant })))
    const count = Math.ceil(Number(values.count) / chosen.length)
    const survivors: string[] = []
    for (let i = 0; i < count; i++) {
      const { file, mutant } = all[Math.floor(rand() * all.length)] as { file: string; mutant: Mutant }
      const original = readFileSync(join(root, file), 'utf8')
      writeFileSync(join(folder, file), mutant.text)
      const noticed = await isNoticed(files, usual)
      writeFileSync(join(folder, file), original)
      made += 1
      if (noticed) killed += 1
      else survivors.push(`  ${file}:${mutant.line}  ${mutant.from} → ${mutant.to}`)
    }
    console.log(`${name}: ${count - survivors.length} of ${count} noticed\n${survivors.join('\n')}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(
  `${killed} of ${made} changes were noticed (${((100 * killed) / made).toFixed(0)} %, wanted ${wanted * 100} %), seed ${seed}`,
)
process.exitCode = killed >= wanted * made ? 0 : 1

async function isNoticed(files: readonly string[], usual: ReadonlyMap<string, number>): Promise<boolean> {
  for (const file of files)
    if (!Number.isFinite(await time(file, Math.max(leastLimitMs, 3 * (usual.get(file) ?? 0))))) return true
  return false
}

/** Milliseconds of a test file that passes; Infinity when it fails, or passes the limit. */
function time(file: string, limitMs: number): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/runner/run.ts', file], {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
  })
  return new Promise((resolve) => {
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), limitMs)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve(code === 0 ? performance.now() - started : Number.POSITIVE_INFINITY)
    })
  })
}

function filesOf(path: string, ending: string): string[] {
  if (path.endsWith('.ts')) return [path]
  const names = readdirSync(join(root, path), { withFileTypes: true })
  return names.filter((entry) => entry.isFile() && entry.name.endsWith(ending)).map(({ name }) => `${path}/${name}`)
}

/** So that a killed run leaves no change behind. */
function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'octet-mutants-'))
  for (const name of [
    'protocol',
    'servers',
    'test',
    'dev',
    'scripts',
    'conformance',
    'package.json',
    'tsconfig.json',
    'README.md',
    'docs',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}
