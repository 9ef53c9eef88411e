import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from '../../test/runner/harness.ts'
import { addressOf } from '../case.ts'
import { CASES } from '../cases/index.ts'
import { coverage, coverageText, declarations, ledger } from '../requirements/index.ts'
import { isWithin, REVISIONS } from '../revisions.ts'

test('every case the ledger names exists and applies to the revision', () => {
  const problems = REVISIONS.flatMap((revision) =>
    [...ledger(revision), ...declarations(revision)].flatMap(({ page, section, text, cases }) => {
      const missing = cases.filter((prefix) => !CASES.some((item) => item.id.startsWith(prefix)))
      const applying = CASES.filter(
        (item) => isWithin(revision, item.since, item.until) && cases.some((prefix) => item.id.startsWith(prefix)),
      )
      if (missing.length === 0 && (cases.length === 0 || applying.length > 0)) return []
      return [`${revision} ${page}#${section}: ${text}: ${missing.length > 0 ? missing.join(', ') : 'none applies'}`]
    }),
  )
  assert.deepEqual(problems, [])
})

test('every case that the specification demands is in the ledger', () => {
  const named = REVISIONS.flatMap((revision) => [...ledger(revision), ...declarations(revision)].flatMap((item) => item.cases))
  const unnamed = CASES.filter((item) => item.level !== 'INTEROP' && !named.some((prefix) => item.id.startsWith(prefix)))
  assert.deepEqual(
    unnamed.map((item) => item.id),
    [],
  )
})

test('case ids are unique and are addresses', () => {
  assert.equal(new Set(CASES.map((item) => item.id)).size, CASES.length)
  for (const item of CASES) assert.match(item.id, /^[a-z0-9_-]+(\/[a-z0-9_-]+){2,}$/)
})

test('every INTEROP case names the client that breaks, and no other case does', () => {
  for (const item of CASES) assert.equal(item.breaks !== undefined, item.level === 'INTEROP', item.id)
})

test('a case of a moved page has the address of its revision', () => {
  const item = CASES.find((candidate) => candidate.id === 'basic/index/requests/params-may-be-absent')
  assert.ok(item !== undefined)
  assert.equal(addressOf(item, '2024-11-05'), 'https://modelcontextprotocol.io/specification/2024-11-05/basic/messages#requests')
  assert.equal(addressOf(item, '2025-11-25'), 'https://modelcontextprotocol.io/specification/2025-11-25/basic#requests')
})

test('coverage is a number for each revision', () => {
  for (const revision of REVISIONS) {
    const { sentences, binding, covered, unobservable, elsewhere } = coverage(revision)
    assert.equal(covered + unobservable, binding)
    assert.equal(binding + elsewhere, sentences)
    assert.ok(covered / binding > 0.6, `${revision}: ${covered} of ${binding}`)
  }
  assert.match(coverageText(), /^2026-07-28: \d+ of \d+ sentences/m)
})

test('the table of coverage in the README is that of the ledger', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  for (const revision of REVISIONS) {
    const { sentences, binding, covered, unobservable } = coverage(revision)
    const row = `| ${revision} | ${sentences} | ${binding} | ${covered} (${Math.round((100 * covered) / binding)} %) | ${unobservable} |`
    assert.ok(readme.includes(row), row)
  }
})
