// HTTP+SSE: what the page basic/transports of 2024-11-05 demands, and the event stream format it builds on.
import type { Case } from '../case.ts'
import { SseSession } from '../client/session-sse.ts'
import { check, checkEqual, Failure, fail, isObject, isResponse, parse } from '../expect.ts'
import { foreignOrigins, in4xx, traffic } from '../steps.ts'

const base = { level: 'MUST', transport: 'sse', once: true } as const
const ENDPOINT =
  'When a client connects, the server MUST send an endpoint event containing a URI for the client to use for sending messages.'
const MESSAGES = 'Server messages are sent as SSE message events, with the message content encoded as JSON in the event data.'
const ORIGIN = 'Servers MUST validate the Origin header on all incoming connections to prevent DNS rebinding attacks.'

export const cases: Case[] = [
  {
    ...base,
    id: 'basic/transports/http-with-sse/get-opens-an-event-stream',
    quote: 'The server MUST provide an SSE endpoint, for clients to establish a connection and receive messages from the server.',
    async run(t) {
      const get = await t.open({ method: 'GET', headers: { Accept: 'text/event-stream' } })
      checkEqual(get.status, 200, 'the status')
      checkEqual(get.mediaType, 'text/event-stream', 'the content type')
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/endpoint-event',
    quote: ENDPOINT,
    run: async (t) => void (await SseSession.open(t, t.revision)),
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/endpoint-event-is-first',
    quote: `${ENDPOINT} (Clients expect it as the first event.)`,
    async run(t) {
      const { stream } = await SseSession.open(t, t.revision)
      checkEqual(stream.events[0]?.name, 'endpoint', 'the first event')
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/endpoint-is-one-uri',
    quote: ENDPOINT,
    async run(t) {
      const session = await SseSession.open(t, t.revision)
      const data = session.stream.events.find((event) => event.name === 'endpoint')?.data ?? ''
      check(/^[^\s"{}<>\\^`|]+$/.test(data), 'a URI reference, bare (no JSON, no spaces)', JSON.stringify(data))
      check(/^https?:$/.test(session.endpoint.protocol), 'an http or https URI', session.endpoint.href)
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/post-endpoint-takes-messages',
    quote: 'The server MUST provide a regular HTTP POST endpoint for clients to send messages to the server.',
    async run(t) {
      const session = await SseSession.open(t, t.revision)
      const exchange = await session.post(session.build('ping', undefined, 'p'))
      check(exchange.status >= 200 && exchange.status < 300, 'HTTP 2xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/unreadable-input-is-answered',
    quote:
      'All messages MUST follow the JSON-RPC 2.0 specification. (§5.1: invalid JSON is a parse error.) The POST is answered, and the session goes on.',
    async run(t) {
      const session = await t.connectSse()
      for (const body of ['{"jsonrpc": "2.0", "id": 1, ', 'nonsense', '']) {
        const exchange = await session.post(body)
        await exchange.body()
      }
      check(!session.stream.ended, 'an open stream after invalid JSON', 'its end')
      await session.alive()
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/responses-come-on-the-stream',
    quote: MESSAGES,
    async run(t) {
      const session = await t.connectSse()
      const reply = await session.request('tools/list', {}, { id: 'on-the-stream' })
      const body = await reply.exchange.json()
      if (isResponse(body)) fail('the response on the stream only', body)
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/messages-are-message-events',
    quote: MESSAGES,
    async run(t) {
      const session = await t.connectSse()
      await session.request('tools/list', {})
      const other = session.stream.events.find(
        (event) => event.name !== 'endpoint' && event.name !== 'message' && isObject(parse(event.data)),
      )
      if (other !== undefined) fail('the event name `message`, or none', other.name)
      const first = session.stream.events.filter((event) => event.name === 'message')[0]
      check(first !== undefined, 'a message event', 'none')
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/event-data-is-json',
    last: true,
    quote: MESSAGES,
    async run(t) {
      await traffic(t)
      const broken = t.observed.streams.find((stream) => stream.notJson !== undefined)
      if (broken !== undefined) fail('JSON in the data of every message event', broken.notJson)
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/several-clients',
    quote: 'In the SSE transport, the server operates as an independent process that can handle multiple client connections.',
    async run(t) {
      const sessions = await Promise.all(Array.from({ length: 8 }, () => t.connect()))
      await Promise.all(sessions.map((session) => session.result('tools/list', {})))
    },
  },
  {
    ...base,
    id: 'basic/transports/security-warning/origin-of-the-stream',
    quote: ORIGIN,
    async run(t) {
      for (const Origin of foreignOrigins(t.url)) {
        const get = await t.open({ method: 'GET', headers: { Accept: 'text/event-stream', Origin } })
        check(in4xx(get), `HTTP 4xx for a GET with Origin: ${Origin}`, `HTTP ${get.status}`)
      }
    },
  },
  {
    ...base,
    id: 'basic/transports/security-warning/origin-of-a-message',
    quote: ORIGIN,
    async run(t) {
      const session = await t.connectSse()
      for (const Origin of foreignOrigins(t.url)) {
        const exchange = await session.post(session.build('ping', {}, Origin), { headers: { Origin } })
        check(in4xx(exchange), `HTTP 4xx for a POST with Origin: ${Origin}`, `HTTP ${exchange.status}`)
      }
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/stream-is-utf-8',
    last: true,
    quote: 'Event streams are always decoded as UTF-8 (HTML, Server-sent events §9.2.5).',
    async run(t) {
      await traffic(t)
      const session = await t.connectSse()
      await session.request('tools/list', {}, { id: 'ü-世界-😀' })
      t.close()
      if (t.observed.streams.some((stream) => !stream.isUtf8)) fail('valid UTF-8 on every stream', 'bytes that are not')
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/stream-has-known-fields-only',
    level: 'SHOULD',
    last: true,
    quote: 'The fields of an event stream are event, data, id and retry (HTML, Server-sent events §9.2.6); others are ignored.',
    async run(t) {
      await traffic(t)
      const odd = t.observed.streams.find((stream) => stream.unknownFields.length > 0 || stream.badRetry !== undefined)
      if (odd !== undefined) fail('known fields, and digits in retry', odd.unknownFields[0] ?? `retry: ${odd.badRetry}`)
    },
  },
  {
    ...base,
    id: 'basic/transports/http-with-sse/open-until-the-client-closes',
    quote:
      'Client->>Server: Close SSE connection. The stream carries every response of the session, so it does not end after the first.',
    async run(t) {
      const session = await t.connectSse()
      for (let round = 0; round < 3; round += 1) await session.result('tools/list', {})
      if (session.stream.ended) throw new Failure('an open stream', 'its end')
    },
  },
]
