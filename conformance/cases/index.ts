// Every case, in the order in which they run: the transport before what travels on it.
import type { Case } from '../case.ts'
import { cases as batching } from './basic-batching.ts'
import { cases as messages } from './basic-index.ts'
import { cases as modernMessages } from './basic-index-modern.ts'
import { cases as lifecycle } from './basic-lifecycle.ts'
import { cases as utilities } from './basic-utilities.ts'
import { cases as everyMessage } from './every-message.ts'
import { cases as interop } from './interop.ts'
import { cases as interopHttp } from './interop-http.ts'
import { cases as interopSse } from './interop-sse.ts'
import { cases as interopSseFraming } from './interop-sse-framing.ts'
import { cases as logging } from './server-logging.ts'
import { cases as pagination } from './server-pagination.ts'
import { cases as tools } from './server-tools.ts'
import { cases as sessions } from './sessions.ts'
import { cases as streamableHttp } from './streamable-http.ts'
import { cases as survival } from './survival.ts'
import { cases as http } from './transports-http.ts'
import { cases as httpSession } from './transports-http-session.ts'
import { cases as sse } from './transports-sse.ts'
import { cases as versioning } from './versioning.ts'

export const CASES: readonly Case[] = [
  ...sse,
  ...http,
  ...httpSession,
  ...streamableHttp,
  ...modernMessages,
  ...lifecycle,
  ...versioning,
  ...messages,
  ...batching,
  ...utilities,
  ...sessions,
  ...tools,
  ...pagination,
  ...logging,
  ...interop,
  ...interopSse,
  ...interopSseFraming,
  ...interopHttp,
  ...everyMessage,
  ...survival,
]
