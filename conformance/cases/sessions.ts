// Several requests, sessions and connections at once: every answer reaches the one who asked, and nobody else.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Reply, Session } from '../client/session.ts'
import { HttpSession } from '../client/session-http.ts'
import { SseSession } from '../client/session-sse.ts'
import { Connection } from '../client/target.ts'
import { check, checkEqual, fail, isObject, isResponse, type JsonObject, parse } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { call, checkServed, inBackground, LIST, progressOf, succeeded, UNKNOWN_METHOD, UNKNOWN_TOOL } from '../steps.ts'

const SAME_ID = 'Responses MUST include the same ID as the request they correspond to'
const EVERY_REQUEST = 'All messages MUST follow the JSON-RPC 2.0 specification. (§5: the server MUST reply to each request.)'

/** The method that every server of the revision answers with neither tools nor content. */
const plainMethod = (t: Context): string => (t.isModern ? 'server/discover' : 'ping')

const hasTools = ({ facts }: Context): boolean => facts.capabilities.tools !== undefined || facts.tools.length > 0

function checkPlain(result: JsonObject): void {
  check(
    result.tools === undefined && result.content === undefined,
    'the result of another method than tools/list and tools/call',
    result,
  )
}

async function checkList(session: Session, options = {}): Promise<unknown[]> {
  const { tools } = await session.result(LIST, {}, options)
  check(Array.isArray(tools), 'a result of tools/list', tools)
  return tools.map((tool) => (isObject(tool) ? tool.name : tool))
}

/** Two rounds of everything a session is for; each request has the outcome it had when the target was learned. */
async function exercise(t: Context, session: Session): Promise<unknown[]> {
  let names: unknown[] = []
  const { callable, progressing } = t.facts
  for (let round = 0; round < 2; round += 1) {
    names = hasTools(t) ? await checkList(session) : []
    checkPlain(await session.result(plainMethod(t), {}))
    checkNoResult(await session.request(UNKNOWN_METHOD, {}))
    if (callable !== undefined && !callable.isError) checkSucceeds(await call(t, session))
    if (progressing === undefined) continue
    const reply = await call(t, session, { tool: progressing, token: `round-${round}` })
    check(progressOf(reply.messages).length > 0, 'progress in every round', reply.messages)
  }
  return names
}

/** How an unknown method is refused is for other cases. */
function checkNoResult({ message }: Reply): void {
  if (message?.result !== undefined) fail('no result for an unknown method', message)
}

function checkSucceeds(reply: Reply): void {
  check(succeeded(reply), 'the call to succeed, as before', reply.message ?? `HTTP ${reply.status}`)
}

export const cases: Case[] = [
  {
    id: 'basic/index/responses/concurrent-answers-are-not-swapped',
    level: 'MUST',
    once: true,
    last: true,
    uses: ['echo-tool'],
    quote: `${SAME_ID}: with different requests under way at once, each gets its own result.`,
    async run(t) {
      const session = await t.connect()
      const { echo, callable } = t.facts
      const job = async (index: number): Promise<void> => {
        const texts = [`swap-${index}-a`, `swap-${index}-b`]
        const { callable: echoing, property } = echo ?? {}
        const calls = texts.map((text) =>
          echoing === undefined || property === undefined
            ? undefined
            : inBackground(call(t, session, { tool: echoing, args: { ...echoing.args, [property]: text } })),
        )
        const working =
          callable === undefined || callable.isError ? undefined : inBackground(call(t, session, { token: `swap-${index}` }))
        const [, plain, unknown, noTool] = await Promise.all([
          hasTools(t) ? checkList(session) : [],
          session.result(plainMethod(t), {}),
          session.request(UNKNOWN_METHOD, {}),
          session.request('tools/call', { name: UNKNOWN_TOOL, arguments: {} }),
        ])
        checkPlain(plain)
        checkNoResult(unknown)
        check(!succeeded(noTool), 'no success for an unknown tool', noTool.message)
        const worked = await working
        if (worked !== undefined) {
          checkSucceeds(worked)
          check(Array.isArray(checkServed(worked).content), 'a result of tools/call', worked.message)
        }
        for (const [at, reply] of (await Promise.all(calls)).entries()) {
          if (reply === undefined) continue
          const found = texts.filter((text) => JSON.stringify(reply.message).includes(text))
          checkEqual(found, [texts[at]], 'in the result, of the texts of two calls under way at once,')
        }
      }
      await Promise.all([0, 1, 2].map(job))
    },
  },
  {
    id: 'basic/index/responses/same-ids-in-two-sessions',
    level: 'MUST',
    once: true,
    quote: `${SAME_ID}: two clients that use the same ids and tokens at the same time each get their own answers.`,
    async run(t) {
      const [first, second] = await Promise.all([t.connect(), t.connect()])
      for (const id of ['same-1', 'same-2', 3]) {
        const [list, plain] = await Promise.all([
          first.result(hasTools(t) ? LIST : plainMethod(t), {}, { id }),
          second.result(plainMethod(t), {}, { id }),
        ])
        if (hasTools(t)) check(Array.isArray(list.tools), 'a result of tools/list', list)
        checkPlain(plain)
      }
      const tool = t.facts.progressing
      if (tool === undefined) return
      const replies = await Promise.all(
        [first, second].map((session) => call(t, session, { tool, token: 'same-token', id: 'same-call' })),
      )
      for (const reply of replies)
        check(progressOf(reply.messages).length > 0, 'progress for both of two calls with one token', reply.messages)
    },
  },
  {
    id: 'basic/index/responses/every-session-is-served',
    level: 'MUST',
    once: true,
    last: true,
    quote: `${EVERY_REQUEST} The second and third session, and the second round in each, are served as the first.`,
    async run(t) {
      const sessions: Session[] = []
      const lists: unknown[] = []
      for (let count = 0; count < 3; count += 1) {
        const session = await t.connect()
        sessions.push(session)
        lists.push(await exercise(t, session))
      }
      const [first, ...others] = sessions
      if (first instanceof SseSession) first.close()
      if (first instanceof HttpSession && first.sessionId !== undefined) await first.terminate()
      await Promise.all(others.map((session) => exercise(t, session)))
      checkEqual(lists.slice(1), [lists[0], lists[0]], 'the same tools in every session:')
    },
  },
  {
    id: 'basic/index/responses/reused-connection-is-served',
    level: 'MUST',
    once: true,
    last: true,
    quote: `${EVERY_REQUEST} This includes requests on a connection that carried others before (RFC 9112 §9.3).`,
    async run(t) {
      const [session, other] = [await t.connect(), await t.connect()]
      const connectionTo = (target: Session): Connection => new Connection(target instanceof SseSession ? target.endpoint : t.url)
      const connection = connectionTo(session)
      const shared = connectionTo(other)
      try {
        for (let round = 0; round < 3; round += 1) {
          const reply = await session.request(plainMethod(t), {}, { connection })
          checkPlain(checkServed(reply))
          if (reply.exchange.headers.connection === 'close') return t.skip('the server closes each connection')
          if (reply.exchange.isEventStream && !reply.ended) return t.skip('the server does not end the stream of an answer')
          if (hasTools(t)) await checkList(session, { connection })
          if (t.facts.callable?.isError === false) checkSucceeds(await call(t, session, { connection }))
          await other.result(plainMethod(t), {}, { connection: session instanceof SseSession ? shared : connection })
        }
      } finally {
        connection.close()
        shared.close()
      }
    },
  },
  {
    id: 'basic/index/notifications/other-sessions-hear-nothing',
    level: 'MUST',
    once: true,
    until: '2025-11-25',
    quote: 'Responses, progress and log messages belong to the session that caused them: another session never receives them.',
    async run(t) {
      const [idle, active] = [await t.connect(), await t.connect()]
      const stream = idle instanceof HttpSession && t.facts.hasGetStream ? (await idle.listen()).events() : undefined
      if (idle instanceof HttpSession && stream === undefined) return t.skip('a session without requests has no stream')
      if (t.facts.capabilities.logging !== undefined) {
        for (const session of [idle, active]) await session.request('logging/setLevel', { level: 'debug' })
      }
      const heard = (): unknown[] =>
        idle instanceof SseSession ? idle.inbox : (stream?.events.map(({ data }) => parse(data)) ?? [])
      await t.pause(LIMITS.graceMs)
      const before = heard().length
      await active.request(LIST, {}, { id: 'of-the-other' })
      for (const tool of new Set([t.facts.progressing, ...t.facts.callables]))
        if (tool !== undefined) await call(t, active, { tool, token: 'of-the-other' })
      await t.pause(LIMITS.lateMs)
      const strayed = heard()
        .slice(before)
        .find((message) => isResponse(message) || /progress$|message$/.test(String(isObject(message) && message.method)))
      if (strayed !== undefined) fail('silence for a session that did nothing', strayed)
    },
  },
]
