// Addresses of web pages as models write them.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { readWebAddress } from '../web-address.ts'

test('what stands around an address is left out, and a lacking scheme is added', () => {
  for (const [text, href] of [
    ['example.com', 'https://example.com/'],
    ['example.com:8080/a', 'https://example.com:8080/a'],
    ['HTTP:example.com', 'http://example.com/'],
    ['[a page](https://example.com/x)', 'https://example.com/x'],
    ['<https://example.com/>', 'https://example.com/'],
    ['//example.com', 'https://example.com/'],
    ['mailto:a@example.com', 'mailto:a@example.com'],
  ] as const)
    assert.equal(readWebAddress(text).href, href)
  assert.throws(() => readWebAddress('http://a b'), { code: 'INVALID_ARGUMENT', message: /"http:\/\/a b" is not a valid URL/ })
})

test('a host beyond ASCII is valid however often addresses were read', () => {
  for (let i = 0; i < 20_000; i++) assert.equal(readWebAddress('http://é.de').href, 'http://xn--9ca.de/')
})

test('what stands around an address is read in linear time', () => {
  const started = performance.now()
  for (const text of ['<', '"', '\t', '`x', '[]('].map((part) => `\t${part.repeat(1_365)}\t${'"'.repeat(1_365)}<`))
    assert.throws(() => readWebAddress(text), { code: 'INVALID_ARGUMENT' })
  assert.ok(performance.now() - started < 1_000)
})
