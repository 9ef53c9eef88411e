// The variables of the network policy, as an operator writes them.
import assert from 'node:assert/strict'
import { test } from '../../../../test/runner/harness.ts'
import { openPolicy } from '../policy.ts'
import type { PolicyVariables } from '../policy-variables.ts'

type Variables = PolicyVariables<'PLAYWRIGHT'>

const unset = {
  PLAYWRIGHT_ALLOW_PRIVATE: [],
  PLAYWRIGHT_ALLOWED_DOMAINS: [],
  PLAYWRIGHT_DENIED_DOMAINS: [],
  PLAYWRIGHT_ALLOWED_PORTS: [],
}
const from = (variables: Partial<Variables>) => openPolicy('PLAYWRIGHT', { ...unset, ...variables })

test('every variable reaches the policy, and an empty list of domains allows all', () => {
  const check = (variables: Partial<Variables>, url: string) => from(variables).check(new URL(url))
  check({}, 'https://example.com/')
  assert.throws(() => check({}, 'https://example.com:81/'), /does not allow port 81/)
  check({ PLAYWRIGHT_ALLOWED_PORTS: ['81', '65535'] }, 'https://example.com:81/')
  assert.throws(() => check({ PLAYWRIGHT_ALLOWED_DOMAINS: ['example.org'] }, 'https://example.com/'), /not among the allowed/)
  assert.throws(() => check({ PLAYWRIGHT_DENIED_DOMAINS: ['example.com'] }, 'https://example.com/'), /denied/)
  assert.throws(() => check({}, 'http://192.168.1.5/'), /private address/)
  check({ PLAYWRIGHT_ALLOW_PRIVATE: ['192.168.1.5'] }, 'http://192.168.1.5/')
})

test('contradictory variables are told', () => {
  for (const port of ['0', '65536', '1.5', 'http']) {
    assert.throws(() => from({ PLAYWRIGHT_ALLOWED_PORTS: [port] }), /PLAYWRIGHT_ALLOWED_PORTS: ".+" is not a port/)
  }
  from({ PLAYWRIGHT_PROXY_URL: 'http://proxy:3128' })
  for (const proxy of ['socks5://user:hunter2@proxy:1080', 'proxy:3128', 'http://']) {
    assert.throws(
      () => from({ PLAYWRIGHT_PROXY_URL: proxy }),
      /^Error: PLAYWRIGHT_PROXY_URL is not a valid proxy URL; (?!.*hunter2)/,
    )
  }
})

test('a resolver that is given is asked in place of the system, and the proxy of its variable is used', async () => {
  const proxied = { ...unset, PLAYWRIGHT_PROXY_URL: 'http://127.0.0.1:1' }
  const resolve = async (name: string) => (name === 'in.example' ? ['10.0.0.1'] : ['93.184.216.34'])
  const policy = openPolicy('PLAYWRIGHT', proxied, { resolve })
  await assert.rejects(policy.connect('in.example', 80), { code: 'FORBIDDEN', message: /it resolves to a private address/ })
  await assert.rejects(policy.connect('out.example', 80), { code: 'UPSTREAM_UNREACHABLE', message: /ECONNREFUSED/ })
})
