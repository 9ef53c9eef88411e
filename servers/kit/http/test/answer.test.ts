import assert from 'node:assert/strict'
import { ToolError } from '../../../../protocol/index.ts'
import { test } from '../../../../test/runner/harness.ts'
import { authorization, readBaseUrl } from '../address.ts'
import { readJson, statusError } from '../answer.ts'

const sample = { name: 'Sample', address: 'SAMPLE_URL', credentials: 'SAMPLE_TOKEN' }
const answer = (status: number, body = '{}', headers: Record<string, string> = {}) => ({
  status,
  headers,
  body: Buffer.from(body),
})

test('each status has its code, the status as detail, and a hint that names the variable to check', () => {
  const cases: [status: number, code: string | undefined, hint?: RegExp][] = [
    [200, undefined],
    [204, undefined],
    [302, 'UPSTREAM_ERROR', /SAMPLE_URL/],
    [400, undefined],
    [401, 'UPSTREAM_AUTH', /SAMPLE_TOKEN/],
    [403, 'UPSTREAM_AUTH', /SAMPLE_TOKEN/],
    [404, undefined],
    [407, 'UPSTREAM_AUTH', /SAMPLE_TOKEN/],
    [408, 'TIMEOUT'],
    [429, 'RATE_LIMITED', /in a few seconds/],
    [500, 'UPSTREAM_ERROR'],
    [503, 'UPSTREAM_ERROR'],
    [504, 'TIMEOUT'],
  ]
  for (const [status, code, hint = /./] of cases) {
    const error = statusError(sample, answer(status))
    assert.equal(error?.code, code, String(status))
    if (error === undefined) continue
    assert.equal(error.detail, status)
    assert.match(error.hint ?? '', hint)
  }
})

test('the seconds of Retry-After are passed on, and a web page with 401 comes from a proxy', () => {
  assert.match(statusError(sample, answer(429, '', { 'retry-after': '17' }))?.hint ?? '', /in 17 seconds/)
  assert.match(statusError(sample, answer(401, '<html>'))?.text ?? '', /proxy in front of Sample/)
})

test('a body is never quoted', () => {
  for (const status of [302, 401, 403, 429, 500, 503]) {
    assert.doesNotMatch(statusError(sample, answer(status, '<b>db-7.internal</b>'))?.text ?? '', /db-7/)
  }
})

test('what is not JSON is refused with the reason', () => {
  const codeOf = (body: string, headers = {}): string => {
    try {
      return String(readJson(sample, answer(200, body, headers), 3))
    } catch (error) {
      assert.ok(error instanceof ToolError)
      return error.text
    }
  }
  assert.match(codeOf(' <!doctype html>'), /UPSTREAM_ERROR.*web page.*SAMPLE_URL/)
  assert.match(codeOf('hello', { 'content-type': 'text/html' }), /web page/)
  assert.match(codeOf('{"a":'), /UPSTREAM_ERROR.*JSON/)
  assert.match(codeOf('[1,2,3,4,5]'), /TOO_LARGE.*3 values/)
  assert.deepEqual(readJson(sample, answer(200, '["a,b:[{\\",,,"]'), 3), ['a,b:[{",,,'])
})

test('an address is read, or refused with an example', () => {
  const read = (value: string): string => readBaseUrl('SAMPLE_URL', value, 'http://sample:80', 'SAMPLE_TOKEN')
  assert.equal(read(' http://sample:3100/prefix/ '), 'http://sample:3100/prefix')
  assert.equal(read('https://sample'), 'https://sample')
  assert.throws(() => read('sample:3100'), /SAMPLE_URL starts with sample:.*http:\/\/sample:80/)
  assert.throws(() => read('not a url'), /SAMPLE_URL is not a valid URL/)
  assert.throws(
    () => read('http://user:hunter2@sample'),
    (error: Error) => /SAMPLE_TOKEN/.test(error.message) && !error.message.includes('hunter2'),
  )
  assert.throws(() => read('http://sample?x=1'), /before "\?"/)
})

test('credentials come as a token or as a pair', () => {
  const read = (token?: string, user?: string, password?: string) => authorization('SAMPLE', { token, user, password })
  assert.deepEqual(read(), {})
  assert.deepEqual(read('t'), { authorization: 'Bearer t' })
  assert.deepEqual(read(undefined, 'a', 'b'), { authorization: 'Basic YTpi' })
  assert.throws(() => read('t', 'a'), /set one of the two/)
  assert.throws(() => read(undefined, 'a'), /SAMPLE_USERNAME is set without SAMPLE_PASSWORD/)
  assert.throws(() => read(undefined, undefined, 'b'), /SAMPLE_PASSWORD is set without SAMPLE_USERNAME/)
})
