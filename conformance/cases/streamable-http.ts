// Streamable HTTP of 2026-07-28: POST only, no session, and headers that mirror the body.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { type HttpSession, META } from '../client/session-http.ts'
import { check, checkEqual, isObject, type Json } from '../expect.ts'
import { MODERN } from '../revisions.ts'
import {
  call,
  callTool,
  checkRefused,
  checkServed,
  foreignOrigins,
  in4xx,
  inBackground,
  LIST,
  list,
  postCall,
  streamed,
  UNKNOWN_METHOD,
} from '../steps.ts'
import { base64Value, mirroredProperties } from '../tool-schema.ts'

const base = { transport: 'http', since: MODERN } as const
const page = 'basic/transports/streamable-http'
const MISMATCH =
  'When rejecting a request due to header validation failure, servers MUST return HTTP 400 and a JSON-RPC error with code -32020 (HeaderMismatch).'

function mismatch(slug: string, section: string, headers: Record<string, string | undefined>, quote = MISMATCH): Case {
  return {
    ...base,
    id: `${page}/${section}/${slug}`,
    level: 'MUST',
    quote,
    run: async (t) => checkRefused(await list(t, { headers }), 400, [-32020]),
  }
}

/** The first mirrored string or integer parameter, with a value for it. */
function mirrored(t: Context, type?: string): { header: string; property: string; value: Json } {
  const callable = t.facts.callable
  const found =
    callable === undefined
      ? undefined
      : mirroredProperties(callable.tool).find((item) => type === undefined || item.type === type)
  if (found === undefined) return t.skip(`no ${type ?? ''} parameter is mirrored into a header`)
  const value = callable?.args[found.property] ?? (found.type === 'integer' ? 42 : found.type === 'boolean' ? true : 'wörld 世界')
  return { ...found, value }
}

export const cases: Case[] = [
  {
    ...base,
    id: `${page}/sending-messages/request-is-answered-as-json-or-events`,
    level: 'MUST',
    quote: 'If the body is a JSON-RPC request, the server MUST return application/json or text/event-stream.',
    async run(t) {
      const reply = await list(t)
      checkServed(reply)
      check(
        /^(application\/json|text\/event-stream)$/.test(reply.exchange.mediaType),
        'JSON or an event stream',
        reply.exchange.mediaType,
      )
    },
  },
  {
    ...base,
    id: `${page}/sending-messages/notification-is-202-or-refused`,
    level: 'MUST',
    quote:
      'If the server accepts a notification, it MUST return 202 Accepted with no body; if not, it MUST return an HTTP error status code.',
    async run(t) {
      const { status, exchange } = await (await t.connect()).notify('notifications/conformance/unknown', {})
      check(status === 202 || status >= 400, 'HTTP 202, or an error status', `HTTP ${status}`)
      if (status === 202) checkEqual(await exchange.text(), '', 'the body')
    },
  },
  {
    ...base,
    id: `${page}/sending-messages/unreadable-input-is-refused`,
    level: 'MUST',
    quote: 'If the server cannot accept the body, it MUST return an HTTP error status code (e.g., 400 Bad Request).',
    async run(t) {
      const { status } = await (await t.connect()).send('{"jsonrpc": "2.0", ', 'anything')
      check(status >= 400, 'an HTTP error status', `HTTP ${status}`)
    },
  },
  {
    ...base,
    id: `${page}/sending-messages/no-batches`,
    level: 'SHOULD',
    quote: 'The body of the HTTP POST MUST be a single JSON-RPC request or notification.',
    async run(t) {
      const session = await t.connect()
      const batch = [session.build('tools/list', {}, 'a'), session.build('tools/list', {}, 'b')]
      const { status } = await session.send(batch, 'anything', { headers: { 'Mcp-Method': 'tools/list' } })
      check(in4xx({ status }), 'HTTP 4xx', `HTTP ${status}`)
    },
  },
  {
    ...base,
    id: `${page}/sending-messages/no-responses`,
    level: 'SHOULD',
    quote: 'The client MUST NOT send JSON-RPC responses: a server has no use for one.',
    async run(t) {
      const { status } = await (await t.connect()).send(
        { jsonrpc: '2.0', id: 'nobody-asked', result: { resultType: 'complete' } },
        'anything',
      )
      check(in4xx({ status }), 'HTTP 4xx', `HTTP ${status}`)
    },
  },
  {
    ...base,
    id: `${page}/security-endpoint/invalid-origin-is-403`,
    level: 'MUST',
    quote: 'If the Origin header is present and invalid, servers MUST respond with HTTP 403 Forbidden.',
    async run(t) {
      const session = await t.connect()
      for (const Origin of foreignOrigins(t.url)) {
        const { status } = await session.send(session.build(LIST, {}, Origin), 'anything', { headers: { Origin } })
        checkEqual(status, 403, `for Origin: ${Origin}, the status`)
      }
    },
  },
  {
    ...base,
    id: `${page}/protocol-version-header/version-differs-from-body`,
    level: 'MUST',
    quote:
      'If the header and _meta protocolVersion do not match, the server MUST reject the request with 400 and a HeaderMismatch error.',
    // The header names this revision: with one of 2025 in it, a server of both eras may take the request for one of that revision.
    run: async (t) => checkRefused(await list(t, { meta: { [`${META}protocolVersion`]: '2025-11-25' } }), 400, [-32020]),
  },
  {
    ...base,
    id: `${page}/server-validation/version-is-required`,
    level: 'MUST',
    quote: `${MISMATCH} (A required standard header, MCP-Protocol-Version, is missing.)`,
    async run(t) {
      // A server that also serves revisions without this header MAY treat the request as one of 2025-03-26.
      if (t.facts.revisions.some((revision) => revision < '2025-06-18')) {
        t.skip('it serves revisions that have no such header, and may take the request for one of them')
      }
      checkRefused(await list(t, { headers: { 'MCP-Protocol-Version': undefined } }), 400, [-32020])
    },
  },
  mismatch(
    'method-is-required',
    'standard-request-headers',
    { 'Mcp-Method': undefined },
    `${MISMATCH} (Mcp-Method: all requests.)`,
  ),
  mismatch('method-differs-from-body', 'server-validation', { 'Mcp-Method': 'tools/call' }),
  mismatch(
    'method-is-case-sensitive',
    'case-sensitivity',
    { 'Mcp-Method': 'TOOLS/LIST' },
    `${MISMATCH} (Header values are case-sensitive.)`,
  ),
  {
    ...base,
    id: `${page}/case-sensitivity/names-have-no-case`,
    level: 'MUST',
    quote: 'Clients and servers MUST use case-insensitive comparisons for header names.',
    run: async (t) =>
      checkServed(
        await list(t, {
          headers: {
            'MCP-Protocol-Version': undefined,
            'Mcp-Method': undefined,
            'mcp-PROTOCOL-version': t.revision,
            'MCP-METHOD': 'tools/list',
          },
        }),
      ),
  },
  {
    ...base,
    id: `${page}/server-validation/surrounding-whitespace-is-not-part-of-a-value`,
    level: 'SHOULD',
    quote: 'Header values are compared as HTTP fields, whose value excludes surrounding whitespace (RFC 9110 §5.5).',
    run: async (t) => checkServed(await list(t, { headers: { 'Mcp-Method': '  tools/list\t ' } })),
  },
  {
    ...base,
    id: `${page}/standard-request-headers/name-is-required`,
    level: 'MUST',
    needs: ['tool'],
    quote: `${MISMATCH} (Mcp-Name: required for tools/call.)`,
    run: async (t) => checkRefused(await callTool(t, { 'Mcp-Name': undefined }), 400, [-32020]),
  },
  {
    ...base,
    id: `${page}/server-validation/name-differs-from-body`,
    level: 'MUST',
    needs: ['tool'],
    quote: MISMATCH,
    run: async (t) => checkRefused(await callTool(t, { 'Mcp-Name': 'conformance_other' }), 400, [-32020]),
  },
  {
    ...base,
    id: `${page}/value-encoding/name-in-base64`,
    level: 'MUST',
    needs: ['tool'],
    quote: 'Servers MUST decode an encoded Mcp-Name value before comparing it to the corresponding request body value.',
    run: async (t) => checkServed(await callTool(t, { 'Mcp-Name': base64Value(t.facts.callable?.name ?? '') })),
  },
  {
    ...base,
    id: `${page}/value-encoding/name-in-base64-differs`,
    level: 'MUST',
    needs: ['tool'],
    quote: `${MISMATCH} (After decoding.)`,
    run: async (t) => checkRefused(await callTool(t, { 'Mcp-Name': base64Value('conformance_other') }), 400, [-32020]),
  },
  {
    ...base,
    id: `${page}/server-behavior-for-custom-headers/parameter-is-required`,
    level: 'MUST',
    needs: ['header-tool'],
    quote: 'Client omits header but value is in body: the server MUST reject the request (400, -32020).',
    async run(t) {
      const { header, property, value } = mirrored(t)
      checkRefused(await callTool(t, { [header]: undefined }, { ...t.facts.callable?.args, [property]: value }), 400, [-32020])
    },
  },
  {
    ...base,
    id: `${page}/server-behavior-for-custom-headers/parameter-differs-from-body`,
    level: 'MUST',
    needs: ['header-tool'],
    quote: 'Parameter value provided: the server MUST validate header matches body (400, -32020).',
    async run(t) {
      const { header, property, value } = mirrored(t)
      const wrong = typeof value === 'number' ? String(value + 1) : typeof value === 'boolean' ? String(!value) : 'another'
      checkRefused(await callTool(t, { [header]: wrong }, { ...t.facts.callable?.args, [property]: value }), 400, [-32020])
    },
  },
  {
    ...base,
    id: `${page}/value-encoding/parameter-in-base64`,
    level: 'MUST',
    needs: ['header-tool'],
    quote: 'Servers MUST decode an encoded Mcp-Param value before comparing it to the corresponding request body value.',
    async run(t) {
      const { header, property } = mirrored(t, 'string')
      checkServed(
        await callTool(t, { [header]: base64Value('wörld 世界') }, { ...t.facts.callable?.args, [property]: 'wörld 世界' }),
      )
    },
  },
  {
    ...base,
    id: `${page}/server-behavior-for-custom-headers/null-and-absent-need-no-header`,
    level: 'MUST',
    needs: ['header-tool'],
    quote: 'Parameter not in arguments, or null: the server MUST NOT expect the header.',
    async run(t) {
      const { header, property } = mirrored(t)
      const { [property]: _, ...args } = t.facts.callable?.args ?? {}
      const reply = await callTool(t, { [header]: undefined }, args)
      const error = reply.message?.error
      check(!(isObject(error) && error.code === -32020), 'no HeaderMismatch', reply.message)
    },
  },
  {
    ...base,
    id: `${page}/server-behavior-for-custom-headers/unknown-parameter-header-is-ignored`,
    level: 'MUST',
    needs: ['tool'],
    quote: 'A header Mcp-Param-{Name} that is not recognized is ignored, as HTTP requires of unknown fields.',
    run: async (t) => checkServed(await callTool(t, { 'Mcp-Param-Conformance-Unknown': 'x' })),
  },
  {
    ...base,
    id: `${page}/server-validation/integers-are-compared-as-numbers`,
    level: 'SHOULD',
    needs: ['header-tool'],
    quote: 'Servers SHOULD compare integer header and body values numerically (42.0 and 42 are equal).',
    async run(t) {
      const { header, property } = mirrored(t, 'integer')
      checkServed(await callTool(t, { [header]: '42.0' }, { ...t.facts.callable?.args, [property]: 42 }))
    },
  },
  {
    ...base,
    id: `${page}/protocol-version-header/unknown-method-is-404`,
    level: 'MUST',
    quote: 'If the server does not implement the requested RPC method, it MUST respond with 404 Not Found and code -32601.',
    run: async (t) => checkRefused(await (await t.connect()).request(UNKNOWN_METHOD, {}), 404, [-32601]),
  },
  {
    ...base,
    id: `${page}/protocol-version-header/removed-methods-are-404`,
    level: 'SHOULD',
    quote: 'ping, initialize and logging/setLevel are not methods of this revision: 404 Not Found and code -32601.',
    async run(t) {
      const session = await t.connect()
      for (const method of ['ping', 'initialize', 'logging/setLevel'])
        checkRefused(await session.request(method, {}), 404, [-32601])
    },
  },
  {
    ...base,
    id: `${page}/earlier-streamable-http-revisions/get-and-delete-are-405`,
    level: 'SHOULD',
    quote: 'A server that supports only this revision SHOULD respond to GET and DELETE with 405 Method Not Allowed.',
    async run(t) {
      if (t.facts.revisions.length > 1) return t.skip('it also serves earlier revisions')
      for (const method of ['GET', 'DELETE']) {
        const { status } = await t.open({ method, headers: { Accept: 'text/event-stream', 'MCP-Protocol-Version': t.revision } })
        checkEqual(status, 405, `for ${method}, the status`)
      }
    },
  },
  {
    ...base,
    id: `${page}/earlier-streamable-http-revisions/session-header-is-ignored`,
    level: 'SHOULD',
    quote: 'An Mcp-Session-Id header on a request: ignore it.',
    run: async (t) => checkServed(await list(t, { headers: { 'Mcp-Session-Id': 'conformance-no-such-session' } })),
  },
  {
    ...base,
    id: `${page}/earlier-streamable-http-revisions/no-session-ids`,
    level: 'SHOULD',
    quote: 'Do not mint or echo session IDs.',
    async run(t) {
      const { exchange } = await list(t, { headers: { 'Mcp-Session-Id': 'conformance-no-such-session' } })
      checkEqual(exchange.headers['mcp-session-id'], undefined, 'Mcp-Session-Id')
    },
  },
  {
    ...base,
    id: `${page}/earlier-streamable-http-revisions/last-event-id-is-ignored`,
    level: 'SHOULD',
    quote: 'A Last-Event-ID header: ignore it; streams are not resumable.',
    run: async (t) => checkServed(await list(t, { headers: { 'Last-Event-ID': '1' } })),
  },
  {
    ...base,
    id: `${page}/receiving-messages/response-ends-the-stream`,
    level: 'SHOULD',
    quote: 'The final JSON-RPC response SHOULD terminate the stream.',
    async run(t) {
      const { reply } = await streamed(t)
      check(reply.ended, 'the end of the stream', 'an open stream')
    },
  },
  {
    ...base,
    id: `${page}/receiving-messages/not-buffered`,
    level: 'SHOULD',
    quote: 'When initiating an SSE stream, servers SHOULD include the X-Accel-Buffering: no header.',
    run: async (t) => checkEqual((await streamed(t)).reply.exchange.headers['x-accel-buffering'], 'no', 'X-Accel-Buffering'),
  },
  {
    ...base,
    id: `${page}/cancellation/a-closed-stream-harms-nobody`,
    level: 'MUST',
    needs: ['tool'],
    quote: 'Closing the SSE response stream MUST be treated by the server as cancellation of that request, and of no other.',
    async run(t) {
      const session = await t.connectHttp()
      const other = inBackground(call(t, session))
      await leaveCall(t, session)
      checkServed(await other)
      await session.alive()
    },
  },
  {
    ...base,
    id: `${page}/cancellation/nothing-follows`,
    level: 'MUST',
    needs: ['tool'],
    quote: 'The server MUST NOT send any further messages for a request that was cancelled: not on the streams of others.',
    async run(t) {
      const session = await t.connectHttp()
      await leaveCall(t, session)
      const { messages } = await call(t, session)
      check(
        !messages.some((message) => isObject(message) && message.id === 'closed'),
        'nothing of the cancelled request',
        messages,
      )
    },
  },
]

/** Calls the tool, and closes the connection as soon as an event stream begins. */
async function leaveCall(t: Context, session: HttpSession): Promise<void> {
  const callable = t.facts.progressing ?? t.facts.callable ?? t.skip('no tool may be called')
  const exchange = await postCall(session, callable, 'closed', 'closed')
  if (!exchange.isEventStream) return t.skip('the server answered with JSON, not with an event stream')
  exchange.close()
}
