// Streamable HTTP, 2025-03-26 to 2025-11-25, continued: session ids and the version header.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { HttpSession } from '../client/session-http.ts'
import { check, checkEqual } from '../expect.ts'
import { ask } from '../steps.ts'

const base = { transport: 'http', since: '2025-03-26', until: '2025-11-25' } as const
const page = 'basic/transports'

const STREAM_END_MS = 1_000

/** A session that was ended by DELETE; a skip where the server does not allow that. */
async function terminated(t: Context, given?: HttpSession): Promise<HttpSession> {
  const session = given ?? (await t.connectHttp())
  const { status } = await session.terminate()
  if (status === 405) return t.skip('the server does not let clients end sessions')
  check(status < 300, 'HTTP 2xx or 405 for DELETE', `HTTP ${status}`)
  return session
}

export const cases: Case[] = [
  {
    ...base,
    id: `${page}/session-management/id-is-visible-ascii`,
    level: 'MUST',
    needs: ['session'],
    quote: 'The session ID MUST only contain visible ASCII characters (ranging from 0x21 to 0x7E).',
    async run(t) {
      const { sessionId = '' } = await t.connectHttp()
      check(/^[\x21-\x7e]+$/.test(sessionId), 'visible ASCII', JSON.stringify(sessionId))
    },
  },
  {
    ...base,
    id: `${page}/session-management/ids-are-unique`,
    level: 'SHOULD',
    needs: ['session'],
    quote: 'The session ID SHOULD be globally unique and cryptographically secure.',
    async run(t) {
      const ids = (await Promise.all(Array.from({ length: 4 }, () => t.connectHttp()))).map((session) => session.sessionId ?? '')
      checkEqual(new Set(ids).size, ids.length, 'number of different ids')
      check(
        ids.every((id) => id.length >= 16),
        'ids of at least 16 characters',
        ids,
      )
    },
  },
  {
    ...base,
    id: `${page}/session-management/missing-id-is-400`,
    level: 'SHOULD',
    needs: ['session'],
    quote: 'Servers that require a session ID SHOULD respond to requests without it (other than initialization) with HTTP 400.',
    async run(t) {
      const session = await t.connectHttp()
      const headers = { 'Mcp-Session-Id': undefined }
      for (const method of ['tools/list', 'ping']) {
        const reply = await session.send(session.build(method, {}, method), 'anything', { headers })
        checkEqual(reply.status, 400, `for ${method} without the session id that was handed out, the status`)
      }
      const tool = t.facts.callable
      if (tool === undefined) return
      const message = session.build('tools/call', { name: tool.name, arguments: tool.args }, 'call')
      checkEqual((await session.post(message, { headers })).status, 400, 'for a call without it, the status')
    },
  },
  {
    ...base,
    id: `${page}/session-management/terminated-id-is-404`,
    level: 'MUST',
    needs: ['session'],
    quote: '… terminate the session, after which it MUST respond to requests containing that session ID with HTTP 404 Not Found.',
    async run(t) {
      const session = await terminated(t)
      for (const method of ['tools/list', 'ping', 'notifications/cancelled']) {
        const id = method.startsWith('notifications') ? undefined : method
        const reply = await session.send(session.build(method, { requestId: 'never-issued' }, id), 'anything')
        checkEqual(reply.status, 404, `for ${method}, the status`)
      }
      if (t.facts.hasGetStream) checkEqual((await session.listen()).status, 404, 'for GET, the status')
    },
  },
  {
    ...base,
    id: 'interop/http/stream-ends-with-the-session',
    level: 'INTEROP',
    needs: ['session', 'get-stream'],
    quote: 'When a client ends its session by DELETE, its GET stream ends, too.',
    breaks: 'Clients that wait for the end of the stream; and the server keeps what belongs to the session.',
    async run(t) {
      const session = await t.connectHttp()
      const stream = (await session.listen()).events()
      await terminated(t, session)
      check(await stream.ends(STREAM_END_MS), `the end of the stream within ${STREAM_END_MS} ms`, 'an open stream')
    },
  },
  {
    ...base,
    id: `${page}/session-management/id-serves-every-request`,
    level: 'MUST',
    needs: ['session'],
    quote: 'Clients MUST include the session ID in the header on all of their subsequent requests (header names have no case).',
    async run(t) {
      const session = await t.connectHttp()
      const { sessionId } = session
      await session.result('ping', {}, { headers: { 'Mcp-Session-Id': undefined, 'MCP-SESSION-ID': sessionId } })
    },
  },
  ...Object.entries({ unsupported: '1999-01-01', invalid: 'not a version' }).map(
    ([slug, version]): Case => ({
      ...base,
      since: '2025-06-18',
      id: `${page}/protocol-version-header/${slug}-is-400`,
      level: 'MUST',
      quote:
        'If the server receives a request with an invalid or unsupported MCP-Protocol-Version, it MUST respond with 400 Bad Request.',
      async run(t) {
        const session = await t.connectHttp()
        const headers = { 'MCP-Protocol-Version': version }
        const reply = await session.send(session.build('ping', {}, 'v'), { id: 'v' }, { headers })
        checkEqual(reply.status, 400, 'the status')
      },
    }),
  ),
  {
    ...base,
    since: '2025-06-18',
    id: `${page}/protocol-version-header/absent-is-accepted`,
    level: 'SHOULD',
    quote: 'If the server does not receive the header and cannot identify the version otherwise, it SHOULD assume 2025-03-26.',
    run: (t) => ask(t, 'ping', {}, { headers: { 'MCP-Protocol-Version': undefined } }),
  },
  {
    ...base,
    since: '2025-06-18',
    id: `${page}/protocol-version-header/negotiated-is-accepted`,
    level: 'MUST',
    quote: 'The client MUST include MCP-Protocol-Version, which SHOULD be the one negotiated, on all subsequent requests.',
    run: (t) => ask(t, 'ping', {}, { headers: { 'MCP-Protocol-Version': t.revision } }),
  },
]
