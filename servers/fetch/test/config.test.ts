import assert from 'node:assert/strict'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { readConfig } from '../../host/config.ts'
import { openFetch } from '../backend.ts'
import { config } from '../config.ts'
import { fetch } from '../index.ts'
import { withWire } from './wire.ts'

const open = async (env: Record<string, string>): Promise<void> => {
  const reading = readConfig(config, env)
  assert.deepEqual(reading.problems, [])
  await openFetch(reading.config as never, environmentOf()).close()
}

test('needs no configuration', async () => {
  await open({})
  assert.equal(fetch.missing({} as never), undefined)
})

test('private targets, domains and ports are read; anything else is the operator’s error', async () => {
  await open({
    FETCH_ALLOW_PRIVATE: '192.168.1.0/24, nas.lan:5000',
    FETCH_ALLOWED_DOMAINS: 'example.com,*.example.org',
    FETCH_ALLOWED_PORTS: '3000,8000',
  })
  await assert.rejects(open({ FETCH_ALLOW_PRIVATE: '192.168.1.0/99' }), /FETCH_ALLOW_PRIVATE/)
  await assert.rejects(open({ FETCH_DENIED_DOMAINS: 'http://x/' }), /FETCH_DENIED_DOMAINS/)
  for (const port of ['99999', '0'])
    await assert.rejects(
      open({ FETCH_ALLOWED_PORTS: `3000,${port}` }),
      new RegExp(`FETCH_ALLOWED_PORTS: "${port}" is not a port`),
    )
  assert.match(readConfig(config, { FETCH_USER_AGENT: '1bot' }).problems.join(), /FETCH_USER_AGENT/)
})

test('the proxy is an address, and its credentials are never shown', async () => {
  const secret = 'http://user:hunter22@proxy:3128'
  await open({ FETCH_PROXY_URL: secret })
  await assert.rejects(open({ FETCH_PROXY_URL: 'socks5://user:hunter22@proxy' }), (error: Error) => {
    assert.match(error.message, /FETCH_PROXY_URL/)
    assert.doesNotMatch(error.message, /hunter22/)
    return true
  })
  assert.ok(readConfig(config, { FETCH_PROXY_URL: secret }).secrets.includes(secret))
})

test('readiness reaches nothing, and says what is open', () =>
  withWire(
    {
      config: { FETCH_ALLOW_PRIVATE: ['10.0.0.0/8'], FETCH_IGNORE_ROBOTS: true },
      resolve: () => assert.fail('a name was resolved'),
    },
    async ({ backend }) => {
      const facts = await backend.probe()
      assert.equal(facts.private_openings, 1)
      assert.equal(facts.robots, 'ignored')
    },
  ))
