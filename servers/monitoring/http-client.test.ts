// An upstream that misbehaves in every way: each gets its own code and text, within the deadline.
import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { ToolError } from '../../protocol/index.ts'
import { test } from '../../test/harness.ts'
import { HttpClient, type HttpRequest } from './http-client.ts'
import { withUpstream } from './wire.ts'

const limits = { timeoutMs: 5_000, maxBytes: 10_000 }

async function ask(url: string, request: Partial<HttpRequest> = {}, headers: Record<string, string> = {}): Promise<unknown> {
  const http = new HttpClient({ name: 'Sample', baseUrl: url, headers, maxSockets: 2 })
  try {
    return http.json(await http.request('/api', { signal: AbortSignal.timeout(10_000), ...limits, ...request }))
  } finally {
    http.close()
  }
}

/** The text a model reads when the upstream answers like this. */
async function errorOf(listener: RequestListener, request: Partial<HttpRequest> = {}): Promise<string> {
  let text = ''
  await withUpstream(listener, async (url) => {
    try {
      await ask(url, request)
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      assert.ok(!error.text.includes('127.0.0.1'), 'no address')
      text = error.text
    }
  })
  return text
}

const answer =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): RequestListener =>
  (_req, res) =>
    res.writeHead(status, headers).end(body)

test('statuses become codes a model can act on', async () => {
  assert.match(
    await errorOf(answer(401, 'secret detail of 10.0.0.3')),
    /^ERROR UPSTREAM_AUTH: Sample refused the credentials \(401\)\. TRY: /,
  )
  assert.match(await errorOf(answer(401, 'no org id')), /^ERROR UPSTREAM_AUTH: .*tenant/)
  assert.match(await errorOf(answer(403)), /^ERROR UPSTREAM_AUTH: .*\(403\)/)
  assert.match(
    await errorOf(answer(429, '', { 'retry-after': '7' })),
    /^ERROR RATE_LIMITED: .*\(429\)\. TRY: the same call again in 7 seconds/,
  )
  const date = new Date(Date.now() + 20_000).toUTCString()
  assert.match(await errorOf(answer(429, '', { 'retry-after': date })), /in (19|20) seconds/)
  assert.match(await errorOf(answer(429, '', { 'retry-after': 'soon' })), /in a few seconds/)
  for (const status of [500, 502, 503, 504])
    assert.match(
      await errorOf(answer(status, 'dial tcp 10.0.0.3')),
      new RegExp(`^ERROR UPSTREAM_ERROR: Sample failed \\(HTTP ${status}\\)`),
    )
  assert.match(
    await errorOf(answer(302, '', { location: 'http://169.254.169.254/' })),
    /^ERROR UPSTREAM_ERROR: .*redirects elsewhere \(HTTP 302\), which is not followed/,
  )
})

test('no error quotes what the upstream wrote', async () => {
  for (const status of [401, 403, 429, 500, 503]) {
    assert.ok(!(await errorOf(answer(status, 'dial tcp inner-host:9095'))).includes('inner-host'))
  }
})

test('a redirect is not followed', async () => {
  let visited = false
  await withUpstream(
    (_req, res) => {
      visited = true
      res.end('{}')
    },
    async (target) => {
      await errorOf(answer(307, '', { location: target }))
      assert.equal(visited, false)
    },
  )
})

test('a web page instead of an API is recognised', async () => {
  const page = answer(200, '\n<!doctype html><title>Login</title>', { 'content-type': 'text/html' })
  assert.match(await errorOf(page), /^ERROR UPSTREAM_ERROR: .*answers with a web page instead of its API/)
})

test('broken and truncated answers are told from each other', async () => {
  assert.match(await errorOf(answer(200, '{"a":')), /^ERROR UPSTREAM_ERROR: .*not JSON, or only a part of it/)
  assert.match(await errorOf(answer(200, gzipSync('{}'))), /^ERROR UPSTREAM_ERROR: .*not JSON/)
  const cut = (res: ServerResponse): void => {
    res.writeHead(200, { 'content-length': '5000' })
    res.write('{"a":1', () => res.destroy())
  }
  assert.match(await errorOf((_req, res) => cut(res)), /^ERROR UPSTREAM_ERROR: .*broke off before its end/)
  assert.match(await errorOf((_req, res) => res.destroy()), /^ERROR UPSTREAM_ERROR: .*broke off the connection/)
})

test('an answer that is too large is left, whether it says so or not', async () => {
  assert.match(await errorOf(answer(200, 'x'.repeat(10_001), { 'content-length': '10001' })), /^ERROR TOO_LARGE: /)
  let written = 0
  const endless: RequestListener = (_req, res) => {
    res.on('error', () => {})
    const more = (): void => {
      while (!res.destroyed && res.write('x'.repeat(1_000))) written += 1_000
      if (!res.destroyed) res.once('drain', more)
    }
    more()
  }
  assert.match(await errorOf(endless), /^ERROR TOO_LARGE: Sample's answer is larger than 10000 bytes/)
  assert.ok(written < 50_000_000)
})

test('an answer of few bytes that would need much memory is refused', async () => {
  const body = `[${'1,'.repeat(120_000)}1]`
  assert.match(await errorOf(answer(200, body), { maxBytes: 2_000_000 }), /^ERROR TOO_LARGE: .*more than 100000 values/)
  const text = JSON.stringify({ text: '[1,2,3,"\\'.repeat(50_000) })
  assert.equal(await errorOf(answer(200, text), { maxBytes: 2_000_000 }), '', 'commas and quotes in a string are no values')
})

test('slow answers end at the deadline, before and within the body', async () => {
  const began = performance.now()
  assert.match(await errorOf(() => {}, { timeoutMs: 100 }), /^ERROR TIMEOUT: Sample did not answer within 100 ms/)
  const drip: RequestListener = (_req, res) => {
    res.write('{"a":')
    const timer = setInterval(() => res.write(' '), 20)
    res.on('close', () => clearInterval(timer))
  }
  assert.match(await errorOf(drip, { timeoutMs: 150 }), /^ERROR TIMEOUT: /)
  assert.ok(performance.now() - began < 3_000)
})

test('waiting for a free connection counts for the deadline', () =>
  withUpstream(
    () => {},
    async (url) => {
      const http = new HttpClient({ name: 'Sample', baseUrl: url, maxSockets: 1 })
      const request = { signal: AbortSignal.timeout(10_000), maxBytes: 10, timeoutMs: 200 }
      const [first, second] = await Promise.allSettled([http.request('/a', request), http.request('/b', request)])
      for (const outcome of [first, second]) assert.equal((outcome as PromiseRejectedResult).reason.code, 'TIMEOUT')
      http.close()
    },
  ))

test('the caller’s signal ends the request with its own reason', () =>
  withUpstream(
    (req) => req.on('close', () => {}),
    async (url) => {
      const abort = new AbortController()
      const asked = ask(url, { signal: abort.signal })
      abort.abort(new Error('cancelled by the client'))
      await assert.rejects(asked, /cancelled by the client/)
      await assert.rejects(ask(url, { signal: abort.signal }), /cancelled by the client/)
    },
  ))

test('nobody listens, or speaks something else', async () => {
  const refused = await ask('http://127.0.0.1:1').catch((error: ToolError) => error.text)
  assert.match(String(refused), /^ERROR UPSTREAM_UNREACHABLE: Sample cannot be reached \(ECONNREFUSED\)/)
  const unknown = await ask('http://no-such-host.invalid').catch((error: ToolError) => error.text)
  assert.match(String(unknown), /^ERROR UPSTREAM_UNREACHABLE: Sample cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/)
  const tcp = createTcpServer((socket) => socket.end('220 mail ready\r\n'))
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const { port } = tcp.address() as AddressInfo
  const mail = await ask(`http://127.0.0.1:${port}`).catch((error: ToolError) => error.text)
  assert.match(String(mail), /^ERROR UPSTREAM_ERROR: Sample broke off the connection without a valid answer \(HPE_/)
  const tls = await ask(`https://127.0.0.1:${port}`).catch((error: ToolError) => error.text)
  assert.match(String(tls), /^ERROR (UPSTREAM_UNREACHABLE: no trusted TLS connection|UPSTREAM_ERROR: )/)
  tcp.close()
})

test('path prefix, query, form and headers arrive as they should', () =>
  withUpstream(
    (req, res) => {
      let body = ''
      req.on('data', (chunk) => (body += chunk))
      req.on('end', () =>
        res.end(JSON.stringify({ method: req.method, url: req.url, body, tenant: req.headers['x-scope-orgid'] })),
      )
    },
    async (url) => {
      const headers = { 'x-scope-orgid': 'a|b' }
      assert.deepEqual(await ask(`${url}/prefix/`, { query: { q: '{a="b c"}&x' } }, headers), {
        method: 'GET',
        url: '/prefix/api?q=%7Ba%3D%22b+c%22%7D%26x',
        body: '',
        tenant: 'a|b',
      })
      assert.deepEqual(await ask(url, { form: { q: 'ä&b' } }, headers), {
        method: 'POST',
        url: '/api',
        body: 'q=%C3%A4%26b',
        tenant: 'a|b',
      })
    },
  ))
