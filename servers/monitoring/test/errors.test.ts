// Answers of Loki and Netdata that are not the expected JSON: each gets its own code and text.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { accepted, readJson } from '../errors.ts'

/** The text a model reads of such an answer; empty when it is accepted. */
function errorOf(status: number, body: string | Buffer = '', headers: Record<string, string> = {}): string {
  try {
    readJson('Sample', accepted('Sample', { status, headers, body: Buffer.from(body) }))
    return ''
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    return error.text
  }
}

test('statuses become codes a model can act on', () => {
  assert.match(errorOf(401, 'secret detail of 10.0.0.3'), /^ERROR UPSTREAM_AUTH: Sample refused the credentials \(401\)\. TRY: /)
  assert.match(errorOf(401, 'no org id'), /^ERROR UPSTREAM_AUTH: .*tenant/)
  assert.match(errorOf(403), /^ERROR UPSTREAM_AUTH: .*\(403\)/)
  assert.match(errorOf(429, '', { 'retry-after': '7' }), /^ERROR RATE_LIMITED: .*\(429\)\. TRY: the same call again in 7 seconds/)
  const date = new Date(Date.now() + 20_000).toUTCString()
  assert.match(errorOf(429, '', { 'retry-after': date }), /in (19|20) seconds/)
  assert.match(errorOf(429, '', { 'retry-after': 'soon' }), /in a few seconds/)
  for (const status of [500, 502, 503, 504])
    assert.match(errorOf(status, 'dial tcp 10.0.0.3'), new RegExp(`^ERROR UPSTREAM_ERROR: Sample failed \\(HTTP ${status}\\)`))
  assert.match(
    errorOf(302, '', { location: 'http://169.254.169.254/' }),
    /^ERROR UPSTREAM_ERROR: .*redirects elsewhere \(HTTP 302\), which is not followed/,
  )
})

test('no error quotes what the upstream wrote', () => {
  for (const status of [401, 403, 429, 500, 503]) {
    assert.ok(!errorOf(status, 'dial tcp inner-host:9095').includes('inner-host'))
  }
})

test('a web page instead of an API is recognised', () => {
  assert.match(
    errorOf(200, '\n<!doctype html><title>Login</title>'),
    /^ERROR UPSTREAM_ERROR: .*answers with a web page instead of its API/,
  )
})

test('what is not JSON, or a part of it, is said to be so', () => {
  assert.match(errorOf(200, '{"a":'), /^ERROR UPSTREAM_ERROR: .*not JSON, or only a part of it/)
  assert.match(errorOf(200, gzipSync('{}')), /^ERROR UPSTREAM_ERROR: .*not JSON/)
})

test('an answer of few bytes that would need much memory is refused', () => {
  assert.match(errorOf(200, `[${'1,'.repeat(120_000)}1]`), /^ERROR TOO_LARGE: .*more than 100000 values/)
  const text = JSON.stringify({ text: '[1,2,3,"\\'.repeat(50_000) })
  assert.equal(errorOf(200, text), '', 'commas and quotes in a string are no values')
})
