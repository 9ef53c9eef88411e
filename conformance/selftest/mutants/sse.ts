// Deviations of the HTTP+SSE transport: what the text demands, and what clients depend on.
import { bodyOf, framing, heading, type Mutant, reading, refusing, SSE, sending } from '../mutant.ts'

const at = (slug: string): string => `basic/transports/http-with-sse/${slug}`
const interop = (...slugs: string[]): string[] => slugs.map((slug) => `interop/sse/${slug}`)
const isMessage = (kind: string): boolean => kind === 'message'
const EVENT_LIMIT = 1024 * 1024

export const mutants: Mutant[] = [
  heading(
    'the stream is plain text',
    [at('get-opens-an-event-stream')],
    (head, { method }) => {
      if (method === 'GET') head.headers['Content-Type'] = 'text/plain'
    },
    SSE,
  ),
  framing('no endpoint event', [at('endpoint-event')], (text, kind) => (isMessage(kind) ? text : '')),
  framing('the endpoint event comes second', [at('endpoint-event-is-first')], (text, kind) =>
    isMessage(kind) ? text : `event: message\ndata: {}\n\n${text}`,
  ),
  framing('the endpoint is JSON', [at('endpoint-is-one-uri')], (text, kind) =>
    isMessage(kind) ? text : text.replace(/data: (.*)/, 'data: {"uri":"$1"}'),
  ),
  framing('the endpoint is on another origin', interop('endpoint-is-on-the-same-origin'), (text, kind) =>
    isMessage(kind) ? text : text.replace('data: ', 'data: http://localhost:1'),
  ),
  heading(
    'messages are not taken',
    [at('post-endpoint-takes-messages')],
    (head, { path }) => {
      if (path === '/messages') head.status = 500
    },
    SSE,
  ),
  {
    name: 'responses come in the body as well',
    kills: [at('responses-come-on-the-stream')],
    ...SSE,
    deviation: () => ({
      body: (text, incoming) =>
        incoming.path === '/messages' ? JSON.stringify({ jsonrpc: '2.0', id: bodyOf(incoming).id, result: {} }) : text,
    }),
  },
  framing('messages have a name of their own', [at('messages-are-message-events')], (text) =>
    text.replace('event: message', 'event: response'),
  ),
  framing('some events are not JSON', [at('event-data-is-json')], (text, kind) =>
    isMessage(kind) ? `${text}event: message\ndata: {oops\n\n` : text,
  ),
  {
    name: 'five clients at most',
    kills: [at('several-clients')],
    ...SSE,
    deviation: () => {
      let open = 0
      return {
        takes: ({ path }, res) => {
          if (path !== '/sse') return false
          open += 1
          res.on('close', () => (open -= 1))
          if (open <= 5) return false
          res.writeHead(503).end()
          return true
        },
      }
    },
  },
  reading(
    'any origin will do',
    ['origin-of-the-stream', 'origin-of-a-message'].map((slug) => `basic/transports/security-warning/${slug}`),
    ({ headers }) => void delete headers.origin,
    SSE,
  ),
  framing('the stream is Latin-1', [at('stream-is-utf-8')], (text) => Buffer.from(text.replaceAll('世界-😀', ''), 'latin1')),
  framing('fields of its own', [at('stream-has-known-fields-only')], (text) => `priority: 1\n${text}`),
  framing('retry in words', [at('stream-has-known-fields-only')], (text) => `retry: soon\n${text}`),
  {
    name: 'the stream ends with the first response',
    kills: [at('open-until-the-client-closes')],
    ...SSE,
    deviation: () => {
      let end: (() => void) | undefined
      return {
        opened: (_, endStream) => {
          end = endStream
        },
        event: (text, kind) => {
          if (isMessage(kind)) setImmediate(() => end?.())
          return text
        },
      }
    },
  },
  // Practice
  {
    name: 'the endpoint event is late',
    kills: interop('endpoint-comes-at-once'),
    ...SSE,
    timeoutMs: 3_000,
    deviation: () => {
      let write: ((text: string) => void) | undefined
      return {
        opened: (writeText) => {
          write = writeText
        },
        event: (text, kind) => {
          if (isMessage(kind)) return text
          setTimeout(() => write?.(text), 1_100)
          return ''
        },
      }
    },
  },
  heading(
    'accepts with 200',
    interop('post-is-answered-202'),
    (head) => {
      if (head.status === 202) head.status = 200
    },
    SSE,
  ),
  heading(
    'unknown sessions are welcome',
    interop('unknown-session-is-refused', 'missing-session-is-refused', 'closed-session-is-refused'),
    (head, { path }) => {
      if (path === '/messages') head.status = 202
    },
    SSE,
  ),
  {
    name: 'a POST for an unknown session hangs',
    kills: interop('unknown-session-is-refused'),
    ...SSE,
    deviation: () => ({ takes: ({ path, query }) => path === '/messages' && /^[0-]+$/.test(query.get('sessionId') ?? '') }),
  },
  {
    name: 'a POST is answered when the work is done',
    kills: interop('post-is-answered-before-the-work'),
    ...SSE,
    call: { name: 'wait', args: { ms: 260 } },
    timeoutMs: 2_000,
    deviation: () => ({ answersLate: 250 }),
  },
  {
    name: 'errors are statuses',
    kills: interop('errors-come-on-the-stream'),
    ...SSE,
    deviation: () => ({
      takes: (incoming, res) => {
        const { id, method } = bodyOf(incoming)
        if (method !== 'conformance/no-such-method') return false
        res.writeHead(404, { 'Content-Type': 'application/json' })
        res.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'x' } }))
        return true
      },
    }),
  },
  {
    name: 'only those who said initialize are served',
    kills: interop('reconnects-without-initialize'),
    ...SSE,
    deviation: () => {
      let known = false
      return {
        opened: () => {
          known = false
        },
        incoming: (message) => {
          if (message.method === 'initialize') known = true
          return known ? message : 'refused'
        },
      }
    },
  },
  refusing(
    'tools/list needs params',
    interop('call-pattern-of-litellm'),
    ({ method, params }) => method === 'tools/list' && !params,
    SSE,
  ),
  {
    name: 'dies of a disconnect',
    kills: interop('disconnect-during-a-call'),
    ...SSE,
    deviation: () => {
      let isDead = false
      return {
        incoming: (message) => {
          if (message.id === 'left') isDead = true
          return isDead && message.method === 'ping' ? 'refused' : message
        },
      }
    },
  },
  heading(
    'a POST to the stream is a fault of the server',
    interop('post-to-the-stream-url'),
    (head, { path, method }) => {
      if (path === '/sse' && method === 'POST') head.status = 500
    },
    SSE,
  ),
  reading(
    'no origin will do',
    interop('own-origin-is-accepted'),
    ({ headers }) => {
      if (headers.origin !== undefined) headers.origin = 'http://evil.example.com'
    },
    SSE,
  ),
  reading('any host will do', interop('foreign-host-is-refused'), ({ headers }) => void (headers.host = 'localhost'), SSE),
  reading(
    'only text/event-stream is accepted',
    interop('accept-anything'),
    (incoming) => {
      if (incoming.headers.accept === '*/*') incoming.path = '/nowhere'
    },
    SSE,
  ),
  reading(
    'no parameters of the content type',
    interop('content-type-with-charset'),
    ({ headers }) => {
      if (headers['content-type']?.includes(';')) headers['content-type'] = 'text/plain'
    },
    SSE,
  ),
  reading(
    'any content type will do',
    interop('form-content-type-is-refused'),
    ({ headers }) => void (headers['content-type'] = 'application/json'),
    SSE,
  ),
  reading(
    'a body needs a length',
    interop('chunked-request-body'),
    (incoming) => {
      if (incoming.headers['transfer-encoding'] !== undefined) incoming.path = '/nowhere'
    },
    SSE,
  ),
  framing('a byte order mark', interop('no-byte-order-mark'), (text, kind) => (isMessage(kind) ? text : `\ufeff${text}`)),
  framing('lines end in CR', interop('lines-end-in-lf-or-crlf'), (text) => text.replaceAll('\n', '\r')),
  sending(
    'an event of more than 1 MiB',
    interop('events-below-one-mebibyte'),
    (message, { request }) =>
      request?.method === 'tools/list' ? [message, { ...message, id: 'big', result: { x: 'x'.repeat(EVENT_LIMIT) } }] : message,
    SSE,
  ),
  heading('the stream may be cached', interop('not-cached'), ({ headers }) => void delete headers['Cache-Control'], SSE),
  heading(
    'the stream is buffered',
    interop('not-buffered-by-nginx'),
    ({ headers }) => void delete headers['X-Accel-Buffering'],
    SSE,
  ),
  heading(
    'the stream says it is compressed',
    interop('not-compressed'),
    ({ headers }) => void (headers['Content-Encoding'] = 'identity'),
    SSE,
  ),
  sending(
    'pings its clients',
    interop('no-server-requests'),
    (message, { request }) =>
      request?.method === 'tools/list' ? [{ jsonrpc: '2.0', id: 's', method: 'ping' }, message] : message,
    SSE,
  ),
]
