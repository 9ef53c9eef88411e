// An n8n, or what stands before it, that answers wrongly, late, too much or not at all: each has its own code, text and advice.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from '../../../test/runner/harness.ts'
import { recording, replay, reply, type Setup, target, withUpstream, withWire } from './client.ts'

const jwt = (claims: object): string =>
  `${[{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2lnbmF0dXJl`
const inDays = (days: number): number => Math.floor(Date.now() / 1000) + days * 86_400

/** The text of the error that a list of workflows gets from this upstream. */
async function errorFrom(listener: RequestListener, setup: Setup = {}, tool = 'n8n_list_workflows'): Promise<string> {
  let text = ''
  await withUpstream(
    listener,
    async ({ call }, url) => {
      const answer = await call(tool)
      assert.equal(answer.isError, true, answer.text)
      assert.equal(answer.text.includes(new URL(url).host), false, 'an error must not name the address')
      assert.equal(answer.text.includes('key-of-the-test'), false)
      text = answer.text
    },
    setup,
  )
  return text
}

test('says that the key was rejected, and when it expired', async () => {
  const unauthorized: RequestListener = (_req, res) => replay(res, 'unauthorized-bad-key')
  assert.equal(
    await errorFrom(unauthorized),
    'ERROR UPSTREAM_AUTH: n8n rejected the API key (401). TRY: ask the operator for a new key',
  )
  const expired = { config: { N8N_API_KEY: jwt({ sub: 'x', exp: Date.parse('2026-10-31T12:00:00Z') / 1000 }) } }
  assert.equal(
    await errorFrom(unauthorized, expired),
    'ERROR UPSTREAM_AUTH: n8n rejected the API key (401); it expired on 2026-10-31. TRY: ask the operator for a new key',
  )
  const valid = { config: { N8N_API_KEY: jwt({ exp: inDays(30) }) } }
  assert.doesNotMatch(await errorFrom(unauthorized, valid), /expired/)
})

test('names the scope that is missing', async () => {
  const forbidden: RequestListener = (_req, res) => replay(res, 'forbidden-scope')
  assert.match(
    await errorFrom(forbidden),
    /^ERROR FORBIDDEN: .*\(403\): it lacks the scope workflow:list, .* TRY: .*workflow:list$/,
  )
  assert.match(await errorFrom(forbidden, {}, 'n8n_get_database_statistics'), /scope workflow:list/)
})

test('recognises the web interface and a login page', async () => {
  const page: RequestListener = (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/html' })
    res.end('<!DOCTYPE html><html><head><title>n8n.io - Workflow Automation</title></head></html>')
  }
  assert.match(await errorFrom(page), /^ERROR UPSTREAM_ERROR: .*web page instead of its API.*N8N_API_URL/)
  const access: RequestListener = (_req, res) => {
    res.writeHead(403, { 'content-type': 'text/html' })
    res.end('<html>Cloudflare Access</html>')
  }
  assert.match(await errorFrom(access), /^ERROR UPSTREAM_AUTH: a proxy in front of n8n refused .*N8N_EXTRA_HEADERS/)
  const redirect: RequestListener = (_req, res) => {
    res.writeHead(302, { location: 'https://login.internal/?return=secret' })
    res.end()
  }
  const redirected = await errorFrom(redirect)
  assert.match(redirected, /^ERROR UPSTREAM_ERROR: .*redirects \(HTTP 302\)/)
  assert.doesNotMatch(redirected, /login\.internal/)
})

test('tells a switched-off API from a missing workflow', async () => {
  assert.match(
    await errorFrom((_req, res) => replay(res, 'not-found-route')),
    /^ERROR UPSTREAM_ERROR: .*no n8n API \(404\).*N8N_PUBLIC_API_DISABLED$/,
  )
})

test('passes on when to come back', async () => {
  const limited =
    (after: Record<string, string>): RequestListener =>
    (_req, res) =>
      reply(res, { message: 'slow down' }, 429, after)
  assert.match(
    await errorFrom(limited({ 'retry-after': '17' })),
    /^ERROR RATE_LIMITED: .* TRY: the same call again in 17 seconds$/,
  )
  const date = new Date(Date.now() + 30_000).toUTCString()
  assert.match(await errorFrom(limited({ 'retry-after': date })), /again in (29|30) seconds$/)
  assert.match(await errorFrom(limited({})), /again in a few seconds$/)
})

test('says that n8n failed, is starting, or broke off', async () => {
  assert.match(await errorFrom((_req, res) => reply(res, 'Bad Gateway', 502)), /^ERROR UPSTREAM_ERROR: n8n failed \(HTTP 502\)\./)
  assert.match(await errorFrom((_req, res) => reply(res, 'n8n is starting up', 503)), /\(HTTP 503\); it may be starting/)
  const truncated: RequestListener = (_req, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    res.write('{"data":[{"id":"a"')
    setImmediate(() => res.destroy())
  }
  assert.match(await errorFrom(truncated), /^ERROR UPSTREAM_ERROR: n8n's answer ended too early/)
  assert.match(await errorFrom((_req, res) => reply(res, '{"data":[')), /^ERROR UPSTREAM_ERROR: .*invalid or incomplete JSON/)
  assert.match(await errorFrom((_req, res) => reply(res, { data: 'none' })), /^ERROR UPSTREAM_ERROR: .*unknown form/)
  assert.match(await errorFrom((_req, res) => reply(res, '[]')), /^ERROR UPSTREAM_ERROR: .*unknown form/)
  assert.match(await errorFrom((_req, res) => reply(res, 'teapot', 418)), /^ERROR UPSTREAM_ERROR: n8n answered HTTP 418/)
  assert.match(
    await errorFrom((req) => req.socket.destroy()),
    /^ERROR UPSTREAM_ERROR: n8n closed the connection without a valid answer \(ECONNRESET\)/,
  )
})

test('says that nobody listens', () =>
  withWire({ config: { N8N_API_URL: 'http://127.0.0.1:9' } }, async ({ call, backend }) => {
    const { text } = await call('n8n_list_workflows')
    assert.match(text, /^ERROR UPSTREAM_UNREACHABLE: n8n cannot be reached \(ECONNREFUSED\)/)
    await assert.rejects(backend.probe(new AbortController().signal), { code: 'UPSTREAM_UNREACHABLE' })
  }))

test(
  'gives up after ten seconds, also on an answer that trickles',
  async () => {
    const trickle: RequestListener = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => res.write(' '), 50)
      res.on('close', () => clearInterval(timer))
    }
    const started = performance.now()
    assert.match(await errorFrom(trickle), /^ERROR TIMEOUT: n8n did not answer within 10000 ms/)
    assert.ok(performance.now() - started < 13_000)
  },
  { timeoutMs: 30_000 },
)

test('a cursor that n8n refuses is explained in its own words', async () => {
  await withUpstream(
    (_req, res) => replay(res, 'workflows-list-bad-cursor'),
    async ({ call }) => {
      const { text } = await call('n8n_list_workflows', { active: true, cursor: 'garbage' })
      assert.equal(
        text,
        'ERROR INVALID_ARGUMENT: n8n refused the arguments (400): "An invalid cursor was provided". TRY: {"active":true}',
      )
    },
  )
})

test('a caller who leaves ends the request, and the next one is served', () => {
  let asked!: () => void
  let left!: () => void
  const begun = new Promise<void>((resolve) => (asked = resolve))
  const ended = new Promise<void>((resolve) => (left = resolve))
  let first = true
  return withUpstream(
    (_req, res) => {
      if (!first) return replay(res, 'workflows-list-bad-limit')
      first = false
      res.on('close', left)
      asked()
    },
    async ({ session, call }) => {
      await session.post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'n8n_list_workflows', arguments: {} } })
      await begun
      const next = call('n8n_list_workflows') // waits behind the first: one answer is in memory at a time
      await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
      await ended
      assert.match((await next).text, /^5 workflows, /)
    },
  )
})

test('readiness says when the key ends, and warns a week before', async () => {
  const probe = async (key: string, listener: RequestListener = (_req, res) => replay(res, 'executions-list')) => {
    let detail: Readonly<Record<string, unknown>> = {}
    await withUpstream(
      listener,
      async ({ backend }) => {
        detail = await backend.probe(new AbortController().signal)
      },
      { config: { N8N_API_KEY: key } },
    )
    return detail
  }
  assert.deepEqual(await probe('n8n_api_0123456789'), { api: 'ok' })
  const day = (days: number): string => new Date(inDays(days) * 1000).toISOString().slice(0, 10)
  assert.deepEqual(await probe(jwt({ exp: inDays(30) })), { api: 'ok', key_expires: day(30) })
  const soon = await probe(jwt({ exp: inDays(5) + 60 }))
  assert.equal(soon.key_expires, day(5))
  assert.match(String(soon.warning), /^the API key expires in 5 days; /)
  const narrow = await probe('x', (_req, res) => replay(res, 'forbidden-scope'))
  assert.deepEqual(narrow, { api: 'ok', missing_scope: 'execution:list' })
})

test('sends nothing but GET to four routes, whatever the tools are asked', () => {
  const seen = new Set<string>()
  return withUpstream(
    (req, res) => {
      const { pathname } = target(req)
      seen.add(`${req.method} ${pathname.replace(/^(\/api\/v1\/workflows\/).+$/, '$1ID')}`)
      if (pathname.endsWith('/executions')) return replay(res, 'executions-list-error')
      if (pathname.endsWith('/workflows')) return replay(res, 'workflows-list-bad-limit')
      reply(
        res,
        recording(pathname.includes('lvUA') ? 'workflow-get' : 'workflow-get-missing').body,
        pathname.includes('lvUA') ? 200 : 404,
      )
    },
    async ({ call }) => {
      await call('n8n_list_workflows', { name: '../../users?x=1#', tags: ['a&limit=9'], project_id: 'p1' })
      await call('n8n_get_workflow', { workflow_id: 'lvUA2v44N17xMKBS', detail: 'full' })
      for (const id of ['../users', 'a/activate', '..%2fusers', 'a?b=c', 'x'.repeat(200), 'é', '.', '..', '%2e%2e']) {
        const { text } = await call('n8n_get_workflow', { workflow_id: id })
        assert.match(text, /^ERROR NOT_FOUND: /, id)
      }
      await call('n8n_get_database_statistics', {})
      assert.deepEqual([...seen].sort(), [
        'GET /api/v1/executions',
        'GET /api/v1/insights/summary',
        'GET /api/v1/workflows',
        'GET /api/v1/workflows/ID',
      ])
    },
  )
})
