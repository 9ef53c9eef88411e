// Streamable HTTP as 2025-03-26 to 2025-11-25 have it, with sessions, a GET stream and resumption.
import type { Case } from '../case.ts'
import { type Context, initializeParams } from '../client/context.ts'
import { check, checkEqual, fail, isResponse, type JsonObject, parse } from '../expect.ts'
import { call, foreignOrigins, in4xx, initialized, list, streamed, traffic } from '../steps.ts'

const base = { transport: 'http', since: '2025-03-26', until: '2025-11-25' } as const
const page = 'basic/transports'

async function rejectsOrigin(
  t: Context,
  method: 'GET' | 'POST',
  status: (code: number) => boolean,
  expected: string,
): Promise<void> {
  const session = await t.connectHttp()
  for (const Origin of foreignOrigins(t.url)) {
    const headers = { Origin }
    const exchange = await (method === 'GET'
      ? session.listen(headers)
      : session.post(session.build('ping', {}, Origin), { headers }))
    if (method === 'GET' && exchange.status === 405) return t.skip('GET is not allowed at all')
    check(status(exchange.status), `${expected} for a ${method} with Origin: ${Origin}`, `HTTP ${exchange.status}`)
  }
}

export const cases: Case[] = [
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/notification-is-202`,
    level: 'MUST',
    quote: 'If the server accepts a notification, the server MUST return HTTP status code 202 Accepted with no body.',
    run: async (t) => checkEqual((await initialized(t)).status, 202, 'the status'),
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/notification-has-no-body`,
    level: 'MUST',
    quote: 'If the server accepts a notification, the server MUST return HTTP status code 202 Accepted with no body.',
    run: async (t) => checkEqual(await (await initialized(t)).exchange.text(), '', 'the body'),
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/response-is-202-or-refused`,
    level: 'MUST',
    quote:
      'A response that the server accepts is answered 202; if the server cannot accept it, it MUST return an HTTP error status code.',
    async run(t) {
      const session = await t.connectHttp()
      const { status } = await session.send({ jsonrpc: '2.0', id: 'nobody-asked', result: {} }, 'anything')
      check(status === 202 || status >= 400, 'HTTP 202, or an error status', `HTTP ${status}`)
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/unreadable-input-is-refused`,
    level: 'MUST',
    quote: 'If the server cannot accept the input, it MUST return an HTTP error status code (e.g., 400 Bad Request).',
    async run(t) {
      const session = await t.connectHttp()
      const { status } = await session.send('{"jsonrpc": "2.0", "method": "notifications/x"', 'anything')
      check(status >= 400, 'an HTTP error status', `HTTP ${status}`)
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/request-is-answered-as-json-or-events`,
    level: 'MUST',
    quote: 'If the input is a request, the server MUST return text/event-stream or application/json.',
    async run(t) {
      const requests: [method: string, params: JsonObject][] = [
        ['initialize', initializeParams(t.revision)],
        ['tools/list', {}],
        ['ping', {}],
      ]
      const session = await t.connectHttp()
      for (const [method, params] of requests) {
        const { exchange } = await (method === 'initialize' ? await t.begin() : session).request(method, params)
        const { mediaType } = exchange
        check(
          /^(application\/json|text\/event-stream)$/.test(mediaType),
          `JSON or an event stream for ${method}`,
          mediaType || 'no type',
        )
      }
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/request-is-answered-with-a-response`,
    level: 'MUST',
    quote:
      'If the input is a request, the server MUST initiate an SSE stream or return one JSON object (202 is for notifications).',
    async run(t) {
      const { message, status } = await list(t)
      check(message !== undefined, 'a response', `HTTP ${status} without one`)
    },
  },
  {
    ...base,
    since: '2025-06-18',
    id: `${page}/sending-messages-to-the-server/json-is-one-object`,
    level: 'MUST',
    quote: '… or Content-Type: application/json, to return one JSON object.',
    async run(t) {
      const session = await t.connectHttp()
      const { exchange } = await session.request('ping', {})
      if (exchange.isEventStream) return t.skip('the server answers with an event stream')
      check(!Array.isArray(await exchange.json()), 'one JSON object', await exchange.text())
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/stream-ends-after-the-response`,
    level: 'SHOULD',
    quote: 'After the JSON-RPC response has been sent, the server SHOULD close the SSE stream.',
    async run(t) {
      const { reply } = await streamed(t)
      check(reply.ended, 'the end of the stream', 'an open stream')
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/stream-has-the-response`,
    level: 'SHOULD',
    quote: 'The SSE stream SHOULD eventually include a response for the request sent in the POST body.',
    async run(t) {
      const { reply } = await streamed(t)
      check(reply.message !== undefined, 'the response on the stream', reply.messages)
    },
  },
  {
    ...base,
    since: '2025-11-25',
    id: `${page}/sending-messages-to-the-server/priming-event`,
    level: 'SHOULD',
    quote: 'The server SHOULD immediately send an SSE event consisting of an event ID and an empty data field.',
    async run(t) {
      const { reply } = await streamed(t)
      const first = reply.exchange.events().events[0]
      check(first?.data === '' && first.id !== undefined, 'a first event with an id and empty data', first)
    },
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/disconnection-is-not-cancellation`,
    level: 'SHOULD',
    needs: ['slow-tool', 'get-stream'],
    quote:
      'Disconnection SHOULD NOT be interpreted as the client cancelling its request: the response is there when the stream is resumed.',
    async run(t) {
      const session = await t.connectHttp()
      const params = { name: t.facts.slow?.name, arguments: t.facts.slow?.args, _meta: { progressToken: 'left' } }
      const stream = (await session.post(session.build('tools/call', params, 'left'))).events()
      const id = await stream.until(() => stream.lastEventId ?? (stream.ended ? '' : undefined), 'an event')
      if (id === '') return t.skip('the events have no ids')
      stream.close()
      await t.pause((t.facts.slow?.ms ?? 0) + 100)
      const resumed = (await session.listen({ 'Last-Event-ID': id })).events()
      await resumed.until(
        () => resumed.events.find((event) => isResponse(parse(event.data))),
        'the response to the call that was left',
      )
    },
  },
  {
    ...base,
    id: `${page}/listening-for-messages-from-the-server/get-streams-or-405`,
    level: 'MUST',
    quote: 'The server MUST either return text/event-stream in response to this HTTP GET, or else HTTP 405 Method Not Allowed.',
    async run(t) {
      const get = await (await t.connectHttp()).listen()
      check(
        (get.status === 200 && get.isEventStream) || get.status === 405,
        'an event stream, or HTTP 405',
        `HTTP ${get.status} ${get.mediaType}`,
      )
    },
  },
  {
    ...base,
    id: `${page}/listening-for-messages-from-the-server/no-responses-on-it`,
    level: 'MUST',
    needs: ['get-stream'],
    quote: 'The server MUST NOT send a JSON-RPC response on the GET stream unless resuming a stream of a previous request.',
    async run(t) {
      const session = await t.connectHttp()
      const stream = (await session.listen()).events()
      await session.request('tools/list', {})
      await session.request('ping', {})
      await t.pause(60)
      const response = stream.events.find((event) => isResponse(parse(event.data)))
      if (response !== undefined) fail('no response on the GET stream', response.data)
    },
  },
  {
    ...base,
    id: `${page}/multiple-connections/no-broadcast`,
    level: 'MUST',
    needs: ['get-stream'],
    quote: 'The server MUST send each of its messages on only one of the connected streams; it MUST NOT broadcast.',
    async run(t) {
      const session = await t.connectHttp()
      const streams = [(await session.listen()).events(), (await session.listen()).events()]
      if (t.facts.callable !== undefined) await call(t, session, { token: 'broadcast' })
      await session.request('tools/list', {})
      await t.pause(60)
      const [first = [], second = []] = streams.map((stream) =>
        stream.events.map((event) => event.data).filter((data) => data !== ''),
      )
      const both = first.find((data) => second.includes(data))
      if (both !== undefined) fail('each message on one stream only', both)
    },
  },
  {
    ...base,
    id: `${page}/resumability-and-redelivery/event-ids-are-unique`,
    level: 'MUST',
    quote: 'If present, the event ID MUST be globally unique across all streams within that session.',
    async run(t) {
      const { session, reply } = await streamed(t)
      const again = await streamed(t, session)
      const ids = [reply, again.reply].flatMap(({ exchange }) =>
        exchange.isEventStream ? exchange.events().events.map((event) => event.id) : [],
      )
      const given = ids.filter((id) => id !== undefined && id !== '')
      if (given.length === 0) return t.skip('the events have no ids')
      checkEqual(given.length, new Set(given).size, 'as many event ids as events with one:')
    },
  },
  {
    ...base,
    id: `${page}/resumability-and-redelivery/no-replay-of-another-stream`,
    level: 'MUST',
    needs: ['get-stream'],
    quote: 'The server MUST NOT replay messages that would have been delivered on a different stream.',
    async run(t) {
      const { session, reply } = await streamed(t)
      const id = reply.exchange.events().events.find((event) => event.id !== undefined && event.id !== '')?.id
      if (id === undefined) return t.skip('the events have no ids')
      const { reply: other } = await streamed(t, session)
      const stream = (await session.listen({ 'Last-Event-ID': id })).events()
      await t.pause(80)
      const otherId = other.message?.id
      const strayed = stream.events
        .map((event) => parse(event.data))
        .find((message) => isResponse(message) && message.id === otherId)
      if (strayed !== undefined) fail('messages of the resumed stream only', strayed)
    },
  },
  {
    ...base,
    since: '2025-11-25',
    id: `${page}/security-warning/invalid-origin-is-403`,
    level: 'MUST',
    quote: 'If the Origin header is present and invalid, servers MUST respond with HTTP 403 Forbidden.',
    run: (t) => rejectsOrigin(t, 'POST', (status) => status === 403, 'HTTP 403'),
  },
  {
    ...base,
    since: '2025-11-25',
    id: `${page}/security-warning/invalid-origin-of-get-is-403`,
    level: 'MUST',
    quote: 'If the Origin header is present and invalid, servers MUST respond with HTTP 403 Forbidden.',
    run: (t) => rejectsOrigin(t, 'GET', (status) => status === 403, 'HTTP 403'),
  },
  {
    ...base,
    until: '2025-06-18',
    id: `${page}/security-warning/origin-is-validated`,
    level: 'MUST',
    quote: 'Servers MUST validate the Origin header on all incoming connections to prevent DNS rebinding attacks.',
    run: (t) => rejectsOrigin(t, 'POST', (status) => in4xx({ status }), 'HTTP 4xx'),
  },
  {
    ...base,
    id: `${page}/sending-messages-to-the-server/event-data-is-json`,
    level: 'MUST',
    last: true,
    quote: 'MCP uses JSON-RPC to encode messages: the data of each event of a reply is one (or empty).',
    async run(t) {
      await traffic(t)
      if (t.observed.streams.length === 0) return t.skip('no event stream was seen')
      const broken = t.observed.streams.find((stream) => stream.notJson !== undefined)
      if (broken !== undefined) fail('JSON in the data of every event', broken.notJson)
    },
  },
]
