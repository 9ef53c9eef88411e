// Streamable HTTP practice: what the text leaves open and real clients depend on.
import type { Case } from '../case.ts'
import { type Context, initializeParams } from '../client/context.ts'
import type { Exchange } from '../client/target.ts'
import { check, checkEqual, isObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { brokenOnly, FOREIGN_HOSTS, in4xx, isLoopback } from '../steps.ts'

const base = { level: 'INTEROP', transport: 'http' } as const
const legacy = { ...base, until: '2025-11-25' } as const

async function initializeWith(t: Context, headers: Record<string, string>): Promise<Exchange> {
  const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams(t.revision) }
  return t.open({
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  })
}

export const cases: Case[] = [
  {
    ...legacy,
    id: 'interop/http/initialize-with-a-version-header',
    quote: 'initialize is served although it carries MCP-Protocol-Version.',
    breaks: 'LiteLLM before 1.80.18 sends 2025-06-18 with every request; the official suite does, too.',
    run: async (t) => checkEqual((await initializeWith(t, { 'MCP-Protocol-Version': '2025-06-18' })).status, 200, 'the status'),
  },
  {
    ...legacy,
    id: 'interop/http/accept-anything',
    quote: 'A POST with Accept: */* is served.',
    breaks: 'curl, which is how people try a server.',
    run: async (t) => checkEqual((await initializeWith(t, { Accept: '*/*' })).status, 200, 'the status'),
  },
  {
    ...legacy,
    id: 'interop/http/content-type-with-charset',
    quote: 'Content-Type: application/json; charset=utf-8 is accepted.',
    breaks: 'Clients whose HTTP library adds the parameter (.NET, axios).',
    run: async (t) =>
      checkEqual((await initializeWith(t, { 'Content-Type': 'application/json; charset=utf-8' })).status, 200, 'the status'),
  },
  {
    ...legacy,
    id: 'interop/http/own-origin-is-accepted',
    quote: "A request whose Origin is the server's own address is served.",
    breaks: 'Clients in a browser page that the server itself delivers.',
    run: async (t) => checkEqual((await initializeWith(t, { Origin: t.url.origin })).status, 200, 'the status'),
  },
  {
    ...legacy,
    id: 'interop/http/foreign-host-is-refused',
    once: true,
    quote: 'On a loopback address, a Host header of another name is refused (DNS rebinding).',
    breaks: 'People who run the server locally and open a hostile web page.',
    async run(t) {
      if (!isLoopback(t.url)) return t.skip('the target is not on a loopback address')
      for (const Host of FOREIGN_HOSTS) {
        const exchange = await initializeWith(t, { Host })
        check(in4xx(exchange), `HTTP 4xx for Host: ${Host}`, `HTTP ${exchange.status}`)
      }
    },
  },
  {
    ...legacy,
    id: 'interop/http/form-content-type-is-refused',
    once: true,
    quote: 'A POST of text/plain, which a web page may send to any server without asking it, is answered 4xx.',
    breaks: 'People who run the server locally and open a hostile web page.',
    async run(t) {
      const exchange = await initializeWith(t, { 'Content-Type': 'text/plain' })
      check(in4xx(exchange), 'HTTP 415, or another 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...legacy,
    id: 'interop/http/other-verbs-are-refused',
    once: true,
    quote: 'PUT is answered 4xx (405).',
    breaks: 'Clients that probe, which read a 5xx as a fault.',
    async run(t) {
      const exchange = await t.open({ method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{}' })
      check(in4xx(exchange), 'HTTP 405, or another 4xx', `HTTP ${exchange.status}`)
    },
  },
  {
    ...legacy,
    id: 'interop/http/unknown-session-is-404',
    since: '2025-03-26',
    needs: ['session'],
    quote: 'A session id that was never issued is answered 404, as a terminated one must be.',
    breaks: 'Clients of a server that was restarted: on 404, and on nothing else, they begin a new session.',
    async run(t) {
      const session = await t.connectHttp()
      const reply = await session.send(session.build('ping', {}, 'p'), 'anything', {
        headers: { 'Mcp-Session-Id': 'conformance-never-issued' },
      })
      checkEqual(reply.status, 404, 'the status')
    },
  },
  {
    ...base,
    id: 'interop/http/errors-are-not-5xx',
    quote: 'An unknown method is answered with a JSON-RPC error below HTTP 500, and not with 401 or 403.',
    breaks: 'The TypeScript SDK v2, which probes with server/discover and takes 5xx, 401 and 403 for hard errors.',
    async run(t) {
      const reply = await (await t.connect()).request('conformance/no-such-method', {})
      check(reply.status < 500 && reply.status !== 401 && reply.status !== 403, 'HTTP 200 or 4xx', `HTTP ${reply.status}`)
      check(isObject(reply.message?.error), 'a JSON-RPC error in the body', reply.message)
    },
  },
  {
    ...legacy,
    id: 'interop/http/probe-of-a-later-revision',
    once: true,
    quote: 'server/discover of 2026-07-28 is answered with a result, or below HTTP 500 with anything.',
    breaks: 'Python SDK 2 clients, which begin with it and fall back to initialize.',
    async run(t) {
      const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} }
      const exchange = await t.open({
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          'MCP-Protocol-Version': '2026-07-28',
          'Mcp-Method': 'server/discover',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: meta } }),
      })
      check(
        exchange.status < 500 && exchange.status !== 401 && exchange.status !== 403,
        'HTTP 200, or 4xx',
        `HTTP ${exchange.status}`,
      )
    },
  },
  {
    ...base,
    id: 'interop/http/chunked-request-body',
    quote: 'A request body in chunked transfer coding is read (RFC 9112 §7.1: a recipient MUST be able to parse it).',
    breaks: 'Clients that stream their bodies, such as Java HttpClient publishers.',
    async run(t) {
      const session = await t.connect()
      const message = Buffer.from(JSON.stringify(session.build('tools/list', {}, 'chunked')))
      const headers = t.isModern ? { 'Mcp-Method': 'tools/list' } : {}
      const reply = await session.send([message.subarray(0, 9), message.subarray(9)] as never, { id: 'chunked' }, { headers })
      check(isObject(reply.message?.result), 'a result', reply.message ?? `HTTP ${reply.status}`)
    },
  },
  {
    ...legacy,
    id: 'interop/http/huge-body-is-survived',
    once: true,
    quote: `A body of ${LIMITS.oversizedBodyBytes / 1024 / 1024} MiB is answered or cut off, and the server goes on.`,
    breaks: 'Every other client, when the server runs out of memory.',
    async run(t) {
      const session = await t.connectHttp()
      await session.post(session.build('ping', { padding: 'x'.repeat(LIMITS.oversizedBodyBytes) }, 'huge')).catch(brokenOnly)
      await session.alive()
    },
  },
  {
    ...legacy,
    id: 'interop/http/deep-json-is-survived',
    once: true,
    quote: 'JSON nested ten thousand levels deep does not stop the server.',
    breaks: 'Every other client, when the stack overflows.',
    async run(t) {
      const session = await t.connectHttp()
      const deep = `{"jsonrpc":"2.0","id":"deep","method":"ping","params":{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`
      await session.post(deep).catch(brokenOnly)
      await session.alive()
    },
  },
  {
    ...legacy,
    id: 'interop/http/get-is-not-404',
    since: '2025-03-26',
    quote: 'GET is answered 405, not 400 or 404, where there is no stream.',
    breaks: 'The TypeScript SDK, which reports "Failed to open SSE stream".',
    async run(t) {
      const get = await (await t.connectHttp()).listen()
      check(get.status === 200 || get.status === 405, 'an event stream, or HTTP 405', `HTTP ${get.status}`)
    },
  },
]
