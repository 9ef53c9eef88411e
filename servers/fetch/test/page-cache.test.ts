import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { PageCache } from '../lib/page-cache.ts'
import type { Page } from '../types.ts'

const page = (text: string): Page => ({
  finalUrl: 'https://example.test/',
  redirects: 0,
  status: 200,
  contentType: 'text/html',
  method: 'main part',
  robots: 'allowed',
  facts: {},
  text,
  notes: [],
})

test('holds so many pages, and lets the one go that was used least recently', () => {
  const cache = new PageCache({ maxPages: 2, maxBytes: 1e6, keepMs: 60_000 })
  cache.set('a', page('a'))
  cache.set('b', page('b'))
  assert.equal(cache.get('a')?.text, 'a')
  cache.set('c', page('c'))
  assert.deepEqual([cache.get('a')?.text, cache.get('b'), cache.get('c')?.text], ['a', undefined, 'c'])
})

test('holds so many bytes, counting two for each character beyond Latin-1', () => {
  const cache = new PageCache({ maxPages: 20, maxBytes: 20_000, keepMs: 60_000 })
  cache.set('a', page('a'.repeat(5_000)))
  cache.set('b', page('ж'.repeat(5_000)))
  assert.deepEqual(cache.size, { pages: 2, bytes: 17_000 })
  cache.set('c', page('c'.repeat(5_000)))
  assert.deepEqual([cache.get('a'), cache.size.pages], [undefined, 2])
  cache.set('huge', page('ж'.repeat(50_000)))
  assert.deepEqual([cache.get('huge'), cache.size.pages], [undefined, 2])
})

test('forgets what is too old', async () => {
  const cache = new PageCache({ maxPages: 2, maxBytes: 1e6, keepMs: 1 })
  cache.set('a', page('a'))
  const until = Date.now() + 2
  while (Date.now() < until) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([cache.get('a'), cache.size], [undefined, { pages: 0, bytes: 0 }])
})
