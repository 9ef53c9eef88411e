// What the operator may write, and what is refused before the server starts; no message shows a secret.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { describeExpiry } from '../backend.ts'
import { keyExpiry, parseApiUrl, parseExtraHeaders } from '../config.ts'
import { n8n } from '../index.ts'
import { replay, withUpstream } from './client.ts'

test('takes the address from the browser and from the documentation of the API', () => {
  for (const [given, base] of [
    ['http://n8n:5678', 'http://n8n:5678'],
    ['http://n8n:5678/', 'http://n8n:5678'],
    ['https://host/n8n/', 'https://host/n8n'],
    ['http://n8n:5678/api/v1', 'http://n8n:5678'],
    ['http://n8n:5678/n8n/api/v1/', 'http://n8n:5678/n8n'],
  ] as const)
    assert.equal(parseApiUrl(given), base)
})

test('refuses an invalid address, and never shows a password', () => {
  for (const [given, why] of [
    ['n8n:5678', /expected http/],
    ['n8n', /is not a valid URL/],
    ['ftp://n8n', /expected http/],
    ['http://u:hunter22@n8n', /holds credentials/],
    ['http://n8n/?a=hunter22', /must end before/],
  ] as const) {
    assert.throws(
      () => parseApiUrl(given),
      (error: Error) => why.test(error.message) && !error.message.includes('hunter22'),
    )
  }
})

test('refuses headers that are none or that belong to the request', () => {
  assert.deepEqual(parseExtraHeaders('{"CF-Access-Client-Id":"a"}'), { 'cf-access-client-id': 'a' })
  assert.deepEqual(parseExtraHeaders(' '), {})
  for (const bad of [
    '{hunter22',
    '["hunter22"]',
    '{"a b":"hunter22"}',
    '{"a":"hunter22\\r\\nx: y"}',
    '{"Host":"hunter22"}',
    '{"X-N8N-API-KEY":"hunter22"}',
    '{"Authorization: Bearer hunter22":""}',
    '{"a":1}',
  ])
    assert.throws(
      () => parseExtraHeaders(bad),
      (error: Error) => /^N8N_EXTRA_HEADERS/.test(error.message) && !error.message.includes('hunter22'),
    )
})

test('sends the extra headers, beside its own key', () =>
  withUpstream(
    (req, res) => {
      assert.deepEqual([req.headers['cf-access-client-id'], req.headers['x-n8n-api-key']], ['id', 'key-of-the-test'])
      replay(res, 'workflows-list-empty')
    },
    async ({ call }) => assert.match((await call('n8n_list_workflows')).text, /^0 workflows/),
    { config: { N8N_EXTRA_HEADERS: '{"CF-Access-Client-Id":"id"}' } },
  ))

test('reads the end of a key where there is one', () => {
  const jwt = (payload: unknown): string => `a.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c`
  assert.equal(keyExpiry(jwt({ exp: 1_793_404_800 }))?.toISOString(), '2026-10-31T00:00:00.000Z')
  for (const key of [
    undefined,
    'n8n_api_x',
    'a.b.c',
    jwt({}),
    jwt({ exp: 'x' }),
    jwt({ exp: -1 }),
    jwt({ exp: 1e300 }),
    jwt(null),
  ])
    assert.equal(keyExpiry(key), undefined)
})

test('warns from a week before the end of a key', () => {
  const now = Date.parse('2026-11-01T00:00:00Z')
  const warning = (end: string) => describeExpiry(new Date(end), now).warning
  assert.equal(warning('2026-11-09T00:00:01Z'), undefined)
  assert.match(warning('2026-11-07T12:00:00Z') ?? '', /expires in 6 days/)
  assert.match(warning('2026-11-01T12:00:00Z') ?? '', /expires within a day/)
  assert.match(warning('2026-10-31T12:00:00Z') ?? '', /has expired/)
})

test('says which variables are missing', () => {
  const missing = (config: object): string | undefined => n8n.missing(config as never)
  assert.equal(missing({}), 'set N8N_API_URL and N8N_API_KEY')
  assert.equal(missing({ N8N_API_URL: 'http://n8n' }), 'set N8N_API_KEY')
  assert.equal(missing({ N8N_API_URL: 'http://n8n', N8N_API_KEY: 'x' }), undefined)
})
