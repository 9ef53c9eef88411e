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
    compareCuts(ownCuts(lex(text)), scanned)
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
    ['SELECT U&"a""', 'identifier'],
    ['SELECT /* a', 'comment'],
    ['SELECT /* /* */', 'comment'],
    ['SELECT /*', 'comment'],
    ['SELECT /**/', undefined],
    ['U&"a" UESCAPE E\'!\'', 'escape'],
    ['U&"a" UESCAPE E\'\\x21\'', 'escape'],
    ["U&\"a\" UESCAPE ''\n'!'", 'escape'],
    ['U&"a" UESCAPE $a$!!$a$', 'escape'],
    ['SELECT 1 -- a', undefined],
  ] as const)
    assert.equal(lex(text).fault, fault, text)
})

test('a word may start with every character beyond ASCII', () => {
  for (const char of ['\u0080', '\u00a0', 'é', '\uffff', '😀'])
    assert.deepEqual(lex(`${char}1`).tokens, [{ kind: 'word', name: `${char}1`, quoted: false, at: 0, end: char.length + 1 }])
  assert.equal(lex('\u007f1').tokens.length, 2)
})

test('escapes of a name: four digits, six with a plus sign, the character itself twice; the rest stays as it is written', () => {
  for (const [text, name] of [
    ['U&"\\0061\\0062"', 'ab'],
    ['U&"\\+01F600x"', '😀x'],
    ['U&"a\\\\b"', 'a\\b'],
    ['U&"a\\\\\\0062"', 'a\\b'],
    ['U&"\\006"', '\\006'],
    ['U&"\\+110000"', '\\+110000'],
    ['U&"\\+10FFFF"', '\u{10ffff}'],
    ['U&"a!0062" UESCAPE \'!\'', 'ab'],
    ['U&"a!0062" UESCAPE $$!$$', 'ab'],
    ['U&"a!0062" uescape $a$!$a$', 'ab'],
    ['U&"a!!\\0062" uescape\'!\'', 'a!\\0062'],
    ['u&"a""b"', 'a"b'],
    ['"\\0061"', '\\0061'],
  ] as const) {
    const [token, ...others] = lex(text).tokens
    assert.ok(token?.kind === 'word' && token.quoted, text)
    assert.deepEqual([token.name, token.at, token.end, others.length], [name, 0, text.length, 0], text)
  }
  // Neither a quoted word nor anything but a string is an escape character.
  for (const text of ['U&"a" "uescape" \'!\'', 'U&"a" UESCAPE 1', 'U&"a" escape \'!\'', "a UESCAPE '!'", "u UESCAPE '!'"])
    assert.equal(lex(text).tokens.length, 3, text)
})
