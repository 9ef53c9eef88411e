// The suite itself: the reference passes every case, each mutant fails the cases it names, and no MUST case is beyond every mutant.
import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { CASES } from '../cases/index.ts'
import type { RunOptions } from '../run.ts'
import { runConformance } from '../run.ts'
import type { Mutant } from '../selftest/mutant.ts'
import { MUTANTS } from '../selftest/mutants/index.ts'
import { startReference } from '../selftest/reference.ts'
import { calledTools } from '../selftest/reference-rpc.ts'
import type { Deviation } from '../selftest/reference-types.ts'
import type { RunReport } from '../types.ts'

const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']
const slow = [{ name: 'wait', args: { ms: 260 } }]

async function runAgainst(path: string, options: Partial<RunOptions> = {}, deviation: Deviation = {}): Promise<RunReport> {
  const reference = await startReference(deviation)
  try {
    return await runConformance({ url: reference.url + path, timeoutMs: 3_000, ...options })
  } finally {
    await reference.close()
  }
}

function failures(report: RunReport): string[] {
  return report.cases
    .filter((result) => result.status === 'fail')
    .map(({ id, revision, message }) => `${id} ${revision}: ${message}`)
}

const passed = new Set<string>()

function assertConforms(report: RunReport, revisions: readonly string[]): void {
  assert.equal(report.aborted, undefined)
  assert.deepEqual(failures(report), [])
  assert.deepEqual(report.revisions, revisions)
  for (const result of report.cases) if (result.status === 'pass') passed.add(result.id)
}

test('the reference conforms over HTTP+SSE', async () => assertConforms(await runAgainst('/sse'), LEGACY), { timeoutMs: 60_000 })

test(
  'the reference conforms over Streamable HTTP',
  async () => assertConforms(await runAgainst('/mcp'), [...LEGACY, '2026-07-28']),
  {
    timeoutMs: 60_000,
  },
)

test(
  'the reference conforms with a slow tool over HTTP+SSE',
  async () => assertConforms(await runAgainst('/sse', { calls: slow }), LEGACY),
  {
    timeoutMs: 60_000,
  },
)

test(
  'the reference conforms with a slow tool over Streamable HTTP',
  async () => assertConforms(await runAgainst('/mcp', { calls: slow, revisions: ['2025-11-25'] }), ['2025-11-25']),
  { timeoutMs: 60_000 },
)

test('the reference conforms when it serves 2026-07-28 only', async () =>
  assertConforms(await runAgainst('/mcp', {}, { modernOnly: true }), ['2026-07-28']))

test('every case but those that wait for a keep-alive has passed once', () => {
  const missing = CASES.filter((item) => item.slow !== true && !passed.has(item.id)).map((item) => item.id)
  assert.deepEqual(missing, [])
})

test('no tool is called that is not marked read-only', () => assert.deepEqual([...calledTools].sort(), ['echo', 'wait']))

for (const mutant of MUTANTS) test(`fails: ${title(mutant)}`, () => assertKilled(mutant))

test('every MUST case is killed by a mutant', () => {
  const killed = new Set(MUTANTS.flatMap((mutant) => mutant.kills))
  const immortal = CASES.filter((item) => item.level === 'MUST' && !killed.has(item.id)).map((item) => item.id)
  assert.deepEqual(immortal, [])
})

function title(mutant: Mutant): string {
  return `${mutant.name} (${mutant.transport ?? 'http'} ${mutant.revision ?? '2025-11-25'})`
}

async function assertKilled(mutant: Mutant): Promise<void> {
  const cases = mutant.kills.map((id) => CASES.find((item) => item.id === id) ?? assert.fail(`no case has the id ${id}`))
  const transport = mutant.transport ?? 'http'
  const report = await runAgainst(
    transport === 'sse' ? '/sse' : '/mcp',
    {
      transport,
      revisions: [mutant.revision ?? '2025-11-25'],
      cases,
      timeoutMs: mutant.timeoutMs ?? 500,
      ...(mutant.call === undefined ? {} : { calls: [mutant.call] }),
    },
    mutant.deviation(),
  )
  const survived = report.cases
    .filter((result) => result.status !== 'fail')
    .map(({ id, status, message }) => `${id}: ${status} ${message}`)
  assert.deepEqual(survived, [])
  assert.equal(report.cases.length, cases.length, 'a case does not apply to the mutant')
  const broken = report.cases
    .filter((result) => result.message.startsWith('the suite itself failed'))
    .map((result) => result.message)
  assert.deepEqual(broken, [])
}
