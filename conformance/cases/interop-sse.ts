// HTTP+SSE practice: what the text leaves open and real clients depend on. No status code below is in the specification.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { SseSession } from '../client/session-sse.ts'
import type { Exchange } from '../client/target.ts'
import { check, checkEqual, isResponse } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { ask, call, checkServed, in4xx, JSON_HEADERS, postCall, UNKNOWN_METHOD } from '../steps.ts'

const base = { level: 'INTEROP', transport: 'sse', once: true } as const
const KEEP_ALIVE_MS = 32_000

/** Posts a ping to another URL than the endpoint. */
function postTo(t: Context, url: URL): Promise<Exchange> {
  const body = '{"jsonrpc":"2.0","id":"p","method":"ping","params":{}}'
  return t.open({ method: 'POST', url, headers: { 'Content-Type': 'application/json' }, body })
}

export const cases: Case[] = [
  {
    ...base,
    id: 'interop/sse/endpoint-is-on-the-same-origin',
    quote: 'The endpoint event leads to the origin of the stream.',
    breaks:
      'The Python SDK waits in connect for ever, the TypeScript SDK throws "Endpoint origin does not match connection origin".',
    async run(t) {
      const session = await SseSession.open(t, t.revision)
      checkEqual(session.endpoint.origin, t.url.origin, 'the origin')
    },
  },
  {
    ...base,
    id: 'interop/sse/endpoint-comes-at-once',
    quote: 'The endpoint event comes within a second of the connection.',
    breaks: 'Clients send nothing before it; LiteLLM gives a health check ten seconds in all.',
    async run(t) {
      const started = performance.now()
      await t.begin()
      const ms = Math.round(performance.now() - started)
      check(ms < 1_000, 'the endpoint event within 1,000 ms', `${ms} ms`)
    },
  },
  {
    ...base,
    id: 'interop/sse/each-session-has-its-endpoint',
    quote: 'Two streams are given two endpoint URIs, since nothing else tells their messages apart.',
    breaks: 'Any gateway that serves several users: responses reach the wrong one.',
    async run(t) {
      const [first, second] = [await SseSession.open(t, t.revision), await SseSession.open(t, t.revision)]
      check(first.endpoint.href !== second.endpoint.href, 'two endpoint URIs', first.endpoint.href)
    },
  },
  {
    ...base,
    id: 'interop/sse/post-is-answered-202',
    quote: 'A POST that is accepted is answered 202.',
    breaks: 'Tools that follow the SDKs, whose servers answer 202 Accepted.',
    async run(t) {
      const session = await t.connectSse()
      checkEqual((await session.post(session.build('ping', {}, 'p'))).status, 202, 'the status')
    },
  },
  {
    ...base,
    id: 'interop/sse/post-is-answered-before-the-work',
    needs: ['slow-tool'],
    quote: 'A POST is answered when its message is accepted, not when the tool has finished.',
    breaks: 'The Python SDK posts one message after the other: a ping or a cancellation waits behind the call.',
    async run(t) {
      const tool = t.facts.slow ?? t.skip('no call is slow')
      const session = await t.connectSse()
      const started = performance.now()
      await postCall(session, tool, 'slow')
      const accepted = performance.now() - started
      await session.stream.until(
        () => session.inbox.find((message) => isResponse(message) && message.id === 'slow'),
        'the response',
      )
      const finished = performance.now() - started
      if (finished < LIMITS.slowMs) return t.skip('the call was not slow this time')
      check(
        accepted < finished / 2,
        'an answer to the POST while the tool works',
        `${Math.round(accepted)} of ${Math.round(finished)} ms`,
      )
    },
  },
  {
    ...base,
    id: 'interop/sse/errors-come-on-the-stream',
    quote: 'A JSON-RPC error is sent on the stream, under HTTP 2xx for the POST.',
    breaks: 'The Python SDK, and LiteLLM with it, ignores a 4xx answer to a POST and waits five minutes for a response.',
    async run(t) {
      const session = await t.connectSse()
      const reply = await session.request(UNKNOWN_METHOD, {})
      check(reply.status < 300, 'HTTP 2xx and the error on the stream', `HTTP ${reply.status}`)
    },
  },
  {
    ...base,
    id: 'interop/sse/unknown-session-is-refused',
    quote: 'A POST for a session that never was is answered 404 (the SDKs say 404 or 400), and not left hanging.',
    breaks: 'A client that lost its session: with 2xx or silence it waits for a response that cannot come.',
    async run(t) {
      const session = await t.connectSse()
      const url = new URL(session.endpoint)
      for (const [name, value] of session.endpoint.searchParams) url.searchParams.set(name, value.replace(/[0-9a-z]/gi, '0'))
      if (url.href === session.endpoint.href) {
        if (url.search === '') url.pathname = url.pathname.replace(/(?<![^/])[^/]+$/, (id) => '0'.repeat(id.length))
        else return t.skip('the endpoint has no session id that can be changed')
      }
      const exchange = await postTo(t, url)
      check(in4xx(exchange), 'HTTP 404, or another 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...base,
    id: 'interop/sse/missing-session-is-refused',
    quote: 'A POST without a session id is answered 4xx.',
    breaks: 'People who try the endpoint with curl wait for an answer.',
    async run(t) {
      const session = await t.connectSse()
      if (session.endpoint.search === '') return t.skip('the session id is not in the query')
      const url = new URL(session.endpoint)
      url.search = ''
      const exchange = await postTo(t, url)
      check(in4xx(exchange), 'HTTP 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...base,
    id: 'interop/sse/closed-session-is-refused',
    quote: 'After the client has closed the stream, a POST to its endpoint is answered 4xx.',
    breaks: 'A client whose stream broke without its notice: with 202 it waits for a response that cannot come.',
    async run(t) {
      const session = await t.connectSse()
      session.close()
      await t.pause(100)
      const exchange = await session.post(session.build('ping', {}, 'p'))
      check(in4xx(exchange), 'HTTP 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...base,
    id: 'interop/sse/reconnects-without-initialize',
    quote: 'A new stream serves tools/list although nobody sent initialize on it.',
    breaks: "The TypeScript SDK's EventSource reconnects by itself and goes on without a new handshake (python-sdk#423, #1844).",
    async run(t) {
      const first = await t.connectSse()
      first.close()
      const second = await SseSession.open(t, t.revision)
      await second.result('tools/list', {})
    },
  },
  {
    ...base,
    id: 'interop/sse/call-pattern-of-litellm',
    needs: ['tool'],
    quote: 'One connection: initialize, initialized, a call with an integer progress token, tools/list without params, close.',
    breaks: 'LiteLLM, which does this for every call.',
    async run(t) {
      const session = await t.connectSse()
      checkServed(await call(t, session, { token: 2 }), 'a result of the call')
      await session.result('tools/list')
    },
  },
  {
    ...base,
    id: 'interop/sse/disconnect-during-a-call',
    needs: ['tool'],
    quote: 'A client that goes away during a call harms nobody else.',
    breaks: 'Every other client, when the server dies of it.',
    async run(t) {
      const tool = t.facts.callable ?? t.skip('no tool may be called')
      for (let round = 0; round < 3; round += 1) {
        const session = await t.connectSse()
        await postCall(session, tool, 'left')
        session.close()
      }
      await t.pause(Math.min(tool.ms, 1_000) + 50)
      await ask(t, 'ping')
    },
  },
  {
    ...base,
    id: 'interop/sse/post-to-the-stream-url',
    quote: 'A POST to the SSE URL is answered 4xx (405).',
    breaks: 'VS Code, which tries Streamable HTTP there first and needs 4xx to fall back.',
    async run(t) {
      const exchange = await t.open({
        method: 'POST',
        headers: JSON_HEADERS,
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }),
      })
      if (exchange.status === 200) return t.skip('the URL also speaks Streamable HTTP')
      check(in4xx(exchange), 'HTTP 405, or another 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...base,
    id: 'interop/sse/content-type-with-charset',
    quote: 'Content-Type: application/json; charset=utf-8 is accepted.',
    breaks: 'Clients whose HTTP library adds the parameter (.NET, axios).',
    async run(t) {
      const session = await t.connectSse()
      await session.result('ping', {}, { headers: { 'Content-Type': 'application/json; charset=utf-8' } })
    },
  },
  {
    ...base,
    id: 'interop/sse/unfinished-request-blocks-nobody',
    quote: 'A client that sends half of its body and stops does not keep others waiting.',
    breaks: 'Every other client.',
    async run(t) {
      const session = await t.connectSse()
      const half = t.open({
        method: 'POST',
        url: session.endpoint,
        headers: { 'Content-Type': 'application/json', 'Content-Length': '500' },
        body: [Buffer.from('{"jsonrpc":"2.0",')],
        timeoutMs: 500,
      })
      half.catch(() => undefined)
      await ask(t, 'ping')
      await half.catch(() => undefined)
    },
  },
  {
    ...base,
    id: 'interop/sse/keep-alive',
    slow: true,
    quote: 'Something is sent at least every 30 seconds (a comment will do).',
    breaks: 'Load balancers that cut an idle stream after 60 seconds.',
    async run(t) {
      const session = await t.connectSse()
      const before = session.stream.raw().length
      await t.pause(KEEP_ALIVE_MS)
      check(session.stream.raw().length > before, `bytes on the stream within ${KEEP_ALIVE_MS / 1000} s`, 'silence')
    },
  },
]
