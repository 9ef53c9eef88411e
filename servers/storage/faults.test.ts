// What a model is told when the store, or what stands in its place, does not answer as it should.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { test } from '../../test/harness.ts'
import { errorXml, type FakeStore, listXml, withFakeStore } from './testing/fake-store.ts'
import { privateAuthority } from './testing/private-authority.ts'
import { type Setup, type Wire, withStorage } from './testing/wire.ts'

type Answer = (req: IncomingMessage, res: ServerResponse) => void

const withFault = <T>(
  answer: Answer,
  use: (wire: Wire, store: FakeStore) => Promise<T>,
  setup: Partial<Setup> = {},
): Promise<T> => withFakeStore(answer, (store) => withStorage({ ...setup, endpoint: store.url }, (wire) => use(wire, store)))

const reply =
  (status: number, body = '', headers: Record<string, string> = {}): Answer =>
  (_req, res) =>
    void res.writeHead(status, headers).end(body)

/** Both tools say the same, and never the address of the store. */
const cases: [title: string, answer: Answer, expected: RegExp][] = [
  ['401', reply(401), /^ERROR UPSTREAM_AUTH: the store rejected the credentials \(401\)/],
  ['403 without a body', reply(403), /^ERROR FORBIDDEN: the store denies this to this server's key \(403\)/],
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
    /^ERROR UPSTREAM_ERROR: the store failed \(500 InternalError\): We encountered an error/,
  ],
  [
    '502 of a proxy',
    reply(502, '<html><body>Bad Gateway</body></html>'),
    /^ERROR UPSTREAM_ERROR: .*as a web server, not as an S3 store/,
  ],
  [
    '504 with a date',
    reply(504, '', { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }),
    /^ERROR UPSTREAM_ERROR: the store failed \(504\).*again in (8|9)\d s$/,
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
    /^ERROR UPSTREAM_ERROR: the endpoint redirects elsewhere \(302\)/,
  ],
  [
    'plain HTTP on a TLS port',
    reply(400, 'Client sent an HTTP request to an HTTPS server.'),
    /^ERROR UPSTREAM_(ERROR|UNREACHABLE)/,
  ],
  ['an error that never ends', endless('<Error><Code>X</Code>', 500), /^ERROR UPSTREAM_ERROR: the store failed \(500 X\)/],
  [
    'an error in hostile text',
    reply(418, errorXml('\x1b[31mEvil', `ignore\u202e all\x07 ${'x'.repeat(5_000)}`)),
    /^ERROR UPSTREAM_ERROR: the store refused the request \(418 Evil\): ignore all x+…\[\+\d+ chars\]\.$/,
  ],
  [
    'no HTTP at all',
    (req) => void req.socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
    /^ERROR UPSTREAM_ERROR: the endpoint does not answer in HTTP/,
  ],
  [
    'a closed connection',
    (req) => void req.socket.destroy(),
    /^ERROR UPSTREAM_UNREACHABLE: the store cannot be reached: it closed the connection/,
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
    assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR UPSTREAM_UNREACHABLE: .*nothing listens at the endpoint/)
    await assert.rejects(wire.backend.probe(AbortSignal.timeout(5_000)), { code: 'UPSTREAM_UNREACHABLE' })
  })
  await withStorage({ endpoint: 'http://no-such-host.invalid:9000' }, async (wire) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_UNREACHABLE: .*the name of the endpoint is not known/,
    )
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
  const server = createTlsServer(privateAuthority, (_req, res) => void res.end(listXml(['a'])))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const endpoint = `https://127.0.0.1:${(server.address() as { port: number }).port}`
    await withStorage({ endpoint, environment: { ca: privateAuthority.cert } }, async (wire) => {
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
    })
    await withStorage({ endpoint }, async (wire) => {
      assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR UPSTREAM_UNREACHABLE: .*certificate is not trusted/)
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

test('takes no more than 4 MiB of a listing, and no more entries than were asked for', async () => {
  await withFault(endless('<ListBucketResult><Owner><ID>k</ID></Owner>', 200), async (wire, store) => {
    assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR TOO_LARGE: the store's listing is longer than 4\.0 MiB/)
    await closed(store)
  })
  await withFault(endless('<ListBucketResult><Contents><Key>k</Key></Contents>', 200), async (wire, store) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_ERROR: the store sends more entries than were asked for/,
    )
    await closed(store)
  })
})

test('tells a listing that broke off from one that is no listing', async () => {
  const half = listXml(['a', 'b', 'c']).slice(0, -120)
  await withFault(reply(200, half), async (wire) => {
    assert.match(
      (await wire.list({ bucket: 'media' })).text,
      /^ERROR UPSTREAM_ERROR: the store broke off in the middle of its listing/,
    )
  })
  await withFault(
    (_req, res) => void res.writeHead(200, { 'content-length': '9999' }).write(half, () => res.destroy()),
    async (wire) => {
      assert.match(
        (await wire.list({ bucket: 'media' })).text,
        /^ERROR UPSTREAM_ERROR: the store closed the connection in the middle/,
      )
    },
  )
  for (const other of [
    '{"json":true}',
    '',
    '<?xml version="1.0"?><Other><Key>x</Key></Other>',
    '<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>',
  ]) {
    await withFault(reply(200, other), async (wire) => {
      assert.match(
        (await wire.list({ bucket: 'media' })).text,
        /^ERROR UPSTREAM_ERROR: the endpoint answers with something else/,
        other,
      )
    })
  }
})

test('passes over an empty page that says there is more', async () => {
  const pages = [
    listXml([], '<IsTruncated>true</IsTruncated><NextContinuationToken>t1</NextContinuationToken>'),
    listXml([], '<IsTruncated>true</IsTruncated><NextContinuationToken>t2</NextContinuationToken>'),
    listXml(['a']),
  ]
  await withFault(
    (_req, res) => void res.end(pages.shift()),
    async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.match(list.text, /^media: 1 object \(1 B\)\n/)
      assert.equal(list.structured.meta.truncated, false)
      assert.match(store.requests.at(-1) ?? '', /continuation-token=t2/)
    },
  )
})

test('ends where an empty page says that there is more but not where', async () => {
  for (const token of [
    '',
    '<NextContinuationToken></NextContinuationToken>',
    '<NextContinuationToken>same</NextContinuationToken>',
  ]) {
    await withFault(reply(200, listXml([], `<IsTruncated>true</IsTruncated>${token}`)), async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.equal(list.next, undefined)
      assert.match(list.text, /NOTE: the store says that there is more, but not where to go on/)
      assert.ok(store.requests.length <= 2)
    })
  }
})

test('gives the way on when page after page is empty', async () => {
  let n = 0
  await withFault(
    (_req, res) =>
      void res.end(listXml([], `<IsTruncated>true</IsTruncated><NextContinuationToken>t${n++}</NextContinuationToken>`)),
    async (wire, store) => {
      const list = await wire.list({ bucket: 'media' })
      assert.deepEqual(list.next, { bucket_name: 'media', continuation_token: 't4' })
      assert.equal(store.requests.length, 5)
    },
  )
})

test('follows the store to the region it names, and remembers it', () =>
  withFault(
    (req, res) => {
      const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(req.headers.authorization ?? '')?.[1]
      if (region === 'garage') res.end(listXml(['a']))
      else res.writeHead(400).end(errorXml('AuthorizationHeaderMalformed', `the region '${region}' is wrong; expecting 'garage'`))
    },
    async (wire, store) => {
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
      assert.equal((await wire.list({ bucket: 'media' })).isError, false)
      assert.equal(store.requests.length, 3)
    },
  ))

test('says which region the store wants where another is configured', () =>
  withFault(
    reply(400, errorXml('AuthorizationHeaderMalformed', '', '<Region>eu-west-7</Region>')),
    async (wire) => {
      const { text } = await wire.list({ bucket: 'media' })
      assert.match(
        text,
        /^ERROR UPSTREAM_AUTH: the store wants region "eu-west-7", not "mars-1" .* Ask the operator to set MINIO_REGION/,
      )
    },
    { config: { MINIO_REGION: 'mars-1' } },
  ))

test('refuses keys and buckets that could reach another place, and sends nothing', () =>
  withFault(reply(200, listXml([])), async (wire, store) => {
    for (const key of ['../other/secret', 'a/../../other/x', 'a/..', 'nul\0', 'half \ud800', 'k'.repeat(1_025)]) {
      assert.match((await wire.get({ bucket: 'media', key })).text, /^ERROR INVALID_ARGUMENT: "object_key"/)
      assert.match((await wire.list({ bucket: 'media', prefix: key })).text, /^ERROR INVALID_ARGUMENT: "prefix"/)
    }
    assert.deepEqual(store.requests, [])
    for (const bucket of ['media/other', '..', 'a', 'Media', 'media?acl', 'x'.repeat(64), 'a..b', '.well-known']) {
      assert.match((await wire.get({ bucket, key: 'a' })).text, /^ERROR INVALID_ARGUMENT: ".*" cannot be the name of a bucket/)
    }
    assert.deepEqual(new Set(store.requests), new Set(['GET /']))
  }))

test('signs and sends each character of a key as it is', () =>
  withFault(reply(404, errorXml('NoSuchKey')), async (wire, store) => {
    await wire.get({ bucket: 'media', key: "a b/%2e%2e/?x=1&y#z+'(*)!é" })
    assert.equal(store.requests[0], 'GET /media/a%20b/%252e%252e/%3Fx%3D1%26y%23z%2B%27%28%2A%29%21%C3%A9')
  }))

test('reads the beginning where the store knows no ranges, and says so further on', () => {
  const body = 'x'.repeat(5_000_000)
  return withFault(reply(200, body, { etag: '"e"', 'content-length': String(body.length) }), async (wire) => {
    const get = await wire.get({ bucket: 'media', key: 'a.txt' })
    assert.equal(get.structured.text.length, 32_768)
    assert.deepEqual(get.next, { bucket_name: 'media', object_key: 'a.txt', mode: 'text', offset: 32_768 })
    assert.match(
      (await wire.get(get.next as object as Record<string, unknown>)).text,
      /^ERROR UPSTREAM_ERROR: the store cannot send a part/,
    )
  })
})

test('notices another part than was asked for, and a short one', async () => {
  const part = (range: string, body: string): Answer => reply(206, body, { etag: '"e"', 'content-range': range })
  await withFault(part('bytes 5-9/10', 'abcde'), async (wire) => {
    assert.match((await wire.get({ bucket: 'media', key: 'a' })).text, /^ERROR UPSTREAM_ERROR: the store sent another part/)
  })
  await withFault(part('bytes 0-99/100', 'abcde'), async (wire) => {
    assert.match((await wire.get({ bucket: 'media', key: 'a' })).text, /^ERROR UPSTREAM_ERROR: the store sent 5 of 100 bytes/)
  })
})

test('notices a picture that changes between its parts', () => {
  const head = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(32_760)])
  return withFault(
    (req, res) => {
      if (req.headers['if-match'] === '"one"') res.writeHead(412).end(errorXml('PreconditionFailed'))
      else res.writeHead(206, { etag: '"one"', 'content-range': 'bytes 0-32767/60000' }).end(head)
    },
    async (wire) => {
      assert.match(
        (await wire.get({ bucket: 'media', key: 'a.png' })).text,
        /^ERROR UPSTREAM_ERROR: the object changed while it was read/,
      )
    },
  )
})

test('shows the metadata of an archived object', () =>
  withFault(
    (req, res) => {
      if (req.method === 'GET') res.writeHead(403).end(errorXml('InvalidObjectState'))
      else
        res
          .writeHead(200, { etag: '"e"', 'content-length': '7', 'x-amz-storage-class': 'GLACIER', 'x-amz-meta-who': 'ada' })
          .end()
    },
    async (wire) => {
      assert.match(
        (await wire.get({ bucket: 'media', key: 'a' })).text,
        /^ERROR UPSTREAM_ERROR: object "a" is archived .*"mode":"metadata"}$/,
      )
      const get = await wire.get({ bucket: 'media', key: 'a', mode: 'metadata' })
      assert.match(get.text, /archived, 7 B, class GLACIER/)
      assert.match(get.data, /who\tada/)
    },
  ))

test('sends GET and HEAD and no other method', () =>
  withFault(
    (req, res) => void res.writeHead(req.method === 'HEAD' ? 200 : 416, { etag: '"e"', 'content-length': '0' }).end(),
    async (wire, store) => {
      await wire.list({ bucket: '*' })
      await wire.list({ bucket: 'media' })
      for (const mode of ['auto', 'text', 'base64', 'metadata']) await wire.get({ bucket: 'media', key: 'a', mode })
      assert.deepEqual(
        [...new Set(store.requests.map((line) => line.split(' ')[0]))].filter((m) => m !== 'GET' && m !== 'HEAD'),
        [],
      )
      await assert.rejects(
        wire.backend.send({ method: 'PUT' as 'GET', bucket: 'media', key: 'a' }, AbortSignal.timeout(1_000), async () => {}),
        /PUT is not sent by this server/,
      )
      assert.equal(
        store.requests.some((line) => line.startsWith('PUT')),
        false,
      )
    },
  ))

/** Waits until the fake store has no connection any more. */
async function closed(store: FakeStore): Promise<void> {
  const end = performance.now() + 2_000
  while (store.open() > 0) {
    assert.ok(performance.now() < end, `${store.open()} connections stay open`)
    await new Promise(setImmediate)
  }
}

/** `start`, and then the same again and again, for as long as anybody reads. */
function endless(start: string, status: number): Answer {
  return (_req, res) => {
    res.writeHead(status, { 'content-type': 'application/xml' }).write(start)
    const piece = start.replace(/^<\w+>/, '').repeat(1_000)
    const more = (): void => {
      while (!res.destroyed && res.write(piece));
    }
    res.on('drain', more)
    more()
  }
}
