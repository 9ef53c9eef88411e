import assert from 'node:assert/strict'
import { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { readCursor, writeCursor } from '../cursor.ts'

test('a cursor gives back its parts, whatever they hold', () => {
  for (const parts of [[], [''], ['public', 'a,"b\\c'], ['ünï', '日本', '🙂\n']])
    assert.deepEqual(readCursor(writeCursor(...parts)), parts)
  assert.deepEqual(readCursor(undefined), [])
})

test('anything else is refused with the way to start again', () => {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const cursor of ['', '%%%', 'bm90IEpTT04', encode({ a: 1 }), encode(['a', 1]), encode(['a\0b']), encode('a')]) {
    assert.throws(
      () => readCursor(cursor),
      (error) => error instanceof ToolError && /^ERROR INVALID_ARGUMENT: .* TRY: leave "cursor" out/.test(error.text),
    )
  }
})
