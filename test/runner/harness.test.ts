import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from './harness.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

// Each of these files is one that plain uvu 0.5.6 reports as a success, or waits on for ever.
const liars: [fact: string, source: string, says: RegExp][] = [
  ['a file that registers no test fails', '', /registers no test/],
  ['a thrown non-error fails', `test('x', () => { throw null })`, /threw null/],
  [
    'a test without end fails at its limit',
    `test('x', () => new Promise(() => setInterval(() => {}, 1e3)), { timeoutMs: 50 })`,
    /longer than 50 ms/,
  ],
  ['a leaked handle fails', `test('x', () => { setInterval(() => {}, 1000) })`, /still open after the last test: .*Timeout/],
  ['a process that exits early fails', `test('x', () => process.exit(0))`, /ended without a report/],
  [
    'a rejection nobody awaits fails',
    `test('x', () => { Promise.reject(new Error('lost')); return new Promise(r => setTimeout(r, 50)) })`,
    /lost/,
  ],
  ['two tests of one name fail', `test('x', () => {}); test('x', () => {})`, /two tests are named "x"/],
  ['an error while loading fails', `throw new Error('at load')`, /at load/],
]

for (const [fact, source, says] of liars) {
  test(fact, async () => {
    const { code, output } = await runSource(source)
    assert.notEqual(code, 0, output)
    assert.match(output, says)
  })
}

test('counts what passed and names why a test was skipped', async () => {
  const { code, output } = await runSource(
    `test('a', () => {}); test.skip('b', 'needs a moon'); test.unless(undefined)('c', () => {})`,
  )
  assert.equal(code, 0, output)
  assert.match(output, /skipped 1: needs a moon/)
  assert.match(output, /^2 passed, 0 failed, 1 skipped$/m)
})

test('an unlisted skip fails when CI=true', async () => {
  const { code, output } = await runSource(`test('a', () => {}); test.skip('b', 'needs a moon')`, { CI: 'true' })
  assert.equal(code, 1)
  assert.match(output, /does not list: needs a moon/)
  const part = await runSource(`test('a', () => {}); test.skip('b', 'the TSL edition of TimescaleDB')`, { CI: 'true' })
  assert.match(part.output, /does not list: the TSL edition of TimescaleDB$/m)
})

/** Runs the real runner on one file, which lies in test/ for the time of the run because the runner only looks there. */
async function runSource(source: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  const folder = await mkdtemp(join(repository, 'test/tmp-'))
  try {
    await writeFile(join(folder, 'sample.test.ts'), `import { test } from '../runner/harness.ts'\n${source}\n`)
    return await new Promise((resolve) =>
      execFile(
        process.execPath,
        ['--import', 'tsx', join(repository, 'test/runner/run.ts'), folder.slice(folder.indexOf('tmp-'))],
        { cwd: repository, env: { ...process.env, CI: '', TMPDIR: tmpdir(), ...env } },
        (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      ),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}
