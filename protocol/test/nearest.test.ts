import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { nearest } from '../nearest.ts'

test('the nearest come first, and only plausible ones', () => {
  assert.deepEqual(nearest('oders', ['orders', 'users', 'folders', 'invoice_lines']), ['orders', 'folders'])
  assert.deepEqual(nearest('qqqq', ['orders', 'users']), [])
  assert.deepEqual(nearest('README.txt', ['readme.md', 'release.sh']), ['readme.md'])
  assert.deepEqual(nearest('invoice', ['invite', 'voices', 'device', 'services', 'novice']), ['invite', 'novice'])
})

test('a word of a name is near as a whole name is', () => {
  assert.deepEqual(nearest('oders', ['sales.orders_old', 'orders', 'users_old']), ['orders', 'sales.orders_old'])
  assert.deepEqual(nearest('ordered', ['Order now', 'Borrow it']), ['Order now'])
  assert.deepEqual(nearest('notes.txt', ['plans.txt', 'text.md']), [])
})

test('a part of a name, another case and swapped letters are near', () => {
  assert.deepEqual(nearest('order', ['sales.orders_old', 'x']), ['sales.orders_old'])
  assert.deepEqual(nearest('ORDERS', ['orders']), ['orders'])
  assert.deepEqual(nearest('lmiit', ['limit', 'litter'], 1), ['limit'])
})

test('no more than the wanted number is returned', () => {
  assert.equal(nearest('aa', ['ab', 'ac', 'ad', 'ae'], 2).length, 2)
})

test('5,000 long candidates take milliseconds, not seconds', () => {
  const candidates = Array.from({ length: 5_000 }, (_, i) => `${i}`.padStart(200, 'ab'))
  const started = process.cpuUsage()
  nearest('x'.repeat(200), candidates)
  assert.equal(process.cpuUsage(started).user < 1_000_000, true)
})
