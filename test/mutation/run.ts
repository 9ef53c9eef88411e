// npm run mutants [-- --count 300] [--seed N] [--area NAME] [--jobs N]: changes the code at random places and counts the changes that the
// tests of the area notice. Those that survive are listed. A test file that takes much longer than usual has noticed its change.
import { type ChildProcess, fork } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { random } from '../helpers/random.ts'
import type { FileReport } from '../runner/run-file.ts'
import { isValid, type Mutant, mutantsOf } from './mutants.ts'

interface Area {
  /** Files, and folders whose files are meant. */
  readonly code: readonly string[]
  readonly tests: readonly string[]
}

const areas: Readonly<Record<string, Area>> = {
  protocol: { code: ['protocol', 'protocol/transports'], tests: ['protocol/test'] },
  'network policy': { code: ['servers/kit/network-policy'], tests: ['servers/kit/network-policy/test'] },
  'file sandbox': {
    code: [
      'servers/filesystem/lib/sandbox.ts',
      'servers/filesystem/lib/open-path.ts',
      'servers/filesystem/lib/location.ts',
      'servers/filesystem/lib/glob.ts',
    ],
    tests: ['sandbox', 'glob', 'attacks', 'race', 'read', 'list'].map((name) => `servers/filesystem/test/${name}.test.ts`),
  },
  'classification of SQL': {
    code: ['servers/timescaledb/lib/statement-class.ts', 'servers/kit/sql/lexer.ts'],
    // Not lexer.test.ts, whose limits of 20 ms fail by themselves on a busy machine.
    tests: ['servers/timescaledb/test/statement-class.test.ts', 'servers/timescaledb/test/tokens.test.ts'],
  },
}
const wanted = 0.9
const leastLimitMs = 10_000
const usualLimitMs = 300_000

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '300' },
    seed: { type: 'string' },
    area: { type: 'string' },
    jobs: { type: 'string', default: '2' },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const perArea = Math.ceil(Number(values.count) / Object.keys(areas).length)
const chosen = Object.entries(areas).filter(([name]) => values.area === undefined || name === values.area)
if (chosen.length === 0) {
  console.error(`there is no area "${values.area}"; there are: ${Object.keys(areas).join(', ')}`)
  process.exit(2)
}
console.log(`seed ${seed}`)
const running = new Set<ChildProcess>()
const copies = Array.from({ length: Math.max(1, Number(values.jobs)) }, copyRepository)
process.once('exit', () => {
  for (const child of running) killGroup(child)
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const rows: string[] = []
let [killed, made] = [0, 0]
for (const [name, area] of chosen) {
  const mutants = draw(area)
  console.log(`\n${name}: ${mutants.length} changes; not noticed:`)
  const survived = await countSurvivors(mutants, area)
  const noticed = mutants.length - survived
  rows.push(`| ${name} | ${mutants.length} | ${noticed} | ${survived} |`)
  killed += noticed
  made += mutants.length
}
console.log(['', '| area | mutants | noticed | survived |', '|---|---|---|---|', ...rows].join('\n'))
console.log(
  `${killed} of ${made} changes were noticed (${((100 * killed) / made).toFixed(0)} %, wanted ${wanted * 100} %), seed ${seed}`,
)
process.exit(killed >= wanted * made ? 0 : 1)

interface Change {
  readonly file: string
  readonly mutant: Mutant
}

/** The same for a seed and a count, whichever areas are chosen. */
function draw({ code }: Area): Change[] {
  const rand = random(seed)
  const all = code
    .flatMap((path) => filesOf(path, '.ts'))
    .flatMap((file) => mutantsOf(readFileSync(join(copies[0] as string, file), 'utf8')).map((mutant) => ({ file, mutant })))
  const drawn: Change[] = []
  while (drawn.length < perArea && all.length > 0) {
    const [change] = all.splice(Math.floor(rand() * all.length), 1) as [Change]
    if (isValid(change.mutant)) drawn.push(change)
  }
  return drawn
}

/** Prints them as it finds them. */
async function countSurvivors(mutants: readonly Change[], { tests }: Area): Promise<number> {
  const files = tests.flatMap((path) => filesOf(path, '.test.ts'))
  const usual = new Map<string, number>()
  for (const file of files) usual.set(file, await time(copies[0] as string, file, usualLimitMs))
  const failing = files.filter((file) => usual.get(file) === Number.POSITIVE_INFINITY)
  if (failing.length > 0) throw new Error(`these tests fail without any change: ${failing.join(', ')}`)
  /** How many changes of a source file a test file has noticed. */
  const noticed = new Map<string, number>()
  let survived = 0
  const queue = [...mutants]
  const work = async (copy: string): Promise<void> => {
    for (let change = queue.shift(); change !== undefined; change = queue.shift()) {
      const { file, mutant } = change
      // The test file that is most likely to notice it comes first: that of the same name, then what has noticed most, then the quickest.
      const rank = (test: string): number =>
        (basename(test, '.test.ts') === basename(file, '.ts') ? 1_000 : 0) + (noticed.get(`${file} ${test}`) ?? 0)
      const order = files.toSorted((a, b) => rank(b) - rank(a) || (usual.get(a) ?? 0) - (usual.get(b) ?? 0))
      const original = readFileSync(join(copy, file), 'utf8')
      writeFileSync(join(copy, file), mutant.text)
      let by: string | undefined
      for (const test of order) {
        const ms = await time(copy, test, Math.max(leastLimitMs, 3 * (usual.get(test) ?? 0)))
        if (!Number.isFinite(ms)) {
          by = test
          break
        }
      }
      writeFileSync(join(copy, file), original)
      if (by !== undefined) noticed.set(`${file} ${by}`, (noticed.get(`${file} ${by}`) ?? 0) + 1)
      else {
        survived += 1
        console.log(`  ${file}:${mutant.line}  ${mutant.from} → ${mutant.to}`)
      }
    }
  }
  await Promise.all(copies.map(work))
  return survived
}

/** Milliseconds of a test file that passes; Infinity as soon as one of its tests fails, or it passes the limit. */
function time(copy: string, file: string, limitMs: number): Promise<number> {
  const started = performance.now()
  const child = fork(join(copy, 'test/runner/run-file.ts'), [join(copy, file)], {
    cwd: copy,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    detached: true,
    env: { ...process.env, FORCE_COLOR: '0', TMPDIR: join(copy, 'tmp') },
  })
  running.add(child)
  return new Promise((resolve) => {
    let report: FileReport | undefined
    const end = (passed: boolean): void => {
      clearTimeout(timer)
      killGroup(child)
      running.delete(child)
      resolve(passed ? performance.now() - started : Number.POSITIVE_INFINITY)
    }
    const timer = setTimeout(() => end(false), limitMs)
    child.on('message', (message) => (report = message as FileReport))
    // uvu writes this mark when a test has failed; the others need not be run.
    child.stdout?.on('data', (chunk) => {
      if (String(chunk).includes('✘')) end(false)
    })
    child.once('exit', (code) => {
      const outcomes = report?.outcomes ?? []
      end(code === 0 && outcomes.length > 0 && outcomes.every(({ status }) => status !== 'failed'))
    })
  })
}

/** With the processes that a test has started. */
function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid as number), 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function filesOf(path: string, ending: string): string[] {
  if (path.endsWith('.ts')) return [path]
  const names = readdirSync(join(copies[0] as string, path), { withFileTypes: true })
  return names.filter((entry) => entry.isFile() && entry.name.endsWith(ending)).map(({ name }) => `${path}/${name}`)
}

/** So that a killed run leaves no change behind, and edits during a run do not matter. */
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
  mkdirSync(join(copy, 'tmp'))
  return copy
}
