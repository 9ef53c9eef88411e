import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from '../../test/runner/harness.ts'
import { type AccessOptions, createAccess, isLoopbackHost, isRefusal, type Refusal } from '../access.ts'
import type { Caller } from '../types.ts'

function check(headers: Record<string, string>, options: AccessOptions = {}): Caller | Refusal {
  const req = { headers: { host: 'localhost:8080', ...headers }, socket: { remoteAddress: '127.0.0.1' } }
  return createAccess(options)(req as unknown as IncomingMessage)
}
const status = (headers: Record<string, string>, options?: AccessOptions): number => {
  const answer = check(headers, options)
  return isRefusal(answer) ? answer.status : 200
}

for (const host of [
  'localhost',
  'localhost:8080',
  '127.0.0.1:1',
  '[::1]:8080',
  '192.168.1.7:8080',
  'mcp-postgres:8080',
  'MCP-Postgres',
  'host.docker.internal:8080',
  'mcp.tools.svc.cluster.local',
  'nas.home.arpa',
  'a.localhost',
]) {
  test(`Host ${host} is accepted without configuration`, () => assert.equal(status({ host }), 200))
}

for (const host of [
  'evil.example.com',
  'evil.example.com:8080',
  'localhost.evil.com',
  '127.0.0.1.nip.io',
  '',
  'a b',
  'x@localhost',
  'localhost:80:80',
  '[::1',
  '::1]',
  '.local',
  'evil.com#.local',
  'evil.com/.local',
]) {
  test(`Host ${JSON.stringify(host)} is refused`, () => assert.equal(status({ host }), 403))
}

test('a request without Host is accepted: a browser always sends one', () => {
  const req = { headers: {}, socket: { remoteAddress: '127.0.0.1' } } as unknown as IncomingMessage
  assert.equal(isRefusal(createAccess()(req)), false)
})

test('answers are shared with pages of listed origins only', () => {
  const { sharesWith } = createAccess({ allowedOrigins: ['https://chat.example.org'], loopback: true })
  assert.equal(sharesWith?.('https://chat.example.org'), true)
  for (const origin of ['https://chat.example.org.evil.com', 'http://chat.example.org', 'http://localhost:3000', 'null'])
    assert.equal(sharesWith?.(origin), false, origin)
  assert.equal(createAccess({ allowedOrigins: ['*'] }).sharesWith?.('null'), true)
})

test('the refusal names the Host seen and the setting', () => {
  const answer = check(
    { host: 'mcp.example.lan:8080' },
    { settings: { allowedHosts: 'MCP_ALLOWED_HOSTS', allowedOrigins: 'MCP_ALLOWED_ORIGINS' } },
  )
  assert.equal(
    isRefusal(answer) && answer.message,
    'Host "mcp.example.lan:8080" is not allowed. Set MCP_ALLOWED_HOSTS=mcp.example.lan',
  )
})

test('allowed hosts match with and without port, in any case', () => {
  for (const host of ['mcp.example.org', 'MCP.example.org:8443'])
    assert.equal(status({ host }, { allowedHosts: ['Mcp.Example.Org'] }), 200)
  assert.equal(status({ host: 'mcp.example.org:1' }, { allowedHosts: ['mcp.example.org:2'] }), 403)
  assert.equal(status({ host: 'sub.mcp.example.org' }, { allowedHosts: ['mcp.example.org'] }), 403)
  assert.equal(status({ host: 'any.thing' }, { allowedHosts: ['*'] }), 200)
})

test('an Origin is refused unless it is loopback on a loopback bind, or listed', () => {
  const loopback = { loopback: true }
  assert.equal(status({}), 200)
  assert.equal(status({ origin: 'http://localhost:3000' }, loopback), 200)
  assert.equal(status({ origin: 'http://127.0.0.1' }, loopback), 200)
  assert.equal(status({ origin: 'https://[::1]:1' }, loopback), 200)
  assert.equal(status({ origin: 'http://localhost:3000' }), 403)
  for (const origin of [
    'null',
    'http://evil.example.com',
    'http://localhost.evil.com',
    'http://localhost:8080@evil.com',
    'file://',
    '',
    'http://192.168.1.1',
  ]) {
    assert.equal(status({ origin }, loopback), 403, origin)
  }
  assert.equal(status({ origin: 'https://Chat.example.org' }, { allowedOrigins: ['https://chat.example.org/'] }), 200)
})

test('an Origin equal to the Host is not let in by that', () => {
  assert.equal(status({ host: 'nas', origin: 'http://nas' }), 403)
})

const principals = [
  { name: 'default', token: 'first-token' },
  { name: 'ann', token: 'second-token' },
]
test('tokens name their principal, in either header', () => {
  for (const [headers, name] of [
    [{ authorization: 'Bearer first-token' }, 'default'],
    [{ authorization: 'bearer   second-token' }, 'ann'],
    [{ 'x-api-key': 'second-token' }, 'ann'],
    [{ authorization: 'Basic Zm9vOmJhcg==', 'x-api-key': 'second-token' }, 'ann'],
  ] as const) {
    assert.equal((check(headers, { principals }) as Caller).principal, name)
  }
})

test('no token, a wrong one, and a wrong bearer beside a right key are refused', () => {
  for (const headers of [
    {},
    { authorization: 'Bearer first-toke' },
    { authorization: 'Bearer ' },
    { authorization: 'first-token' },
    { 'x-api-key': '' },
    { authorization: 'Bearer wrong', 'x-api-key': 'first-token' },
  ]) {
    assert.equal(status(headers as Record<string, string>, { principals }), 401)
  }
})

test('without tokens everyone is anonymous and no forwarded user counts', () => {
  const caller = check({ 'x-user': 'root' }, { userHeaders: ['x-user'] }) as Caller
  assert.equal(caller.principal, 'anonymous')
  assert.equal(caller.user, undefined)
})

test('the first forwarded user header that is present counts, cleaned and bounded', () => {
  const options = { principals, userHeaders: ['x-a', 'x-b'] }
  const token = { authorization: 'Bearer first-token' }
  assert.equal((check({ ...token, 'x-b': 'jo' }, options) as Caller).user, 'jo')
  assert.equal((check({ ...token, 'x-a': ' ', 'x-b': 'jo' }, options) as Caller).user, 'jo')
  assert.equal((check({ ...token, 'x-a': 'j\u0007o' }, options) as Caller).user, 'j?o')
  assert.equal((check({ ...token, 'x-a': 'j'.repeat(9_999) }, options) as Caller).user?.length, 256)
})

test('a traceparent counts only in its form', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  assert.equal((check({ traceparent }) as Caller).traceparent, traceparent)
  assert.equal((check({ traceparent: 'x\n' }) as Caller).traceparent, undefined)
})

test('loopback hosts are recognised', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'a.localhost'])
    assert.equal(isLoopbackHost(host), true, host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.com', '127.evil'])
    assert.equal(isLoopbackHost(host), false, host)
})
