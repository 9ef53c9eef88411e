// shortenJson changes nothing but the length of long strings, wherever the cut falls.
import assert from 'node:assert/strict'
import { test } from '../../../../test/runner/harness.ts'
import { cutMark, shortenJson } from '../answer.ts'

const shortened = (value: unknown, maxTokens = 1_000, maxStringBytes = 20_000) => {
  const short = shortenJson(Buffer.from(JSON.stringify(value)), maxTokens, maxStringBytes)
  return short === undefined ? undefined : JSON.parse(short.toString())
}

test('leaves JSON without long strings as it is', () => {
  for (const value of [{}, [], 'x', '', 1, null, { a: ['"\\', '\\', '{[,:', 'ü✓😀', '\u0001'], b: { c: -1.5e3, d: [[], {}] } }])
    assert.deepEqual(shortened(value), value)
  const numbers = { a: Array.from({ length: 500 }, (_, i) => i), b: 'x' }
  assert.deepEqual(shortened(numbers, 1_000, 100), numbers)
})

test('cuts a long string between two characters, and keeps what follows', () => {
  for (const piece of ['x', '\\', '"', 'ü', '✓', '😀', '\u0001', 'a\\n', '\n']) {
    for (let shift = 0; shift < 7; shift += 1) {
      const long = 'y'.repeat(shift) + piece.repeat(30_000)
      const { before, text, between, other, after } = shortened({ before: 1, text: long, between: 2, other: long, after: 'z' })
      assert.deepEqual({ before, between, after }, { before: 1, between: 2, after: 'z' })
      assert.equal(other, text)
      assert.equal(text.at(-1), cutMark)
      assert.equal(long.startsWith(text.slice(0, -1)), true, `${JSON.stringify(piece)} ${shift}`)
      const bytes = Buffer.byteLength(JSON.stringify(text))
      assert.ok(bytes > 19_980 && bytes <= 20_002, `${bytes} bytes`)
    }
  }
})

test('counts values, and not what looks like them inside of strings', () => {
  assert.deepEqual(shortened([1, 2, 3], 3), [1, 2, 3])
  assert.equal(shortened([1, 2, 3, 4], 3), undefined)
  assert.deepEqual(shortened([',:[{'.repeat(100)], 1), [',:[{'.repeat(100)])
  assert.deepEqual(shortened({ a: 'x', b: ['y'] }, 5), { a: 'x', b: ['y'] })
  assert.equal(shortened({ a: 'x', b: ['y'] }, 4), undefined)
})

test('text that breaks off stays broken', () => {
  for (const text of ['{"a":"x', '"\\', '{"a":"\\u12', `"${'x'.repeat(30_000)}`]) {
    const short = shortenJson(Buffer.from(text), 100, 20_000)
    assert.throws(() => JSON.parse(short?.toString() ?? '{}'))
  }
})
