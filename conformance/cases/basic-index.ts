// The messages themselves: JSON-RPC 2.0 as MCP narrows it. 2024-11-05 says it on the page basic/messages, later revisions on basic.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Reply, Session } from '../client/session.ts'
import { SseSession } from '../client/session-sse.ts'
import { check, checkEqual, fail, isResponse, type Json, type JsonObject, show } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { ask, checkError, checkServed, errorIn, initialized, LIST, list, received, traffic, UNKNOWN_METHOD } from '../steps.ts'

const SAME_ID = 'Responses MUST include the same ID as the request they correspond to.'
const JSON_RPC = 'All messages between MCP clients and servers MUST follow the JSON-RPC 2.0 specification.'
const NO_REPLY = 'The receiver of a notification MUST NOT send a response.'

/** A request with this id is answered under exactly this id. */
async function echoesId(t: Context, id: Json): Promise<void> {
  const reply = await list(t, { id })
  check(reply.message !== undefined, `a response with the id ${show(id)}`, `HTTP ${reply.status} without a response`)
}

function idCase(slug: string, id: Json, quote = SAME_ID): Case {
  return { id: `basic/index/responses/${slug}`, level: 'MUST', quote, run: (t) => echoesId(t, id) }
}

/** The encoded request is answered, as if it had been written plainly. */
async function isAnswered(t: Context, write: (session: Session, id: string) => string | readonly Buffer[]): Promise<void> {
  const session = await t.connect()
  const id = 'wörld-世界-😀'
  const reply = await session.send(write(session, id), { id }, { headers: modernHeaders(t, session) })
  check(reply.message !== undefined, 'a response', `HTTP ${reply.status} without one`)
  checkEqual(reply.message.id, id, 'the id')
  checkServed(reply)
}

/** The headers that mirror the body, which cannot be derived from a body that is sent as text. */
function modernHeaders(t: Context, session: Session, method = LIST): Record<string, string | undefined> {
  return t.isModern && 'headers' in session ? { 'Mcp-Method': method } : {}
}

function listText(session: Session, id: string): string {
  return JSON.stringify(session.build(LIST, {}, id))
}

/** The bytes of a text, divided after each byte of a character that has several. */
function splitInCharacters(text: string): Buffer[] {
  const parts: Buffer[] = []
  let start = 0
  const bytes = Buffer.from(text)
  for (const [index, byte] of bytes.entries()) {
    if (byte < 0x80) continue
    parts.push(bytes.subarray(start, index + 1))
    start = index + 1
  }
  return [...parts, bytes.subarray(start)]
}

/** Nothing that comes in answer is a response. */
function checkNoResponse(reply: Reply, what: string): void {
  const response = reply.messages.find((message) => isResponse(message) && !isRefusal(message, reply.status))
  if (response !== undefined) fail(`no response to ${what}`, response)
}

/** Over Streamable HTTP the body of a 4xx MAY be an error object that has no id. */
function isRefusal(message: JsonObject, status: number): boolean {
  return status >= 400 && message.error !== undefined && (message.id === undefined || message.id === null)
}

/** A broken message never gets a result, and the target goes on answering. */
async function refused(t: Context, body: Json, method = LIST): Promise<Reply> {
  const session = await t.connect()
  const reply = await session.send(body, 'anything', { headers: modernHeaders(t, session, method) })
  const result = reply.messages.find((message) => isResponse(message) && message.result !== undefined)
  if (result !== undefined) fail('no result', result)
  check(reply.status < 500, 'a refusal that does not look like a fault of the server (below HTTP 500)', `HTTP ${reply.status}`)
  await session.alive()
  return reply
}

async function notAnswered(t: Context, method: string, params?: { [key: string]: Json }): Promise<void> {
  const session = await t.connect()
  checkNoResponse(await session.notify(method, params), `the notification ${method}`)
}

export const cases: Case[] = [
  idCase('string-id', 'a-string'),
  idCase('integer-id', 4711),
  idCase('zero-id', 0, 'Requests MUST include a string or integer ID: 0 is an integer, and the TypeScript SDK starts with it.'),
  idCase('negative-id', -7),
  idCase('largest-integer-id', Number.MAX_SAFE_INTEGER),
  idCase('empty-string-id', ''),
  idCase('numeric-string-id', '42', 'Responses MUST include the same ID: the string "42" is not the number 42.'),
  idCase('unicode-id', 'wörld-世界-😀'),
  idCase('escaped-id', 'quote " backslash \\ newline \n tab \t'),
  {
    id: 'basic/index/responses/long-unicode-id',
    once: true,
    level: 'MUST',
    quote: `${SAME_ID} Where a server divides its input or output, characters of several bytes stay whole.`,
    async run(t) {
      const session = await t.connect()
      let answered = 0
      // Wherever a boundary falls, one of three offsets puts it inside a character.
      for (const text of [20_000, 900].flatMap((length) =>
        ['', 'a', 'ab'].map((offset) => offset + '世界😀é'.repeat(length / 5)),
      )) {
        const { status, message } = await session.send(session.build(LIST, {}, text), { id: text })
        if (status >= 400 || message?.error !== undefined) continue
        check(message?.id === text, 'the same id', message ?? 'no response that can be read')
        answered += 1
      }
      if (answered === 0) t.skip('the server refuses ids of 900 characters')
    },
  },
  {
    id: 'basic/index/responses/bytes-are-utf-8',
    level: 'MUST',
    last: true,
    quote: 'JSON-RPC messages MUST be UTF-8 encoded. (2024-11-05: they are JSON, which is UTF-8 between systems, RFC 8259 §8.1.)',
    async run(t) {
      await traffic(t)
      const { notUtf8, streams } = t.observed
      const where = notUtf8[0] ?? streams.find((stream) => !stream.isUtf8)?.caseId
      if (where !== undefined) fail('valid UTF-8 in every body and on every stream', `bytes that are not, in ${where}`)
    },
  },
  {
    id: 'basic/index/responses/error-has-the-id',
    level: 'MUST',
    quote: 'Error responses MUST include the same ID as the request they correspond to.',
    async run(t) {
      const session = await t.connect()
      for (const id of ['e-1', 0]) {
        const { message } = await session.request(UNKNOWN_METHOD, {}, { id })
        if (message === undefined) return t.skip('an unknown method is refused without a JSON-RPC error')
      }
    },
  },
  {
    id: 'basic/index/responses/one-response-to-a-request',
    level: 'MUST',
    quote: `${JSON_RPC} (§4: the server MUST reply with one response to each request.)`,
    async run(t) {
      const session = await t.connect()
      const reply = await session.send(session.build(LIST, {}, 'once'), { id: 'once' }, { untilEnd: true })
      await session.alive()
      const all = await received(t, session, reply)
      checkEqual(all.filter((message) => isResponse(message) && message.id === 'once').length, 1, 'number of responses')
    },
  },
  {
    id: 'basic/index/responses/many-requests-at-once',
    level: 'MUST',
    quote:
      'Responses MUST include the same ID as the request they correspond to, also when twenty requests are under way at once.',
    async run(t) {
      const session = await t.connect()
      const ids = Array.from({ length: 20 }, (_, index) => `parallel-${index}`)
      const replies = await Promise.all(ids.map((id) => session.request(LIST, {}, { id })))
      for (const [index, reply] of replies.entries()) {
        checkServed(reply, `a result for ${ids[index]}`)
      }
    },
  },
  {
    id: 'basic/index/responses/sessions-do-not-mix',
    level: 'MUST',
    quote:
      'Responses MUST include the same ID as the request they correspond to: a client never sees the response to another client.',
    async run(t) {
      const sessions = await Promise.all(Array.from({ length: 6 }, () => t.connect()))
      await Promise.all(
        sessions.map(async (session, index) => {
          for (let round = 0; round < 3; round += 1) await session.request(LIST, {}, { id: `client-${index}-${round}` })
        }),
      )
      await t.pause(LIMITS.graceMs)
      for (const [index, session] of sessions.entries()) {
        if (!(session instanceof SseSession)) continue
        const foreign = session.inbox.find(
          (message) =>
            isResponse(message) && String(message.id).startsWith('client-') && !String(message.id).startsWith(`client-${index}-`),
        )
        if (foreign !== undefined) fail(`only responses to client ${index}`, foreign)
      }
    },
  },
  {
    id: 'basic/index/responses/unknown-method',
    level: 'MUST',
    quote: `${JSON_RPC} (§5.1: -32601, the method does not exist.)`,
    until: '2025-11-25',
    run: async (t) => void checkError(await (await t.connect()).request(UNKNOWN_METHOD, {}), -32601),
  },
  {
    id: 'basic/index/responses/method-names-are-case-sensitive',
    level: 'MUST',
    quote: `${JSON_RPC} (§4: method is a string containing the name of the method; Tools/List is another one.)`,
    async run(t) {
      const session = await t.connect()
      const { message } = await session.request('Tools/List', {})
      if (message?.result !== undefined) fail('no result', message)
    },
  },
  {
    id: 'basic/index/requests/params-may-be-absent',
    level: 'MUST',
    until: '2025-11-25',
    quote:
      'A request is { jsonrpc, id, method, params? }: params is optional where the method needs none (LiteLLM and the Python SDK omit it).',
    run: (t) => ask(t, LIST),
  },
  {
    id: 'basic/index/requests/unknown-meta-is-ignored',
    level: 'MUST',
    quote:
      '_meta allows clients to attach additional metadata; implementations MUST NOT make assumptions about values at unknown keys.',
    run: (t) => ask(t, LIST, { _meta: { 'com.example/trace': { deep: [1, 'two', null] }, 'example.org/x': 'y' } }),
  },
  {
    id: 'basic/index/requests/unknown-params-are-ignored',
    level: 'SHOULD',
    quote: 'params is { [key: string]: unknown }: members of later revisions do not make a request invalid.',
    run: (t) => ask(t, LIST, { 'x-conformance-extra': { a: 1 } }),
  },
  {
    id: 'basic/index/requests/null-id-is-no-request',
    // The sentence binds the client that sends the request; what a server does with a broken one is not said.
    level: 'SHOULD',
    quote: 'Unlike base JSON-RPC, the ID MUST NOT be null: a response with a result never carries it.',
    async run(t) {
      const session = await t.connect()
      const reply = await session.send(session.build(LIST, {}, null), 'anything')
      const result = reply.messages.find((message) => isResponse(message) && message.id === null && message.result !== undefined)
      if (result !== undefined) fail('no result under the id null', result)
    },
  },
  {
    id: 'basic/index/requests/object-id-is-refused',
    level: 'SHOULD',
    quote: 'Requests MUST include a string or integer ID: an object is neither.',
    run: async (t) => refused(t, (await t.begin()).build(LIST, {}, { a: 1 })),
  },
  {
    id: 'basic/index/requests/members-in-any-order',
    level: 'MUST',
    quote: `${JSON_RPC} (§4: a message is a JSON object, whose members have no order.)`,
    run: (t) =>
      isAnswered(t, (session, id) => {
        const { jsonrpc, id: _, method, params } = session.build(LIST, {}, id)
        return JSON.stringify({ params, method, id, jsonrpc })
      }),
  },
  {
    id: 'basic/index/requests/insignificant-whitespace',
    level: 'MUST',
    quote: `${JSON_RPC} (Messages are JSON; RFC 8259 §2 allows whitespace around any token.)`,
    run: (t) => isAnswered(t, (session, id) => `\r\n\t ${JSON.stringify(JSON.parse(listText(session, id)), null, '\t')}\n\n`),
  },
  {
    id: 'basic/index/requests/escaped-characters',
    level: 'MUST',
    quote: `${JSON_RPC} (Messages are JSON; RFC 8259 §7 allows any character as \\uXXXX, outside the basic plane as a surrogate pair.)`,
    run: (t) =>
      isAnswered(t, (session, id) =>
        listText(session, id).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
      ),
  },
  {
    id: 'basic/index/requests/characters-split-across-chunks',
    level: 'MUST',
    quote: 'JSON-RPC messages MUST be UTF-8 encoded: where the network divides the bytes of a character means nothing.',
    run: (t) => isAnswered(t, (session, id) => splitInCharacters(listText(session, id))),
  },
  {
    id: 'basic/index/responses/malformed-json',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§5.1: -32700, invalid JSON was received.)`,
    async run(t) {
      const reply = await refused(t, '{"jsonrpc": "2.0", "id": 1, "method": "tools/list", ' as Json)
      const error = errorIn(reply.messages)
      if (error !== undefined) checkEqual(error.code, -32700, 'the error code')
      else check(reply.status >= 400, 'an error response or HTTP 4xx', `HTTP ${reply.status} and nothing more`)
    },
  },
  {
    id: 'basic/index/responses/not-a-message',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§5.1: -32600, the JSON sent is not a valid request.)`,
    async run(t) {
      for (const body of ['42', '"text"', 'null', 'true', '{}'] as Json[]) await refused(t, body)
    },
  },
  {
    id: 'basic/index/responses/invalid-request-code',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§5.1: -32600, the JSON sent is not a valid request object.)`,
    async run(t) {
      const reply = await refused(t, { ...(await t.begin()).build(LIST, {}, 'no-version'), jsonrpc: '1.0' })
      const error = errorIn(reply.messages)
      if (error === undefined) return t.skip('refused without a JSON-RPC error')
      checkEqual(error.code, -32600, 'the error code')
    },
  },
  {
    id: 'basic/index/requests/jsonrpc-must-be-2-0',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§4: jsonrpc MUST be exactly "2.0".)`,
    async run(t) {
      const message = (await t.begin()).build(LIST, {}, 'v')
      await refused(t, { ...message, jsonrpc: '1.0' })
      const { jsonrpc: _, ...without } = message
      await refused(t, without)
    },
  },
  {
    id: 'basic/index/requests/method-must-be-a-string',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§4: method is a string.)`,
    run: async (t) => refused(t, { ...(await t.begin()).build(LIST, {}, 'm'), method: 5 }),
  },
  {
    id: 'basic/index/requests/params-must-be-structured',
    level: 'SHOULD',
    quote: `${JSON_RPC} (§4.2: params MUST be a structured value.)`,
    run: async (t) => refused(t, { ...(await t.begin()).build(LIST, {}, 'p'), params: 'text' }),
  },
  {
    id: 'basic/index/notifications/unknown-is-not-answered',
    level: 'MUST',
    quote: NO_REPLY,
    run: (t) => notAnswered(t, 'notifications/conformance/unknown', { a: 1 }),
  },
  {
    id: 'basic/index/notifications/request-method-without-id-is-not-answered',
    level: 'MUST',
    quote: `${NO_REPLY} (Without an id, tools/list is a notification.)`,
    run: (t) => notAnswered(t, LIST, {}),
  },
  {
    id: 'basic/index/notifications/malformed-is-not-answered',
    level: 'MUST',
    until: '2025-11-25',
    quote: NO_REPLY,
    async run(t) {
      const session = await t.connect()
      const reply = await session.notify('notifications/progress', { progressToken: { no: 'token' } })
      checkNoResponse(reply, 'a malformed notification')
      await session.alive()
    },
  },
  {
    id: 'basic/index/notifications/initialized-is-not-answered',
    level: 'MUST',
    until: '2025-11-25',
    quote: NO_REPLY,
    run: async (t) => checkNoResponse(await initialized(t), 'notifications/initialized'),
  },
  {
    id: 'basic/index/responses/a-response-is-not-answered',
    level: 'MUST',
    until: '2025-11-25',
    quote: `${JSON_RPC} (§5: only requests are answered; a response with an id nobody asked for is not one.)`,
    async run(t) {
      const session = await t.connect()
      const reply = await session.send({ jsonrpc: '2.0', id: 'nobody-asked', result: {} }, 'anything')
      checkNoResponse(reply, 'a response')
      await session.alive()
    },
  },
]
