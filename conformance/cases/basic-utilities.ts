// Ping, cancellation and progress.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Session } from '../client/session.ts'
import { SseSession } from '../client/session-sse.ts'
import { check, checkEqual, fail, isObject, isResponse, type Json, type JsonObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { ask, call, checkServed, inBackground, LIST, progressOf } from '../steps.ts'

const base = { level: 'MUST', until: '2025-11-25' } as const
const cancelling = { ...base, once: true, needs: ['slow-tool'] } as const
const IGNORED =
  'Invalid cancellation notifications SHOULD be ignored: unknown request IDs, already completed requests, malformed notifications.'
const EVERY_REQUEST = 'All messages MUST follow the JSON-RPC 2.0 specification. (§5: the server MUST reply to each request.)'
const PROMPT_MS = 2_000
const RACE_MS = 300

async function ignored(t: Context, params: JsonObject | undefined): Promise<void> {
  const session = await t.connect()
  await session.request(LIST, {}, { id: 'finished' })
  const reply = await session.notify('notifications/cancelled', params)
  const response = reply.messages.find(isResponse)
  if (response !== undefined && !(reply.status >= 400 && response.error !== undefined)) fail('no response', response)
  check(reply.status < 500, 'a status below 500', `HTTP ${reply.status}`)
  await session.alive()
}

/** The answer to a slow call during which something is cancelled, in the same session unless another is given. */
async function cancelDuring(
  t: Context,
  id: Json,
  requestId: Json,
  { others = [], canceller, timeoutMs = t.timeoutMs }: { others?: Json[]; canceller?: Session; timeoutMs?: number } = {},
) {
  const tool = t.facts.slow ?? t.skip('no call is slow')
  const session = await t.connect()
  const started = performance.now()
  const running = inBackground(call(t, session, { tool, id, timeoutMs }))
  for (const other of others) inBackground(call(t, session, { tool, id: other, timeoutMs }))
  await t.pause(LIMITS.graceMs)
  await (canceller ?? session).notify('notifications/cancelled', { requestId, reason: 'conformance' })
  const reply = await running.catch(() => undefined)
  const isStream = reply === undefined || session instanceof SseSession || reply.exchange.isEventStream
  return { response: reply?.message, ms: performance.now() - started, isStream }
}

function checkUnharmed(response: JsonObject | undefined): void {
  check(isObject(response?.result), 'a result of the request that was not cancelled', response)
}

export const cases: Case[] = [
  {
    ...base,
    id: 'basic/utilities/ping/behavior-requirements/empty-response',
    quote: 'The receiver MUST respond promptly with an empty response.',
    async run(t) {
      const { _meta: _, ...result } = await ask(t, 'ping')
      checkEqual(result, {}, 'the result')
    },
  },
  {
    ...base,
    id: 'basic/utilities/ping/behavior-requirements/prompt-response',
    quote: `The receiver MUST respond promptly with an empty response (here: within ${PROMPT_MS} ms).`,
    async run(t) {
      const session = await t.connect()
      const started = performance.now()
      await session.result('ping')
      const ms = performance.now() - started
      check(ms < PROMPT_MS, `a response within ${PROMPT_MS} ms`, `${Math.round(ms)} ms`)
    },
  },
  {
    ...base,
    id: 'basic/utilities/ping/behavior-requirements/with-meta',
    quote: 'A ping may carry params._meta as any request may; the receiver MUST respond promptly with an empty response.',
    run: (t) => ask(t, 'ping', { _meta: { 'com.example/a': 1 } }),
  },
  {
    ...base,
    id: 'basic/utilities/ping/behavior-requirements/during-a-call',
    needs: ['slow-tool'],
    quote: 'The receiver MUST respond promptly with an empty response, also while a tool is running.',
    async run(t) {
      const session = await t.connect()
      // What starts with the first request of a session, such as a process, is not part of the call.
      await session.result('ping')
      const started = performance.now()
      let finished = 0
      const running = inBackground(
        call(t, session, { tool: t.facts.slow }).then((reply) => {
          finished = performance.now()
          return reply
        }),
      )
      await t.pause(20)
      await session.result('ping')
      const answered = performance.now()
      await running
      if (finished - started < LIMITS.slowMs) return t.skip('the call was not slow this time')
      check(answered < finished, 'the ping to be answered before the call ends', `${Math.round(answered - started)} ms`)
    },
  },
  {
    ...base,
    id: 'basic/utilities/cancellation/error-handling/unknown-id',
    level: 'SHOULD',
    quote: IGNORED,
    run: (t) => ignored(t, { requestId: 'never-issued', reason: 'conformance' }),
  },
  {
    ...base,
    id: 'basic/utilities/cancellation/error-handling/completed-id',
    level: 'SHOULD',
    quote: IGNORED,
    run: (t) => ignored(t, { requestId: 'finished' }),
  },
  {
    ...base,
    id: 'basic/utilities/cancellation/error-handling/malformed',
    level: 'SHOULD',
    quote: IGNORED,
    async run(t) {
      await ignored(t, undefined)
      await ignored(t, { requestId: { not: 'an id' } })
    },
  },
  {
    ...base,
    id: 'basic/utilities/cancellation/timing-considerations/race-with-the-response',
    quote: 'Both parties MUST handle these race conditions gracefully: a cancellation may arrive after processing has completed.',
    async run(t) {
      const session = await t.connect()
      await Promise.all(
        ['r-1', 'r-2', 'r-3'].flatMap((id) => [
          session.request(LIST, {}, { id, timeoutMs: RACE_MS }).catch(() => undefined), // a cancelled request need not be answered
          session.notify('notifications/cancelled', { requestId: id }),
        ]),
      )
      await session.alive()
    },
  },
  {
    ...cancelling,
    id: 'basic/utilities/cancellation/behavior-requirements/no-response-to-a-cancelled-request',
    level: 'SHOULD',
    quote: 'Receivers of cancellation notifications SHOULD stop processing and not send a response for the cancelled request.',
    async run(t) {
      const timeoutMs = (t.facts.slow?.ms ?? 0) + 2 * LIMITS.slowMs
      const { response, ms, isStream } = await cancelDuring(t, 'to-cancel', 'to-cancel', { timeoutMs })
      if (!isStream) return t.skip('the server answers with JSON, and must answer the POST somehow')
      if (response !== undefined && ms < LIMITS.slowMs) return t.skip('the call was not slow this time')
      if (response?.result !== undefined) fail('no response to the cancelled request', response)
    },
  },
  {
    ...cancelling,
    id: 'basic/utilities/cancellation/behavior-requirements/other-requests-go-on',
    quote: `${EVERY_REQUEST} A cancellation names one requestId: other requests are not cancelled with it.`,
    run: async (t) => checkUnharmed((await cancelDuring(t, 'goes-on', 'another', { others: ['another'] })).response),
  },
  {
    ...cancelling,
    id: 'basic/utilities/cancellation/behavior-requirements/ids-of-another-type-are-other-ids',
    quote: `${EVERY_REQUEST} requestId is a string or an integer: the string "77" is not the number 77.`,
    async run(t) {
      checkUnharmed((await cancelDuring(t, '77', 77)).response)
      checkUnharmed((await cancelDuring(t, 78, '78')).response)
    },
  },
  {
    ...cancelling,
    id: 'basic/utilities/cancellation/behavior-requirements/other-sessions-go-on',
    quote: `${EVERY_REQUEST} A cancellation names a request of the same session: another session may have used the same id.`,
    async run(t) {
      const other = await t.connect()
      checkUnharmed((await cancelDuring(t, 'same-id', 'same-id', { canceller: other })).response)
    },
  },
  {
    id: 'basic/utilities/progress/progress-flow/token-does-not-hinder',
    level: 'MUST',
    needs: ['tool'],
    quote:
      'A request may include a progressToken, a string or integer; the receiver MAY choose not to send any progress notifications.',
    async run(t) {
      const session = await t.connect()
      for (const token of ['token', 0]) {
        checkServed(await call(t, session, { token }), `a result with the token ${JSON.stringify(token)}`)
      }
    },
  },
  {
    id: 'basic/utilities/progress/progress-flow/token-is-the-request-s',
    level: 'MUST',
    needs: ['progress-tool'],
    quote:
      'Progress notifications MUST only reference tokens that were provided in an active request: the same string, or the same integer.',
    async run(t) {
      for (const token of ['a-string-token', 99, '99']) {
        const session = await t.connect()
        const seen = progressOf((await call(t, session, { tool: t.facts.progressing, token })).messages)
        check(seen.length > 0, 'a progress notification', 'none')
        for (const params of seen) checkEqual(params.progressToken, token, 'the token')
      }
    },
  },
  {
    id: 'basic/utilities/progress/progress-flow/progress-increases',
    level: 'MUST',
    needs: ['progress-tool'],
    quote: 'The progress value MUST increase with each notification, even if the total is unknown.',
    async run(t) {
      const values = progressOf(
        (await call(t, await t.connect(), { tool: t.facts.progressing, token: 'increasing' })).messages,
      ).map((params) => Number(params.progress))
      check(
        values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0)),
        'increasing values',
        values,
      )
    },
  },
  {
    id: 'basic/utilities/progress/behavior-requirements/none-without-a-token',
    level: 'MUST',
    needs: ['progress-tool'],
    quote:
      'Progress notifications MUST only reference tokens that were provided in an active request: without a token there are none.',
    async run(t) {
      const seen = progressOf((await call(t, await t.connect(), { tool: t.facts.progressing })).messages)
      checkEqual(seen, [], 'progress notifications')
    },
  },
  {
    id: 'basic/utilities/progress/implementation-notes/stops-after-completion',
    level: 'MUST',
    needs: ['progress-tool'],
    transport: 'sse',
    quote: 'Progress notifications MUST stop after completion.',
    async run(t) {
      const session = await t.connectSse()
      await call(t, session, { tool: t.facts.progressing, token: 'stops', id: 'call' })
      await t.pause(LIMITS.lateMs)
      const end = session.inbox.findIndex((message) => isResponse(message) && message.id === 'call')
      const late = progressOf(session.inbox.slice(end))
      if (late.length > 0) fail('no progress after the response', late[0])
    },
  },
]
