// Replaces the suite of the page cache, whose cases it holds; the cache also keeps robots.txt now.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { BoundedCache } from '../lib/bounded-cache.ts'

test('holds so many entries, and drops the least recently used one', () => {
  const cache = new BoundedCache<string>(2, 1e6)
  for (const key of ['a', 'b']) cache.set(key, key, 1, 60_000)
  assert.equal(cache.get('a'), 'a')
  cache.set('c', 'c', 1, 60_000)
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['a', undefined, 'c'])
})

test('holds so many bytes, and never a value that is larger', () => {
  const cache = new BoundedCache<string>(20, 20_000)
  cache.set('a', 'a', 6_000, 60_000)
  cache.set('b', 'b', 11_000, 60_000)
  assert.deepEqual(cache.size, { entries: 2, bytes: 17_000 })
  cache.set('c', 'c', 6_000, 60_000)
  assert.deepEqual([cache.get('a'), cache.size.entries], [undefined, 2])
  cache.set('huge', 'h', 100_000, 60_000)
  assert.deepEqual([cache.get('huge'), cache.size.entries], [undefined, 2])
})

test('forgets what is too old', async () => {
  const cache = new BoundedCache<string>(2, 1e6)
  cache.set('a', 'a', 1, 1)
  const until = performance.now() + 2
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([cache.get('a'), cache.size], [undefined, { entries: 0, bytes: 0 }])
})
