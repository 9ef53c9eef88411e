// compactJson changes nothing but the length of long strings, wherever the cut falls.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { compactJson } from '../lib/compact.ts'
import { cutMark } from '../lib/redact.ts'

const compacted = (value: unknown, maxTokens = 1_000) => {
  const compact = compactJson(Buffer.from(JSON.stringify(value)), maxTokens, 20_000)
  return compact === undefined ? undefined : JSON.parse(compact.toString())
}

test('leaves JSON without long strings as it is', () => {
  for (const value of [{}, [], 'x', '', 1, null, { a: ['"\\', '\\', '{[,:', 'ü✓😀', '\u0001'], b: { c: -1.5e3, d: [[], {}] } }])
    assert.deepEqual(compacted(value), value)
})

test('cuts a long string between two characters, and keeps what follows', () => {
  for (const piece of ['x', '\\', '"', 'ü', '✓', '😀', '\u0001', 'a\\n', '\n']) {
    for (let shift = 0; shift < 7; shift += 1) {
      const long = 'y'.repeat(shift) + piece.repeat(30_000)
      const { before, text, after } = compacted({ before: 1, text: long, after: 'z' })
      assert.deepEqual({ before, after }, { before: 1, after: 'z' })
      assert.equal(text.at(-1), cutMark)
      assert.equal(long.startsWith(text.slice(0, -1)), true, `${JSON.stringify(piece)} ${shift}`)
      const bytes = Buffer.byteLength(JSON.stringify(text))
      assert.ok(bytes > 19_980 && bytes <= 20_002, `${bytes} bytes`)
    }
  }
})

test('counts values, and not what looks like them inside of strings', () => {
  assert.deepEqual(compacted([1, 2, 3], 3), [1, 2, 3])
  assert.equal(compacted([1, 2, 3, 4], 3), undefined)
  assert.deepEqual(compacted([',:[{'.repeat(100)], 1), [',:[{'.repeat(100)])
})

test('text that breaks off stays broken', () => {
  for (const text of ['{"a":"x', '"\\', '{"a":"\\u12', `"${'x'.repeat(30_000)}`]) {
    const compact = compactJson(Buffer.from(text), 100, 20_000)
    assert.throws(() => JSON.parse(compact?.toString() ?? '{}'))
  }
})
