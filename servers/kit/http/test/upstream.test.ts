// An upstream that misbehaves in every way: each gets its own code and text, within the deadline.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { ToolError } from '../../../../protocol/index.ts'
import { issue } from '../../../../test/helpers/certificates.ts'
import { withServer } from '../../../../test/helpers/wire.ts'
import { test } from '../../../../test/runner/harness.ts'
import { openUpstream, type UpstreamAnswer, type UpstreamOptions, type UpstreamRequest } from '../upstream.ts'

const limits = { timeoutMs: 5_000, maxBytes: 10_000 }

async function ask(
  url: string,
  request: Partial<UpstreamRequest> = {},
  options: Partial<UpstreamOptions> = {},
): Promise<UpstreamAnswer> {
  const upstream = openUpstream({ name: 'Sample', baseUrl: url, maxSockets: 2, ...options })
  try {
    return await upstream.get('/api', { signal: AbortSignal.timeout(10_000), ...limits, ...request })
  } finally {
    upstream.close()
  }
}

/** The text a model reads when the upstream answers like this. */
async function errorOf(
  listener: RequestListener,
  request: Partial<UpstreamRequest> = {},
  options: Partial<UpstreamOptions> = {},
): Promise<string> {
  let text = ''
  await withServer(listener, async (url) => {
    try {
      await ask(url, request, options)
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      assert.ok(!error.text.includes('127.0.0.1'), 'no address')
      text = error.text
    }
  })
  return text
}

test('a redirect is not followed', async () => {
  let visited = false
  await withServer(
    (_req, res) => {
      visited = true
      res.end('{}')
    },
    (location) =>
      withServer(
        (_req, res) => res.writeHead(307, { location }).end(),
        async (url) => {
          assert.equal((await ask(url)).status, 307)
          assert.equal(visited, false)
        },
      ),
  )
})

test('a connection or an answer that breaks off is told from one that ends', async () => {
  const cut: RequestListener = (_req, res) => {
    res.writeHead(200, { 'content-length': '5000' })
    res.write('{"a":1', () => res.destroy())
  }
  assert.match(await errorOf(cut), /^ERROR UPSTREAM_ERROR: .*ended too early/)
  assert.match(await errorOf((_req, res) => res.destroy()), /^ERROR UPSTREAM_ERROR: .*closed the connection/)
})

test('an answer that is too large is left, whether it says so or not', async () => {
  assert.match(await errorOf((_req, res) => res.end('x'.repeat(10_001))), /^ERROR TOO_LARGE: /)
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

test('slow answers end at the deadline, before and within the body', async () => {
  const began = performance.now()
  assert.match(
    await errorOf(() => {}, { timeoutMs: 100 }),
    /^ERROR TIMEOUT: Sample did not answer within 100 ms\. TRY: the same call again later/,
  )
  const drip: RequestListener = (_req, res) => {
    res.write('{"a":')
    const timer = setInterval(() => res.write(' '), 20)
    res.on('close', () => clearInterval(timer))
  }
  assert.match(await errorOf(drip, { timeoutMs: 150 }), /^ERROR TIMEOUT: /)
  assert.ok(performance.now() - began < 3_000)
})

test('waiting for a free connection counts for the deadline', () =>
  withServer(
    () => {},
    async (url) => {
      const upstream = openUpstream({ name: 'Sample', baseUrl: url, maxSockets: 1 })
      const request = { signal: AbortSignal.timeout(10_000), maxBytes: 10, timeoutMs: 200 }
      const [first, second] = await Promise.allSettled([upstream.get('/a', request), upstream.get('/b', request)])
      for (const outcome of [first, second]) assert.equal((outcome as PromiseRejectedResult).reason.code, 'TIMEOUT')
      upstream.close()
    },
  ))

test('a request on a connection that the upstream closed is repeated on a fresh one, however many are stale', () => {
  const used = new WeakSet<object>()
  return withServer(
    (req, res) => {
      if (used.has(req.socket)) return void req.socket.destroy()
      used.add(req.socket)
      setTimeout(() => res.end('{}'), 20) // so that two requests need two connections
    },
    async (url) => {
      const upstream = openUpstream({ name: 'Sample', baseUrl: url, maxSockets: 2 })
      const request = { signal: AbortSignal.timeout(10_000), maxBytes: 10, timeoutMs: 5_000 }
      await Promise.all([upstream.get('/a', request), upstream.get('/b', request)])
      assert.equal((await upstream.get('/c', request)).status, 200)
      upstream.close()
    },
  )
})

test('the caller’s signal ends the request with its own reason', () =>
  withServer(
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
  assert.match(String(mail), /^ERROR UPSTREAM_ERROR: Sample closed the connection without a valid answer \(HPE_/)
  const tls = await ask(`https://127.0.0.1:${port}`).catch((error: ToolError) => error.text)
  assert.match(String(tls), /^ERROR (UPSTREAM_UNREACHABLE: Sample does not speak TLS on this port|UPSTREAM_ERROR: )/)
  tcp.close()
})

test('a TLS handshake that fails is told from a port without TLS', async () => {
  const { ca, server: issued } = issue('127.0.0.1')
  const old = createTlsServer({ cert: issued.certificate, key: issued.key, ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
  const { port } = old.address() as AddressInfo
  const tls = await ask(`https://127.0.0.1:${port}`, {}, { ca }).catch((error: ToolError) => error.text)
  assert.match(String(tls), /^ERROR UPSTREAM_UNREACHABLE: no trusted TLS connection to Sample .*MCP_CA_FILE/)
  old.close()
})

test('gives up a connection that is not ready in time', async () => {
  const silent = createTcpServer() // accepts, and never begins the TLS handshake
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const { text } = (await ask(`https://127.0.0.1:${port}`, {}, { connectMs: 100 }).catch((error) => error)) as ToolError
  assert.match(text, /^ERROR UPSTREAM_UNREACHABLE: Sample cannot be reached \(no connection within 100 ms\)/)
  silent.close()
})

test('path prefix, query, form and headers arrive as they should', () =>
  withServer(
    (req, res) => {
      let body = ''
      req.on('data', (chunk) => (body += chunk))
      req.on('end', () =>
        res.end(JSON.stringify({ method: req.method, url: req.url, body, tenant: req.headers['x-scope-orgid'] })),
      )
    },
    async (url) => {
      const json = ({ body }: UpstreamAnswer): unknown => JSON.parse(body.toString())
      const headers = { 'x-scope-orgid': 'a|b' }
      assert.deepEqual(json(await ask(`${url}/prefix/`, { query: { q: '{a="b c"}&x' } }, { headers })), {
        method: 'GET',
        url: '/prefix/api?q=%7Ba%3D%22b+c%22%7D%26x',
        body: '',
        tenant: 'a|b',
      })
      const upstream = openUpstream({ name: 'Sample', baseUrl: url, headers, maxSockets: 1 })
      assert.deepEqual(json(await upstream.postForm('/api', { q: 'ä&b' }, { signal: AbortSignal.timeout(10_000), ...limits })), {
        method: 'POST',
        url: '/api',
        body: 'q=%C3%A4%26b',
        tenant: 'a|b',
      })
      upstream.close()
    },
  ))

test('reused memory holds one body after the other, whole', () =>
  withServer(
    (req, res) => {
      const size = Number(new URL(req.url ?? '', 'http://upstream').searchParams.get('size'))
      res.write('x'.repeat(Math.floor(size / 2))) // chunked: its length is not announced
      setImmediate(() => res.end('y'.repeat(Math.ceil(size / 2))))
    },
    async (url) => {
      const upstream = openUpstream({ name: 'Sample', baseUrl: url, maxSockets: 1, reuseBody: true })
      const buffers = new Set<ArrayBufferLike>()
      for (const size of [300_000, 10, 0, 200_001, 300_000]) {
        const request = {
          signal: AbortSignal.timeout(10_000),
          timeoutMs: 5_000,
          maxBytes: 300_000,
          query: { size: String(size) },
        }
        const { body } = await upstream.get('/', request)
        assert.equal(body.toString(), 'x'.repeat(Math.floor(size / 2)) + 'y'.repeat(Math.ceil(size / 2)))
        buffers.add(body.buffer)
      }
      assert.equal(buffers.size, 1)
      upstream.close()
    },
  ))
