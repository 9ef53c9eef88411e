// Streamable HTTP practice: what the text leaves open and real clients depend on.
import type { Case } from '../case.ts'
import { check, checkEqual, isObject } from '../expect.ts'
import { in4xx, initializeWith, JSON_HEADERS, UNKNOWN_METHOD } from '../steps.ts'

const base = { level: 'INTEROP', transport: 'http' } as const
const legacy = { ...base, until: '2025-11-25' } as const

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
    id: 'interop/http/content-type-with-charset',
    quote: 'Content-Type: application/json; charset=utf-8 is accepted.',
    breaks: 'Clients whose HTTP library adds the parameter (.NET, axios).',
    run: async (t) =>
      checkEqual((await initializeWith(t, { 'Content-Type': 'application/json; charset=utf-8' })).status, 200, 'the status'),
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
      const reply = await (await t.connect()).request(UNKNOWN_METHOD, {})
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
        headers: { ...JSON_HEADERS, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'server/discover' },
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
