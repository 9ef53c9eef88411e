// What configuration is accepted, and what it turns into on the wire.
import assert from 'node:assert/strict'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { openMonitoring } from '../backend.ts'
import type { MonitoringConfig } from '../config.ts'
import { monitoring } from '../index.ts'
import { configOf, withWire } from './wire.ts'

const open = (config: Partial<MonitoringConfig>) => openMonitoring(configOf(config), environmentOf())

test('contradictions are refused with the names of the variables', () => {
  const cases: [Partial<MonitoringConfig>, RegExp][] = [
    [{ LOKI_URL: 'loki:3100' }, /LOKI_URL starts with loki:, expected http/],
    [{ LOKI_URL: 'not a url' }, /LOKI_URL is not a valid URL/],
    [{ LOKI_URL: 'http://u:p@loki:3100' }, /LOKI_URL holds credentials; put them into LOKI_USERNAME and LOKI_PASSWORD/],
    [{ NETDATA_URL: 'http://nd:19999/?x=1' }, /NETDATA_URL must end before/],
    [{ LOKI_URL: 'http://l', LOKI_USERNAME: 'u' }, /LOKI_USERNAME is set without LOKI_PASSWORD/],
    [{ LOKI_URL: 'http://l', LOKI_USERNAME: 'u', LOKI_PASSWORD: 'p', LOKI_BEARER_TOKEN: 't' }, /LOKI: both a token and a user/],
    [{ NETDATA_URL: 'http://n', NETDATA_PASSWORD: 'p' }, /NETDATA_PASSWORD is set without NETDATA_USERNAME/],
  ]
  for (const [config, message] of cases) {
    assert.throws(
      () => open(config),
      (error: Error) => message.test(error.message) && !error.message.includes('u:p'),
      String(message),
    )
  }
})

test('either of the two is enough; without both the operator is told what to set', () => {
  assert.equal(monitoring.missing(configOf({ LOKI_URL: 'http://l' })), undefined)
  assert.equal(monitoring.missing(configOf({ NETDATA_URL: 'http://n' })), undefined)
  assert.match(monitoring.missing(configOf()) ?? '', /LOKI_URL or NETDATA_URL/)
})

test('the name for the audit trail is hosts only', () => {
  assert.equal(open({ LOKI_URL: 'http://loki:3100/x', NETDATA_URL: 'https://nd' }).upstream, 'loki:3100,nd')
})

test('the tool of what is not configured says so; the other works', () =>
  withServer(
    (_req, res) => res.end('{"status":"success","data":{"resultType":"streams","result":[]}}'),
    (url) =>
      withWire({ config: { LOKI_URL: url } }, async ({ call }) => {
        const metrics = await call('get_system_metrics', {})
        assert.match(metrics.text, /^ERROR UPSTREAM_UNREACHABLE: Netdata is not configured: the operator has to set NETDATA_URL/)
        assert.equal((await call('search_logs', { query: '{a="b"}' })).isError, false)
      }),
  ))

test('credentials and tenant are sent as configured, and only those', async () => {
  const seen: (string | undefined)[] = []
  const upstream = (config: Partial<MonitoringConfig>): Promise<void> =>
    withServer(
      (req, res) => {
        seen.push(req.headers.authorization, req.headers['x-scope-orgid'] as string | undefined)
        res.end('{"version":"v1"}')
      },
      async (url) => {
        const backend = open({ ...config, ...(config.NETDATA_API_KEY === undefined ? { LOKI_URL: url } : { NETDATA_URL: url }) })
        await backend.probe(AbortSignal.timeout(5_000))
        await backend.close()
      },
    )
  await upstream({})
  await upstream({ LOKI_TENANT_ID: 'a|b', LOKI_BEARER_TOKEN: 'tok' })
  await upstream({ LOKI_USERNAME: 'ü', LOKI_PASSWORD: 'p:w' })
  await upstream({ NETDATA_API_KEY: 'key' })
  assert.deepEqual(seen, [
    undefined,
    undefined,
    'Bearer tok',
    'a|b',
    `Basic ${Buffer.from('ü:p:w').toString('base64')}`,
    undefined,
    'Bearer key',
    undefined,
  ])
})

test('the state names the upstream that fails', () =>
  withServer(
    (_req, res) => res.writeHead(503).end(),
    async (url) => {
      const backend = open({ LOKI_URL: url })
      await assert.rejects(backend.probe(AbortSignal.timeout(5_000)), {
        code: 'UPSTREAM_ERROR',
        detail: 503,
      })
      await backend.close()
    },
  ))
