// Answers of Loki and Netdata that are not the expected JSON: each becomes an error with its own code. Generic ones: kit/http/test/answer.test.ts.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { maxEntriesOf, missing, readLoki, readNetdata, refusal } from '../errors.ts'
import { recorded } from './playback.ts'

function errorOf(read: typeof readLoki, status: number, body: string | Buffer = '', headers: Record<string, string> = {}) {
  try {
    read({ status, headers, body: Buffer.from(body) })
  } catch (error) {
    if (error instanceof ToolError) return error
    throw error
  }
  throw new Error('no error')
}

test('statuses become codes a model can act on, with the status as detail', () => {
  for (const read of [readLoki, readNetdata]) {
    const codes = [401, 403, 404, 418, 429, 500, 502, 503, 504].map((status) => [status, errorOf(read, status).code])
    assert.deepEqual(codes, [
      [401, 'UPSTREAM_AUTH'],
      [403, 'UPSTREAM_AUTH'],
      [404, 'UPSTREAM_ERROR'],
      [418, 'UPSTREAM_ERROR'],
      [429, 'RATE_LIMITED'],
      [500, 'UPSTREAM_ERROR'],
      [502, 'UPSTREAM_ERROR'],
      [503, 'UPSTREAM_ERROR'],
      [504, 'TIMEOUT'],
    ])
    assert.equal(errorOf(read, 502).detail, 502)
    assert.match(errorOf(read, 429, '', { 'retry-after': '7' }).text, /in 7 seconds/)
    assert.match(errorOf(read, 302, '', { location: 'http://169.254.169.254/' }).text, /redirect/)
  }
  assert.match(errorOf(readLoki, 401, 'no org id\n').text, /^ERROR UPSTREAM_AUTH: .*tenant.*LOKI_TENANT_ID/)
  assert.match(errorOf(readNetdata, 412).text, /^ERROR UPSTREAM_AUTH: .*bearer token/)
  assert.match(errorOf(readNetdata, 451).text, /^ERROR UPSTREAM_AUTH: .*address of this server/)
})

test('no error quotes what the upstream wrote, except what Loki says about a query', () => {
  for (const read of [readLoki, readNetdata]) {
    for (const status of [401, 403, 404, 429, 500, 503]) {
      assert.ok(!errorOf(read, status, 'dial tcp inner-host:9095').text.includes('inner-host'))
    }
  }
  assert.match(errorOf(readLoki, 400, 'parse error at line 1').text, /parse error at line 1/)
})

test('why Loki refuses a query is read from the start of its text, whatever the query in it says', () => {
  const detail = (text: string) => errorOf(readLoki, 400, text).detail
  assert.equal(detail('parse error at line 1: unexpected max entries limit per query exceeded, limit > x (9 > 5)'), refusal.parse)
  assert.equal(detail('parse error : queries require at least one regexp or equality matcher that does not'), refusal.matchers)
  assert.equal(detail('exceeded maximum resolution of 11,000 points per time series.'), refusal.tooManyValues)
  assert.equal(detail('something else about a parse error'), 400)
  const recordedError = (name: string) => {
    const { status, body } = recorded(name)
    return errorOf(readLoki, status, String(body))
  }
  assert.equal(recordedError('loki-bad-logql-parse').detail, refusal.parse)
  assert.equal(recordedError('loki-bad-logql-empty-matcher').detail, refusal.matchers)
  assert.equal(recordedError('loki-bad-step-too-many-points').detail, refusal.tooManyValues)
  assert.equal(maxEntriesOf(recordedError('loki-bad-limit-too-big')), 5_000)
  assert.match(recordedError('loki-tail-without-upgrade').text, /^ERROR INVALID_ARGUMENT: .*Bad Request/)
  const text = 'max entries limit per query exceeded, limit > max_entries_limit_per_query (1001 > 500)'
  assert.equal(maxEntriesOf(errorOf(readLoki, 400, text)), 500)
  assert.equal(maxEntriesOf(errorOf(readLoki, 400, `parse error: ${text}`)), undefined)
})

test('Netdata has one status for three things that can be missing', () => {
  const detail = (text: string) => errorOf(readNetdata, 404, text).detail
  assert.equal(detail('This netdata does not maintain a database for host: web page'), missing.node)
  assert.equal(detail('No metrics where matched to query.'), missing.chart)
  assert.equal(detail('Chart is not found: ghost.cpu'), missing.chart)
  assert.equal(detail('Chart is not found: no host found'), missing.chart)
  assert.equal(detail('Unsupported v1 API command: contexts'), missing.route)
  assert.equal(detail('Not Found'), 404)
})

test('a web page instead of an API is recognised', () => {
  const { text } = errorOf(readLoki, 200, '\n<!doctype html><title>Login</title>')
  assert.match(text, /^ERROR UPSTREAM_ERROR: .*web page.*LOKI_URL/)
})

test('what is not JSON, or a part of it, is said to be so', () => {
  assert.match(errorOf(readLoki, 200, '{"a":').text, /^ERROR UPSTREAM_ERROR: .*JSON/)
  assert.match(errorOf(readNetdata, 200, gzipSync('{}')).text, /^ERROR UPSTREAM_ERROR: .*JSON/)
  assert.match(errorOf(readNetdata, 200, '7').text, /unexpected form/)
})

test('an answer of few bytes that would need much memory is refused', () => {
  assert.match(errorOf(readLoki, 200, `[${'1,'.repeat(120_000)}1]`).text, /^ERROR TOO_LARGE: .*more than 100000 values/)
  const text = JSON.stringify({ text: '[1,2,3,"\\'.repeat(50_000) })
  assert.ok(readLoki({ status: 200, headers: {}, body: Buffer.from(text) }), 'commas and quotes in a string are not values')
})
