// The browser's proxy, spoken to by hand: who may use it, what it forwards, what it refuses, and where its limits are.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { sendRaw } from '../../../../test/helpers/wire.ts'
import { test } from '../../../../test/runner/harness.ts'
import { type EgressProxy, openProxy, type ProxyLimits } from '../proxy.ts'
import { policyOf, type Settings } from './policy-of.ts'

interface Target {
  readonly port: number
  /** Head and body of each request as it arrived. */
  readonly requests: { url: string | undefined; headers: Record<string, unknown>; body: string }[]
  connections(): number
}

async function withTarget(listener: RequestListener, use: (target: Target) => Promise<void>, host = '127.0.0.1', port = 0) {
  const requests: Target['requests'] = []
  let connections = 0
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', (chunk) => (body += chunk))
    req.on('end', () => {
      requests.push({ url: req.url, headers: req.headers, body })
      listener(req, res)
    })
  })
  server.on('connection', () => (connections += 1))
  server.listen(port, host)
  await once(server, 'listening')
  try {
    await use({ port: (server.address() as AddressInfo).port, requests, connections: () => connections })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function withProxy(settings: Settings, use: (proxy: EgressProxy) => Promise<void>, limits: ProxyLimits = {}) {
  const proxy = await openProxy(policyOf(settings), limits)
  try {
    await use(proxy)
  } finally {
    await proxy.close()
  }
}

const credentials = ({ username, password }: EgressProxy): string =>
  `Proxy-Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}\r\n`

const get = (proxy: EgressProxy, url: string, headers = ''): Promise<string> =>
  sendRaw(proxy.url, `GET ${url} HTTP/1.1\r\nHost: whatever.test\r\n${credentials(proxy)}${headers}Connection: close\r\n\r\n`)

/** Asks for a tunnel, and if there is one for `/` through it. */
function tunnel(proxy: EgressProxy, authority: string, auth = credentials(proxy)): Promise<string> {
  const { hostname, port } = new URL(proxy.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${auth}\r\n`),
    )
    let text = ''
    socket.on('data', (chunk) => {
      if (text === '' && String(chunk).includes(' 200 '))
        socket.write('GET / HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n')
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

const hello: RequestListener = (_req, res) => res.end('hello')

test('only who knows the credentials may use it, for requests and for tunnels', () =>
  withTarget(hello, (target) =>
    withProxy({ allowPrivate: [`127.0.0.1:${target.port}`] }, async (proxy) => {
      const url = `http://127.0.0.1:${target.port}/`
      const wrong = `Proxy-Authorization: Basic ${Buffer.from('octet:wrong').toString('base64')}\r\n`
      for (const auth of ['', wrong]) {
        const answer = await sendRaw(proxy.url, `GET ${url} HTTP/1.1\r\nHost: a\r\n${auth}Connection: close\r\n\r\n`)
        assert.match(answer, /^HTTP\/1\.1 407 [\s\S]*Proxy-Authenticate: Basic /i)
        assert.match(await tunnel(proxy, `127.0.0.1:${target.port}`, auth), /^HTTP\/1\.1 407 /)
      }
      assert.equal(target.connections(), 0)
      assert.match(await get(proxy, url), /^HTTP\/1\.1 200 [\s\S]*hello/)
      assert.match(await tunnel(proxy, `127.0.0.1:${target.port}`), /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 [\s\S]*hello/)
    }),
  ))

test('a request that the browser gives up is no refusal of its host', () =>
  withTarget(hello, (target) =>
    withProxy({ allowPrivate: [`127.0.0.1:${target.port}`] }, async (proxy) => {
      const { hostname, port } = new URL(proxy.url)
      const head = `POST http://127.0.0.1:${target.port}/ HTTP/1.1\r\nHost: a\r\n${credentials(proxy)}Content-Length: 1000\r\n\r\nhalf`
      for (const [i, end] of (['end', 'resetAndDestroy'] as const).entries()) {
        const socket = connect(Number(port), hostname, () => socket.write(head)).resume()
        while (target.connections() <= i) await delay(5)
        socket[end]()
        await once(socket, 'close')
      }
      await delay(50)
      assert.deepEqual(proxy.refusals, [])
    }),
  ))

test('what is meant for the proxy does not go on, and Host is what was checked', () =>
  withTarget(
    (_req, res) => res.writeHead(201, { connection: 'close, x-inner', 'x-inner': '1', 'x-outer': '2' }).end('made'),
    (target) =>
      withProxy({ allowPrivate: [`127.0.0.1:${target.port}`] }, async (proxy) => {
        const answer = await sendRaw(
          proxy.url,
          `POST http://127.0.0.1:${target.port}/a?b=1 HTTP/1.1\r\nHost: other.test\r\n${credentials(proxy)}X-Kept: yes\r\nX-Gone: no\r\n` +
            'Proxy-Connection: keep-alive\r\nConnection: close, x-gone\r\nContent-Length: 4\r\n\r\nbody',
        )
        assert.match(answer, /^HTTP\/1\.1 201 [\s\S]*x-outer: 2[\s\S]*made/)
        assert.doesNotMatch(answer, /x-inner/i)
        const [request] = target.requests
        assert.deepEqual([request?.url, request?.body], ['/a?b=1', 'body'])
        const { host, 'x-kept': kept, 'x-gone': gone, ...headers } = request?.headers ?? {}
        assert.deepEqual([host, kept, gone], [`127.0.0.1:${target.port}`, 'yes', undefined])
        assert.deepEqual(
          Object.keys(headers).filter((name) => name.startsWith('proxy-')),
          [],
        )
      }),
  ))

test('what is no request to a proxy is refused', () =>
  withProxy({}, async (proxy) => {
    assert.match(await get(proxy, '/'), /^HTTP\/1\.1 400 /)
    assert.match(await get(proxy, 'ftp://example.com/'), /^HTTP\/1\.1 400 /)
    assert.match(await get(proxy, 'https://example.com/'), /^HTTP\/1\.1 400 /)
    for (const authority of ['user@example.com:443', 'example.com:443/path', '%:443']) {
      assert.match(await tunnel(proxy, authority), /^HTTP\/1\.1 400 /)
    }
  }))

test('private targets get the name of the policy for an answer, and no address', () =>
  withTarget(hello, (target) =>
    withProxy({ resolve: async () => ['10.11.12.13'] }, async (proxy) => {
      for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '169.254.169.254']) {
        assert.match(
          await get(proxy, `http://${host}:${target.port}/`),
          /^HTTP\/1\.1 403 [\s\S]*the network policy does not allow/,
          host,
        )
        assert.match(
          await tunnel(proxy, `${host}:${target.port}`),
          /^HTTP\/1\.1 403 [\s\S]*the network policy does not allow/,
          host,
        )
      }
      assert.equal(target.connections(), 0)
      for (const answer of [await get(proxy, 'http://intern.test/'), await tunnel(proxy, 'intern.test:443')]) {
        assert.match(answer, /^HTTP\/1\.1 403 [\s\S]*does not allow intern\.test: it resolves to a private address/)
        assert.ok(!answer.includes('10.11.12.13'))
      }
      assert.equal(proxy.refusalOf(new URL('https://intern.test/x'))?.code, 'FORBIDDEN')
      assert.equal(proxy.refusalOf(new URL('http://intern.test/')) === undefined, false)
      assert.equal(proxy.refusalOf(new URL('http://other.test/')), undefined)
    }),
  ))

test('a name that is public first and private then is refused then', () =>
  withTarget(hello, (open) =>
    withTarget(
      hello,
      async (inner) => {
        // The attacker's name and port are the same both times; only the address behind them changes.
        const answers = ['127.0.0.1', '127.0.0.2']
        await withProxy(
          { allowPrivate: [`127.0.0.1:${open.port}`], resolve: async () => [answers.shift() ?? '127.0.0.2'] },
          async (proxy) => {
            const url = `http://rebind.test:${open.port}/`
            assert.match(await get(proxy, url), /^HTTP\/1\.1 200 /)
            assert.match(await get(proxy, url), /^HTTP\/1\.1 403 /)
            assert.match(await tunnel(proxy, `rebind.test:${open.port}`), /^HTTP\/1\.1 403 /)
            assert.deepEqual([open.connections(), inner.connections()], [1, 0])
          },
        )
      },
      '127.0.0.2',
      open.port,
    ),
  ))

test('hosts that do not answer, or not as servers do, become 502', () =>
  withTarget(
    (req, res) => {
      if (req.url === '/407') res.writeHead(407, { 'proxy-authenticate': 'Basic realm="yours"' }).end()
      else res.destroy()
    },
    (target) =>
      withProxy({ allowPrivate: [`127.0.0.1:${target.port}`, '127.0.0.1:1'], resolve: async () => [] }, async (proxy) => {
        const answer = await get(proxy, `http://127.0.0.1:${target.port}/407`)
        assert.match(answer, /^HTTP\/1\.1 502 /)
        assert.doesNotMatch(answer, /proxy-authenticate/i)
        assert.match(await get(proxy, `http://127.0.0.1:${target.port}/`), /^HTTP\/1\.1 502 [\s\S]*closed the connection/)
        assert.match(await get(proxy, 'http://127.0.0.1:1/'), /^HTTP\/1\.1 502 [\s\S]*cannot be reached/)
        assert.match(await get(proxy, 'http://nowhere.test/'), /^HTTP\/1\.1 502 [\s\S]*there is no host/)
        assert.match(await tunnel(proxy, 'nowhere.test:443'), /^HTTP\/1\.1 502 [\s\S]*there is no host/)
      }),
  ))

test('requests are counted from one navigation to the next', () =>
  withTarget(hello, (target) =>
    withProxy(
      { allowPrivate: [`127.0.0.1:${target.port}`] },
      async (proxy) => {
        const url = `http://127.0.0.1:${target.port}/`
        for (let i = 0; i < 2; i++) assert.match(await get(proxy, url), /^HTTP\/1\.1 200 /)
        assert.match(await tunnel(proxy, `127.0.0.1:${target.port}`), /^HTTP\/1\.1 200 /)
        assert.match(await get(proxy, url), /^HTTP\/1\.1 403 [\s\S]*more than 3 requests/)
        assert.match(await tunnel(proxy, `127.0.0.1:${target.port}`), /^HTTP\/1\.1 403 [\s\S]*more than 3 requests/)
        assert.equal(target.connections(), 3)
        assert.equal(proxy.refusals.length, 1)
        proxy.begin()
        assert.equal(proxy.refusals.length, 0)
        for (let i = 0; i < 3; i++) assert.match(await get(proxy, url), /^HTTP\/1\.1 200 /)
        assert.match(await get(proxy, url), /^HTTP\/1\.1 403 [\s\S]*more than 3 requests/)
      },
      { requests: 3 },
    ),
  ))

test('bytes are counted, in plain and in tunnels, and what exceeds them is broken off', () =>
  withTarget(
    (_req, res) => {
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(10_000))) {}
        if (!res.destroyed) res.once('drain', more)
      }
      res.on('error', () => {})
      more()
    },
    (target) =>
      withProxy(
        { allowPrivate: [`127.0.0.1:${target.port}`] },
        async (proxy) => {
          const url = `http://127.0.0.1:${target.port}/`
          for (const load of [() => get(proxy, url), () => tunnel(proxy, `127.0.0.1:${target.port}`)]) {
            proxy.begin()
            const text = await load().catch((error: NodeJS.ErrnoException) => error.code ?? '')
            assert.ok(text.length < 1_000_000, 'the endless answer ended')
            assert.match(await get(proxy, url), /^HTTP\/1\.1 403 [\s\S]*more than 200000 bytes/)
          }
        },
        { bytes: 200_000 },
      ),
  ))

test('connections are bounded, and all of them end with the proxy', async () => {
  const silent = createTcpServer((socket) => socket.on('error', () => {}))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const proxy = await openProxy(policyOf({ allowPrivate: [`127.0.0.1:${port}`] }), {
    sockets: 4,
  })
  const where = new URL(proxy.url)
  const opened = Array.from({ length: 4 }, () => {
    const socket = connect(Number(where.port), where.hostname)
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\n${credentials(proxy)}\r\n`)
    socket.on('error', () => {})
    return socket
  })
  await Promise.all(opened.map((socket) => once(socket, 'data')))
  const fifth = connect(Number(where.port), where.hostname)
  fifth.on('error', () => {})
  await once(fifth, 'close')
  const ended = Promise.all(opened.map((socket) => once(socket, 'close')))
  await proxy.close()
  await ended
  await new Promise<void>((resolve) => silent.close(() => resolve()))
})

test('what follows a CONNECT in the same packet reaches the target', async () => {
  const echo = createTcpServer((socket) => socket.on('error', () => {}).pipe(socket))
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const { port } = echo.address() as AddressInfo
  await withProxy({ allowPrivate: [`127.0.0.1:${port}`] }, async (proxy) => {
    const { hostname, port: at } = new URL(proxy.url)
    const socket = connect(Number(at), hostname)
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\n${credentials(proxy)}\r\ne`)
    let text = ''
    for await (const chunk of socket) {
      text += chunk
      if (text.endsWith('\r\n\r\ne')) break
    }
    assert.match(text, /^HTTP\/1\.1 200 /)
  })
  echo.close()
})

test('as many bytes as the limit pass, and the next one breaks off', async () => {
  const sockets: Socket[] = []
  const target = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.write('x'.repeat(1_000))
  })
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const { port } = target.address() as AddressInfo
  await withProxy(
    { allowPrivate: [`127.0.0.1:${port}`] },
    async (proxy) => {
      proxy.begin()
      const { hostname, port: at } = new URL(proxy.url)
      const client = connect(Number(at), hostname)
      client.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\n${credentials(proxy)}\r\n`)
      let text = ''
      const all = new Promise<void>((resolve) =>
        client.on('data', (chunk) => {
          text += chunk
          if (text.endsWith('x'.repeat(1_000))) resolve()
        }),
      )
      await all
      assert.equal(proxy.refusals.length, 0)
      const closed = once(client, 'close')
      sockets[0]?.write('y')
      await closed
      assert.match(proxy.refusals[0]?.error.message ?? '', /more than 1000 bytes/)
      assert.equal(proxy.refusals[0]?.host, 'any host')
    },
    { bytes: 1_000 },
  )
  target.close()
})

test('without limits of its own it has 500 requests, and remembers 50 refusals with their ports', () =>
  withProxy({ resolve: async () => [] }, async (proxy) => {
    for (let i = 0; i < 500; i++) assert.doesNotMatch(await get(proxy, `http://n${i}.test/`), /more than/)
    assert.match(await get(proxy, 'http://more.test/'), /^HTTP\/1\.1 403 [\s\S]*more than 500 requests/)
    assert.equal(proxy.refusals.length, 50)
    assert.ok(proxy.refusalOf(new URL('http://n49.test/')) !== undefined)
    assert.equal(proxy.refusalOf(new URL('http://n50.test/')), undefined)
    proxy.begin()
    for (const authority of ['a.test:443', 'b.test:80', 'c.test:8443']) await tunnel(proxy, authority)
    await get(proxy, 'http://d.test:22/')
    assert.deepEqual(
      proxy.refusals.map(({ host, error }) => [host, error.code]),
      [
        ['a.test', 'NOT_FOUND'],
        ['b.test', 'NOT_FOUND'],
        ['c.test:8443', 'NOT_FOUND'],
        ['d.test:22', 'FORBIDDEN'],
      ],
    )
  }))

test('an authority with anything but a host and a port opens no tunnel', () =>
  withProxy({ resolve: async () => [] }, async (proxy) => {
    for (const authority of [
      'a.test:443?x',
      'a.test:443/x',
      'user@a.test:443',
      'user:word@a.test:443',
      ':443',
      '/',
      'a.test:99999',
    ])
      assert.match(await tunnel(proxy, authority), /^HTTP\/1\.1 400 /, authority)
    assert.deepEqual(proxy.refusals, [])
  }))

test('an answer whose headers are not valid becomes 502, and the headers of every kind are passed on', async () => {
  const answers = [
    'HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: X-A, close\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nKeep-Alive: 5\r\n\r\nok',
  ]
  const target = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answers.shift() ?? 'no HTTP at all'))
  })
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const { port } = target.address() as AddressInfo
  await withProxy({ allowPrivate: [`127.0.0.1:${port}`] }, async (proxy) => {
    const answer = await get(proxy, `http://127.0.0.1:${port}/`)
    assert.match(answer, /^HTTP\/1\.1 200 OK/)
    assert.equal(answer.match(/^set-cookie: /gim)?.length, 2)
    assert.doesNotMatch(answer, /^(x-a|keep-alive: 5)/im)
    assert.match(await get(proxy, `http://127.0.0.1:${port}/`), /^HTTP\/1\.1 502 [\s\S]*closed the connection \(HPE_/)
    assert.equal(proxy.refusals[0]?.error.code, 'UPSTREAM_ERROR')
  })
  target.close()
})
