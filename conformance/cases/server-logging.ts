// Logging, for servers that declare it.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { META } from '../client/session-http.ts'
import { SseSession } from '../client/session-sse.ts'
import { checkEqual, fail, isObject, type JsonObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { call, checkError, list, paramsOf, received, traffic } from '../steps.ts'
import { violation } from '../wire-schema.ts'

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

/** The log messages that came, and whether their requests asked for them. */
function logged({ observed }: Context): { message: JsonObject; asksForLogs: boolean }[] {
  return observed.messages.flatMap(({ message, asksForLogs }) =>
    isObject(message) && message.method === 'notifications/message' ? [{ message, asksForLogs }] : [],
  )
}

export const cases: Case[] = [
  {
    id: 'server/utilities/logging/setting-log-level/every-level-is-accepted',
    level: 'MUST',
    until: '2025-11-25',
    needs: ['logging'],
    quote:
      'To configure the minimum log level, clients MAY send a logging/setLevel request (RFC 5424 levels); its result is empty.',
    async run(t) {
      const session = await t.connect()
      for (const level of LEVELS) {
        const { _meta: _, ...result } = await session.result('logging/setLevel', { level })
        checkEqual(result, {}, `the result for ${level}`)
      }
    },
  },
  {
    id: 'server/utilities/logging/setting-log-level/none-below-the-level',
    level: 'MUST',
    needs: ['logging', 'tool'],
    quote: 'logging/setLevel (since 2026-07-28: logLevel in _meta) configures the minimum log level: no message is below it.',
    async run(t) {
      const sessions = { error: await t.connect(), debug: await t.connect() }
      const below = async (level: 'error' | 'emergency'): Promise<void> => {
        const meta = t.isModern ? { [`${META}logLevel`]: level } : {}
        if (!t.isModern) await sessions.error.result('logging/setLevel', { level })
        const earlier = (await received(t, sessions.error)).length
        for (const tool of t.facts.callables) {
          const reply = await call(t, sessions.error, { tool, meta, untilEnd: LIMITS.lateMs })
          const messages = await received(t, sessions.error, reply)
          const low = paramsOf(messages.slice(sessions.error instanceof SseSession ? earlier : 0), 'notifications/message').find(
            (params) => LEVELS.indexOf(String(params.level)) < LEVELS.indexOf(level),
          )
          if (low !== undefined) fail(`no log message below ${level}`, { method: 'notifications/message', params: low })
        }
      }
      await below('error')
      // What another session asks for is its own business.
      if (!t.isModern) await sessions.debug.result('logging/setLevel', { level: 'debug' })
      await below('emergency')
    },
  },
  {
    id: 'server/utilities/logging/error-handling/invalid-level',
    level: 'SHOULD',
    until: '2025-11-25',
    needs: ['logging'],
    quote: 'Servers SHOULD return standard JSON-RPC errors: invalid log level: -32602 (Invalid params).',
    run: async (t) => checkError(await (await t.connect()).request('logging/setLevel', { level: 'loud' }), -32602),
  },
  {
    id: 'server/utilities/logging/error-handling/unrecognized-level-of-a-request',
    level: 'SHOULD',
    since: '2026-07-28',
    needs: ['logging'],
    quote:
      'If the logLevel in _meta is not a recognized level, the server SHOULD reject that request with -32602 (Invalid params).',
    run: async (t) => checkError(await list(t, { meta: { [`${META}logLevel`]: 'loud' } }), -32602),
  },
  {
    id: 'server/utilities/logging/capabilities/declared-when-used',
    level: 'MUST',
    last: true,
    quote: 'Servers that emit log message notifications MUST declare the logging capability.',
    async run(t) {
      await traffic(t)
      if (t.facts.capabilities.logging !== undefined) return
      const [seen] = logged(t)
      if (seen !== undefined) fail('no log message without the capability', seen.message)
    },
  },
  {
    id: 'server/utilities/logging/log-message-notifications/shape',
    level: 'MUST',
    last: true,
    quote: 'A log message has a level of RFC 5424 and data.',
    async run(t) {
      await traffic(t)
      const seen = logged(t)
      if (seen.length === 0) return t.skip('no log message was seen')
      for (const { message } of seen) {
        const problem = violation(t.revision, 'notifications/message', message.params)
        if (problem !== undefined) fail(`a log message (${problem})`, message)
      }
    },
  },
  {
    id: 'server/utilities/logging/per-request-log-level/none-unless-asked',
    level: 'MUST',
    since: '2026-07-28',
    last: true,
    quote: 'The server MUST NOT emit notifications/message for a request that does not include io.modelcontextprotocol/logLevel.',
    async run(t) {
      await traffic(t)
      const seen = logged(t).find(({ asksForLogs }) => !asksForLogs)
      if (seen !== undefined) fail('no log message', seen.message)
    },
  },
]
