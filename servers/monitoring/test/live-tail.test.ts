// The live tail over a WebSocket that does what a test says.
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { test } from '../../../test/runner/harness.ts'
import { lokiRoutes, playback } from './playback.ts'
import { type Setup, type Wire, withWire } from './wire.ts'

const query = '{app="api"}'
/** Later than the start of every tail. */
const late = 4_000_000_000_000_000_000n

const frame = (lines: readonly string[], more = {}) =>
  JSON.stringify({
    streams: [{ stream: { app: 'api' }, values: lines.map((line, i) => [String(late + BigInt(i)), line]) }],
    ...more,
  })

interface Tail {
  readonly socket: WebSocket
  readonly url: URL
  readonly headers: IncomingHttpHeaders
}

/**
 * A Loki whose tails are handed to `onTail`, answered with a text as it is, or not answered at all. Its history is empty, but for what
 * `stored` answers during a tail.
 */
async function withTail(
  onTail: ((tail: Tail) => void) | string | undefined,
  work: (wire: Wire) => Promise<void>,
  { stored, ...setup }: Setup & { readonly stored?: RequestListener } = {},
): Promise<void> {
  const listener = playback(lokiRoutes, ({ path, query }) => {
    if (!path.endsWith('/query_range')) return undefined
    return (query.get('direction') === 'forward' && stored) || 'loki-query-range-empty'
  })
  const http = createServer(listener)
  const sockets = new WebSocketServer({ noServer: true })
  http.on('upgrade', (req, socket, head) => {
    if (onTail === undefined) return
    if (typeof onTail === 'string') {
      socket.end(onTail)
      return
    }
    sockets.handleUpgrade(req, socket, head, (opened) => {
      const url = new URL(req.url ?? '', 'http://loki')
      onTail({ socket: opened, url, headers: req.headers })
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  try {
    await withWire({ ...setup, config: { LOKI_URL: `http://127.0.0.1:${port}`, ...setup.config } }, work)
  } finally {
    for (const socket of sockets.clients) socket.terminate()
    http.closeAllConnections()
    http.close()
  }
}

test('tails from the end of the history on, with the credentials of the configuration', async () => {
  const tails: Tail[] = []
  await withTail(
    (tail) => {
      tails.push(tail)
      tail.socket.send(frame(['one', 'two']))
    },
    async ({ call }) => {
      const answer = await call('search_logs', { query, follow_seconds: 1 })
      assert.match(answer.text, /^0 lines in 0 streams, .*; then 2 live in 1\.\d s/)
      assert.match(answer.data, /^== live\n\{app="api"\}\n\S+ one\n\S+ two$/)
    },
    { config: { LOKI_BEARER_TOKEN: 'tok' } },
  )
  const [tail] = tails
  assert.equal(tail?.url.pathname, '/loki/api/v1/tail')
  assert.equal(tail?.url.searchParams.get('query'), query)
  assert.ok(Math.abs(Number(BigInt(tail?.url.searchParams.get('start') ?? 0) / 1_000_000n) - Date.now()) < 10_000)
  assert.equal(tail?.headers.authorization, 'Bearer tok')
  assert.equal(tail?.headers['x-loki-response-encoding-flags'], 'categorize-labels')
})

test('lines from before the tail are not shown twice', () =>
  withTail(
    ({ socket }) => socket.send(JSON.stringify({ streams: [{ stream: { app: 'api' }, values: [['1000', 'old']] }] })),
    async ({ call }) => assert.match((await call('search_logs', { query, follow_seconds: 1 })).text, /then 0 live/),
  ))

test('a line that Loki sends both from its history and live is shown once', () =>
  withTail(
    ({ socket }) => {
      const sent = (values: unknown[]) => JSON.stringify({ streams: [{ stream: { app: 'api' }, values }] })
      socket.send(sent([[String(late), 'one', { structuredMetadata: { detected_level: 'unknown' } }]]))
      socket.send(
        sent([
          [String(late), 'one'],
          [String(late), 'two'],
          [String(late + 1n), 'one'],
        ]),
      )
    },
    async ({ call }) => {
      const answer = await call('search_logs', { query, follow_seconds: 1 })
      assert.match(answer.text, /then 3 live/)
      assert.match(answer.data, /\n\S+ one.*\n\S+ two\n\S+ one$/)
    },
  ))

test('a line that Loki stores before it listens is not lost, nor shown twice', () => {
  const values = ['one', 'two'].map((line, i) => [String(late + BigInt(i)), line, {}])
  const result = [{ stream: { app: 'api' }, values }]
  return withTail(
    ({ socket }) => socket.send(frame(['one'])),
    async ({ call }) => {
      const answer = await call('search_logs', { query, follow_seconds: 2 })
      assert.match(answer.text, /then 2 live in 2\.\d s/)
      assert.match(answer.data, /\n\S+ one\n\S+ two$/)
    },
    { stored: (_req, res) => res.end(JSON.stringify({ status: 'success', data: { resultType: 'streams', result } })) },
  )
})

test('the tail goes on when Loki cannot be asked what it has stored, or answers something that is not a line', async () => {
  const odd = { stream: { app: 'api' }, values: [[String(late), 5]] }
  const answers: RequestListener[] = [
    (_req, res) => res.writeHead(500).end('overloaded'),
    (_req, res) => res.end(JSON.stringify({ status: 'success', data: { resultType: 'streams', result: [odd] } })),
  ]
  for (const answer of answers) {
    let tail: WebSocket | undefined
    await withTail(
      ({ socket }) => {
        tail = socket
      },
      async ({ call }) => assert.match((await call('search_logs', { query, follow_seconds: 2 })).text, /then 1 live in 2\.\d s/),
      {
        stored: (req, res) => {
          answer(req, res)
          res.on('close', () => tail?.send(frame(['one'])))
        },
      },
    )
  }
})

test('says how many lines Loki could not send', () =>
  withTail(
    ({ socket }) => socket.send(frame(['one'], { dropped_entries: [{}, {}, {}] })),
    async ({ call }) => {
      const { meta } = await call('search_logs', { query, follow_seconds: 1 })
      assert.match(meta.warnings.join(), /Loki left out at least 3 live lines/)
    },
  ))

test('ends early when the result is full', () =>
  withTail(
    ({ socket }) => socket.send(frame(Array.from({ length: 500 }, (_, i) => `${i} ${'x'.repeat(500)}`))),
    async ({ call }) => {
      const began = performance.now()
      const answer = await call('search_logs', { query, limit: 1_000, follow_seconds: 30 })
      assert.ok(performance.now() - began < 10_000)
      assert.ok(answer.text.length <= 40_000)
      assert.match(answer.meta.warnings.join(), /the live tail was ended after/)
    },
  ))

test('cancelling the call closes the WebSocket at once', async () => {
  let opened: (() => void) | undefined
  let closed: (() => void) | undefined
  const open = new Promise<void>((resolve) => (opened = resolve))
  const close = new Promise<void>((resolve) => (closed = resolve))
  await withTail(
    ({ socket }) => {
      socket.on('close', () => closed?.())
      opened?.()
    },
    async ({ start }) => {
      const { cancel } = start('search_logs', { query, follow_seconds: 30 })
      await open
      await cancel()
      await close
    },
  )
})

test('a tail whose time is over before the WebSocket is open ends without an error', () =>
  withTail(undefined, async ({ call }) => {
    assert.match((await call('search_logs', { query, follow_seconds: 1 })).text, /then 0 live in 1\.\d s/)
    assert.match((await call('search_logs', { query })).text, /^0 lines/)
  }))

test('a tail that Loki ends is answered with what had arrived', () =>
  withTail(
    ({ socket }) => socket.send(frame(['one']), () => socket.close()),
    async ({ call }) => assert.match((await call('search_logs', { query, follow_seconds: 30 })).text, /then 1 live in 0\.\d s/),
  ))

test('refused upgrades have the codes of other requests', async () => {
  const cases: [string, RegExp][] = [
    ['HTTP/1.1 401 Unauthorized', /^ERROR UPSTREAM_AUTH: Loki refused the credentials/],
    ['HTTP/1.1 429 Too Many\r\nretry-after: 9', /^ERROR RATE_LIMITED: .* in 9 seconds/],
    ['HTTP/1.1 400 Bad Request\r\n\r\nparse error', /^ERROR INVALID_ARGUMENT: Loki cannot run this query: parse error/],
    ['HTTP/1.1 502 Bad Gateway', /^ERROR UPSTREAM_ERROR: Loki failed \(HTTP 502\)/],
    ['HTTP/1.1 200 OK', /^ERROR UPSTREAM_ERROR: /],
  ]
  for (const [head, message] of cases) {
    const [status, body = ''] = head.split('\r\n\r\n')
    const answer = `${status}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    await withTail(answer, async ({ call }) =>
      assert.match((await call('search_logs', { query, follow_seconds: 5 })).text, message),
    )
  }
})

test('frames that are not valid, or too large, fail the call and not the server', async () => {
  const frames = ['not json', JSON.stringify({ streams: [{ stream: {}, values: [['soon', 'x']] }] }), 'x'.repeat(1_100_000)]
  for (const text of frames) {
    await withTail(
      ({ socket }) => {
        socket.on('error', () => {})
        socket.send(text)
      },
      async ({ call }) => {
        assert.match((await call('search_logs', { query, follow_seconds: 5 })).text, /^ERROR UPSTREAM_ERROR: /)
        assert.match((await call('search_logs', { query })).text, /^0 lines/)
      },
    )
  }
})

test('a fifth tail is refused while four are running', async () => {
  let count = 0
  let four: (() => void) | undefined
  const running = new Promise<void>((resolve) => (four = resolve))
  await withTail(
    () => {
      count += 1
      if (count === 4) four?.()
    },
    async ({ start, call }) => {
      const started = Array.from({ length: 4 }, () => start('search_logs', { query, follow_seconds: 30 }))
      await running
      assert.match(
        (await call('search_logs', { query, follow_seconds: 5 })).text,
        /^ERROR RATE_LIMITED: 4 live tails are running/,
      )
      await Promise.all(started.map(({ cancel }) => cancel()))
    },
  )
})
