import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { jsonIndenter } from '../lib/json-text.ts'

const indent = (json: string, size = json.length): string => {
  const take = jsonIndenter()
  let text = ''
  for (let at = 0; at < json.length; at += size) text += take(json.slice(at, at + size))
  return text
}

test('indents as JSON.stringify does, in pieces of any size', () => {
  const value = { a: [1, 'x,{"y"}: \\" z', [], {}, [[]], null], 'b c': { d: -1.5e-7, e: '\\' }, f: [{ g: true }] }
  for (const json of [JSON.stringify(value), JSON.stringify(value, null, 7)])
    for (const size of [1, 2, 3, 1_000]) assert.equal(indent(json, size), JSON.stringify(value, null, 2))
})

test('numbers keep their digits', () => {
  assert.equal(indent('[12345678901234567890,1.0]'), '[\n  12345678901234567890,\n  1.0\n]')
})

test('brackets without end are indented no further than twenty levels, and what is not JSON comes through', () => {
  assert.ok(indent('['.repeat(10_000)).length < 500_000)
  assert.equal(indent('not json at all').replace(/\s/g, ''), 'notjsonatall')
  assert.equal(indent(']]]}'), indent(']]]}', 1))
})
