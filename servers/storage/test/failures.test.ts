// The errors for a store, or something else at its address, that fails.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { issue } from '../../../test/helpers/certificates.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Answer, closed, endless, reply, withFault } from './answers.ts'
import { withStorage } from './client.ts'
import { errorXml, listXml, withFakeStore } from './fake-store.ts'

/** Both tools say the same, and never the address of the store. */
const cases: [title: string, answer: Answer, expected: RegExp][] = [
  ['401', reply(401), /^ERROR UPSTREAM_AUTH: the store rejected the credentials \(401\)/],
  ['403 without a body', reply(403), /^ERROR FORBIDDEN: the store denies access to this server's key \(403\)/],
  [
    'an expired token',
    reply(400, errorXml('ExpiredToken')),
    /^ERROR UPSTREAM_AUTH: .*credentials, which have expired \(400 ExpiredToken\)/,
  ],
  ['429 with Retry-After', reply(429, '', { 'retry-after': '17' }), /^ERROR RATE_LIMITED: .* TRY: the same call again in 17 s$/],
  [
    '503 SlowDown',
    reply(503, errorXml('SlowDown', 'Please reduce your request rate.')),
    /^ERROR RATE_LIMITED: .*\(503 SlowDown\)/,
  ],
  [
    '500',
    reply(500, errorXml('InternalError', 'We encountered\nan error')),
    /^ERROR UPSTREAM_ERROR: the store failed \(500 InternalError\): "We encountered\\nan error"/,
  ],
  [
    '502 of a proxy',
    reply(502, '<html><body>Bad Gateway</body></html>'),
    /^ERROR UPSTREAM_ERROR: .*as a web server, not as an S3 store/,
  ],
  [
    '504 with a date',
    reply(504, '', { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }),
    /^ERROR UPSTREAM_ERROR: the store failed \(504\).*again in (8|9)\d seconds$/,
  ],
  ['404 of a web server', reply(404, 'not found'), /^ERROR UPSTREAM_ERROR: .*as a web server/],
  [
    'a page for everything',
    reply(200, '<!DOCTYPE html><html><title>Console</title></html>', { 'content-type': 'text/html' }),
    /^ERROR UPSTREAM_ERROR: the endpoint (answers with a web page|did not answer with an object)/,
  ],
  [
    'a redirect',
    reply(302, '', { location: 'http://169.254.169.254/latest/meta-data/' }),
    /^ERROR UPSTREAM_ERROR: the endpoint redirects \(302\)/,
  ],
  [
    'plain HTTP on a TLS port',
    reply(400, 'Client sent an HTTP request to an HTTPS server.'),
    /^ERROR UPSTREAM_ERROR: .*MINIO_USE_SSL$/,
  ],
  [
    'an error that breaks off',
    (_req, res) => {
      res.writeHead(409, { 'content-length': '4000' })
      res.write('<Error><Code>OperationAborted</Code><Message>A conflicting', () => setTimeout(() => res.destroy(), 50))
    },
    /^ERROR UPSTREAM_ERROR: .*\(409 OperationAborted\)/,
  ],
  ['an error that never ends', endless('<Error><Code>X</Code>', 500), /^ERROR UPSTREAM_ERROR: the store failed \(500 X\)/],
  [
    'an error in hostile text',
    reply(418, errorXml('\x1b[31mEvil', `ignore\u202e all\x07 ${'x'.repeat(5_000)}`)),
    /^ERROR UPSTREAM_ERROR: the store refused the request \(418 Evil\): "ignore all x+…\[\+\d+ chars\]"\.$/,
  ],
  [
    'no HTTP at all',
    (req) => void req.socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
    /^ERROR UPSTREAM_ERROR: the store closed the connection without a valid answer \(HPE_/,
  ],
  [
    'a closed connection',
    (req) => void req.socket.destroy(),
    /^ERROR UPSTREAM_ERROR: the store closed the connection without a valid answer \(ECONNRESET\)/,
  ],
]

for (const [title, answer, expected] of cases) {
  test(`answers ${title} with an error of its own`, () =>
    withFault(answer, async (wire, store) => {
      for (const result of [await wire.list({ bucket: 'media' }), await wire.get({ bucket: 'media', key: 'a.txt' })]) {
        assert.equal(result.isError, true)
        assert.match(result.text, expected)
        assert.doesNotMatch(result.text, /127\.0\.0\.1|169\.254|test-secret| {4}at /)
      }
      assert.ok(store.requests.length <= 2, `${store.requests.length} requests`)
    }))
}

test('gives up a listing or a body that takes longer than its time', () =>
  withFault(
    (_req, res) => void res.writeHead(200, { 'content-type': 'application/xml' }).write('<ListBucketResult>'),
    async (wire, store) => {
      const started = performance.now()
      assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR TIMEOUT: the store did not answer in full within 300 ms/)
      assert.ok(performance.now() - started < 3_000)
      await closed(store)
    },
    { limits: { totalMs: 300 } },
  ))

test('gives up a store that accepts connections and says nothing', () =>
  withFault(
    () => {},
    async (wire, store) => {
      assert.match((await wire.get({ bucket: 'media', key: 'a' })).text, /^ERROR TIMEOUT: /)
      await closed(store)
    },
    { limits: { totalMs: 300 } },
  ))

test('says that nothing listens, within the time for a connection', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  await withStorage({ endpoint: `http://127.0.0.1:${port}` }, async (wire) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_UNREACHABLE: .*nothing listens at its address.* check MINIO_ENDPOINT and MINIO_USE_SSL/,
    )
    await assert.rejects(wire.backend.probe(AbortSignal.timeout(5_000)), { code: 'UPSTREAM_UNREACHABLE' })
  })
  await withStorage({ endpoint: 'http://no-such-host.invalid:9000' }, async (wire) => {
    assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR UPSTREAM_UNREACHABLE: .*its host name is not known/)
  })
})

test('says that TLS was expected where the store speaks plain HTTP', () =>
  withFakeStore(reply(200), (store) =>
    withStorage({ endpoint: store.url.replace('http:', 'https:') }, async (wire) => {
      assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR UPSTREAM_UNREACHABLE: .*does not speak TLS on this port/)
    }),
  ))

test('gives up a connection that is not ready in time', async () => {
  const silent = createServer() // accepts, and never begins the TLS handshake
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = silent.address() as { port: number }
    await withStorage({ endpoint: `https://127.0.0.1:${port}`, limits: { connectMs: 150, totalMs: 10_000 } }, async (wire) => {
      assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR UPSTREAM_UNREACHABLE: .*no connection within 150 ms/)
    })
  } finally {
    silent.close()
  }
})

test('trusts a private authority that it is given, and no other', async () => {
  const { createServer: createTlsServer } = await import('node:https')
  const { ca, server: issued } = issue('127.0.0.1')
  const server = createTlsServer({ cert: issued.certificate, key: issued.key }, (_req, res) => void res.end(listXml(['a'])))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const endpoint = `https://127.0.0.1:${(server.address() as { port: number }).port}`
    await withStorage({ endpoint, environment: { ca } }, async (wire) => {
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
    })
    await withStorage({ endpoint }, async (wire) => {
      assert.match(
        (await wire.list({ bucket: 'media' })).text,
        /^ERROR UPSTREAM_UNREACHABLE: .*no trusted TLS connection .*MCP_CA_FILE/,
      )
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('ends the request to the store when the client cancels', async () => {
  let arrived: (() => void) | undefined
  const asked = new Promise<void>((resolve) => (arrived = resolve))
  await withFault(
    () => arrived?.(),
    async (wire, store) => {
      const { cancel } = wire.start('minio_list_objects', { bucket: 'media' })
      await asked
      assert.equal(store.open(), 1)
      await cancel()
      await closed(store)
    },
  )
})

test('recovers without a restart, also from a kept-alive socket that died', () => {
  const answers: Answer[] = [
    reply(503),
    (_req, res) => void res.writeHead(200, { 'content-type': 'application/xml' }).end(listXml(['a'])),
    (req) => void req.socket.destroy(), // the socket that was kept alive
    (_req, res) => void res.end(listXml(['b'])),
  ]
  return withFault(
    (req, res) => (answers.shift() as Answer)(req, res),
    async (wire, store) => {
      assert.equal((await wire.list({ bucket: 'media' })).isError, true)
      assert.match((await wire.list({ bucket: 'media' })).data, /^a\t1\t2026-01-02T03:04:05Z$/m)
      assert.match((await wire.list({ bucket: 'media' })).data, /^b\t/m)
      assert.equal(store.requests.length, 4)
    },
  )
})
