// The official conformance suite against the fixture server: its release, and its next version for the last two revisions.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sharedFixture } from '../fixtures/fixture.ts'
import { node22, run } from '../helpers/child.ts'
import { test } from '../runner/harness.ts'

const release = process.env.OCTET_TEST_CONFORMANCE
const next = process.env.OCTET_TEST_CONFORMANCE_NEXT
const missing = release === undefined || next === undefined || node22 === undefined
const suiteTest = test.unless(
  missing ? 'the official conformance suite is not installed (OCTET_TEST_CONFORMANCE, OCTET_TEST_CONFORMANCE_NEXT)' : undefined,
)
const expectedFailures = fileURLToPath(new URL('expected-failures/', import.meta.url))

const runs = [
  { about: '0.1.16, all active scenarios', suite: release, expected: '0.1.16', args: [], passing: 14 },
  {
    about: '0.2.0-alpha.12 for 2025-11-25',
    suite: next,
    expected: '2025-11-25',
    args: ['--requirements', '2025-11-25'],
    passing: 17,
  },
  {
    about: '0.2.0-alpha.12 for 2026-07-28',
    suite: next,
    expected: '2026-07-28',
    args: ['--requirements', '2026-07-28'],
    passing: 18,
  },
]

for (const { about, suite, expected, args, passing } of runs) {
  suiteTest(
    `${about}: nothing fails but what is listed with a reason`,
    async () => {
      const { port } = await sharedFixture({})
      const out = mkdtempSync(join(tmpdir(), 'octet-conformance-'))
      try {
        // `localhost`: one scenario changes this name in Host and Origin.
        const target = ['--url', `http://localhost:${port}/mcp`, '--expected-failures', join(expectedFailures, `${expected}.yml`)]
        const ended = await run(
          node22 ?? 'node',
          [join(suite ?? '', 'dist/index.js'), 'server', ...target, ...args, '-o', out],
          {},
          300_000,
        )
        assert.equal(ended.code, 0, `${ended.stdout}\n${ended.stderr}`.slice(-6_000))
        const passed = ended.stdout.match(/^✓ /gm)?.length ?? 0
        assert.ok(passed >= passing, `${passed} scenarios passed, at least ${passing} must:\n${ended.stdout.slice(-4_000)}`)
      } finally {
        rmSync(out, { recursive: true, force: true })
      }
    },
    { timeoutMs: 310_000 },
  )
}

test('every expected failure has its reason beside it', () => {
  for (const file of readdirSync(expectedFailures)) {
    const entries = readFileSync(join(expectedFailures, file), 'utf8').match(/^ {2}- .*$/gm) ?? []
    assert.ok(entries.length > 0)
    for (const entry of entries) assert.match(entry, /^ {2}- [a-z0-9:-]+ # .{20,}$/)
  }
})
