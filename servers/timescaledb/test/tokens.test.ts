// The lexer compared with PostgreSQL's own scanner: what a statement is depends on where its words, strings and comments begin and end.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compareCuts, loadScanner, ownCuts, scannedCuts, sqlText } from '../../../test/fuzz/sql-tokens.ts'
import { test } from '../../../test/runner/harness.ts'
import { lex } from '../../kit/sql/lexer.ts'

test('6,000 texts are cut as PostgreSQL cuts them', async () => {
  await loadScanner()
  const seen = { tokens: 0, unclosed: 0, other: 0 }
  const property = fc.property(sqlText, (text) => {
    const scanned = scannedCuts(text)
    seen[scanned === undefined ? 'other' : scanned === 'unclosed' ? 'unclosed' : 'tokens'] += 1
    const own = lex(text)
    if (own.fault === 'escape') assert.match(text, /u&"/i)
    compareCuts(ownCuts(own), scanned)
  })
  fc.assert(property, { seed: 1, numRuns: 6_000 })
  assert.ok(seen.tokens > 2_000 && seen.unclosed > 1_000, JSON.stringify(seen))
})

test('what is not closed is named', () => {
  for (const [text, fault] of [
    ["SELECT 'a", 'string'],
    ["SELECT E'\\'", 'string'],
    ["SELECT 'a' \n 'b", 'string'],
    ['SELECT $$a$', 'string'],
    ['SELECT $a$ $$ $A$', 'string'],
    ['SELECT "a', 'identifier'],
    ['SELECT /* a', 'comment'],
    ['SELECT /* /* */', 'comment'],
    ['SELECT /*', 'comment'],
    ['SELECT /**/', undefined],
    ['SELECT 1 -- a', undefined],
  ] as const)
    assert.equal(lex(text).fault, fault, text)
})

test('a word may start with every character beyond ASCII', () => {
  for (const char of ['\u0080', '\u00a0', 'é', '\uffff', '😀'])
    assert.deepEqual(lex(`${char}1`).tokens, [{ kind: 'word', name: `${char}1`, quoted: false, at: 0, end: char.length + 1 }])
  assert.equal(lex('\u007f1').tokens.length, 2)
})

test('a name in U&"…" is refused, whatever it holds; U&\'…\' is a string, and UESCAPE behind it a word and a string', () => {
  for (const text of [
    'U&"\\0061\\0062"',
    'u&"a""b"',
    'SELECT U&"a""',
    'SELECT 1, U&"a!0062" UESCAPE \'!\'',
    'U&"a" UESCAPE E\'\\x21\'',
    'U&"a" "uescape" \'!\'',
  ])
    assert.equal(lex(text).fault, 'escape', text)
  for (const text of [
    "U&'a' UESCAPE '!'",
    "u&'a' uescape $$!$$",
    "U&'a' UESCAPE E'\\x21'",
    'U & "a"',
    'U& "a"',
    "a UESCAPE '!'",
  ]) {
    const { tokens, fault } = lex(text)
    assert.deepEqual([fault, tokens.length], [undefined, 3], text)
  }
  assert.deepEqual(
    lex("U&'drop!005fchunks' UESCAPE '!'").tokens.map(({ kind }) => kind),
    ['string', 'word', 'string'],
  )
  assert.deepEqual(lex('"\\0061"').tokens, [{ kind: 'word', name: '\\0061', quoted: true, at: 0, end: 7 }])
})
