// Batches: to be received in 2025-03-26, gone since 2025-06-18.
import type { Case } from '../case.ts'
import { initializeParams } from '../client/context.ts'
import type { Session } from '../client/session.ts'
import { check, checkEqual, fail, isResponse, type JsonObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { errorIn, in4xx } from '../steps.ts'

const RECEIVE = 'MCP implementations MAY support sending JSON-RPC batches, but MUST support receiving JSON-RPC batches.'
// Over HTTP+SSE, which that revision replaced, nobody says what a batch is.
const only = { transport: 'http', since: '2025-03-26', until: '2025-03-26' } as const

/** A notification that every server knows, and ignores since nothing has this id. */
function cancelled(session: Session): JsonObject {
  return session.build('notifications/cancelled', { requestId: 'never-issued' }, undefined)
}

export const cases: Case[] = [
  {
    id: 'basic/index/batching/every-request-is-answered',
    level: 'MUST',
    ...only,
    quote: RECEIVE,
    async run(t) {
      const session = await t.connect()
      const batch = ['first', 'second'].map((id) => session.build('ping', {}, id))
      const reply = await session.send(batch, { id: 'second' }, { responses: 2 })
      await t.pause(LIMITS.graceMs)
      const ids = reply.messages.filter(isResponse).map((message) => message.id)
      checkEqual([...ids].sort(), ['first', 'second'], 'the ids of the responses')
    },
  },
  {
    id: 'basic/index/batching/notifications-in-it-are-not-answered',
    level: 'MUST',
    ...only,
    quote: `${RECEIVE} (JSON-RPC 2.0 §6: no response object for notifications.)`,
    async run(t) {
      const session = await t.connect()
      const batch = [cancelled(session), session.build('ping', {}, 'only'), cancelled(session)]
      const reply = await session.send(batch, { id: 'only' })
      checkEqual(
        reply.messages.filter(isResponse).map((message) => message.id),
        ['only'],
        'the ids of the responses',
      )
    },
  },
  {
    id: 'basic/index/batching/only-notifications-get-nothing',
    level: 'MUST',
    ...only,
    quote: `${RECEIVE} (For notifications only, the server MUST return 202 Accepted with no body; JSON-RPC 2.0 §6: no response objects at all.)`,
    async run(t) {
      const session = await t.connect()
      const reply = await session.send([cancelled(session), cancelled(session)], 'anything')
      const response = reply.messages.find(isResponse)
      if (response !== undefined) fail('no response', response)
      checkEqual(reply.status, 202, 'the status')
    },
  },
  {
    id: 'basic/index/batching/empty-batch-is-refused',
    level: 'SHOULD',
    ...only,
    quote: `${RECEIVE} (JSON-RPC 2.0 §6: an empty array is an invalid request.)`,
    async run(t) {
      const session = await t.connect()
      const reply = await session.send('[]', 'anything')
      check(errorIn(reply.messages) !== undefined || in4xx(reply), 'an error or HTTP 4xx', `HTTP ${reply.status}`)
      await session.alive()
    },
  },
  {
    id: 'basic/index/batching/one-broken-message-does-not-spoil-the-rest',
    level: 'SHOULD',
    ...only,
    quote: `${RECEIVE} (JSON-RPC 2.0 §6: each invalid member is answered with an error of its own.)`,
    async run(t) {
      const session = await t.connect()
      const reply = await session.send([1, session.build('ping', {}, 'good')], { id: 'good' })
      check(
        reply.messages.some((message) => isResponse(message) && message.id === 'good'),
        'a response to the valid request of the batch',
        reply.messages,
      )
    },
  },
  {
    id: 'basic/lifecycle/initialization/not-in-a-batch',
    level: 'SHOULD',
    ...only,
    quote: 'The initialize request MUST NOT be part of a JSON-RPC batch (so a server has no reason to serve one).',
    async run(t) {
      const session = await t.begin()
      const initialize = session.build('initialize', initializeParams(t.revision), 'i')
      const reply = await session.send([initialize, session.build('ping', {}, 'p')], 'anything')
      const result = reply.messages.find((message) => isResponse(message) && message.id === 'i' && message.result !== undefined)
      if (result !== undefined) fail('initialize in a batch to be refused', result)
    },
  },
  {
    id: 'basic/transports/sending-messages-to-the-server/no-batches',
    level: 'SHOULD',
    since: '2025-06-18',
    transport: 'http',
    until: '2025-11-25',
    quote: 'The body of the POST request MUST be a single JSON-RPC request, notification, or response.',
    async run(t) {
      const session = await t.connect()
      const reply = await session.send([session.build('ping', {}, 'a'), session.build('ping', {}, 'b')], 'anything')
      check(in4xx(reply), 'HTTP 4xx', `HTTP ${reply.status}`)
    },
  },
]
