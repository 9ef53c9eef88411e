// Cases over every message that the target sent during the whole run: its envelope and its shape in schema.ts.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Observation } from '../client/observations.ts'
import { isId } from '../client/session.ts'
import { META } from '../client/session-http.ts'
import { check, fail, isObject, isResponse, type JsonObject } from '../expect.ts'
import { traffic } from '../steps.ts'
import type { Level } from '../types.ts'
import { violation } from '../wire-schema.ts'

interface Rule extends Pick<Case, 'id' | 'quote' | 'since' | 'until' | 'needs' | 'transport'> {
  level?: Level
  /** What is wrong with a message; `undefined` when nothing is. What is not an object has no members. */
  problemOf: (message: JsonObject, observation: Observation, t: Context) => string | undefined
}

function rule({ level = 'MUST', problemOf, ...rest }: Rule): Case {
  return {
    ...rest,
    level,
    last: true,
    async run(t) {
      await traffic(t)
      check(t.observed.messages.length > 0, 'at least one message from the server', 'none')
      for (const observation of t.observed.messages) {
        if (observation.message === undefined) continue
        const problem = problemOf(isObject(observation.message) ? observation.message : {}, observation, t)
        if (problem !== undefined) fail(problem, observation.message)
      }
    },
  }
}

/** What should have come in place of the value, and where it differs; `undefined` when it has the shape of schema.ts. */
function misshapen(t: Context, what: string, definition: string, value: unknown): string | undefined {
  const problem = violation(t.revision, definition, value)
  return problem === undefined ? undefined : `${what} as in schema.ts (${problem})`
}

function shape(definition: string, id: string, quote: string, extra: Partial<Rule> = {}): Case {
  return rule({
    id,
    quote,
    ...extra,
    problemOf: (message, { method }, t) => {
      const { result } = message
      if (method !== definition || !isResponse(message) || !isObject(result)) return undefined
      if (result.resultType !== undefined && result.resultType !== 'complete') return undefined
      return misshapen(t, `a result of ${definition}`, definition, result)
    },
  })
}

const LABEL = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const META_KEY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*/)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)

const RESERVED = new Set([-32020, -32021, -32022])

/** The code of an error that answers a whole request: what answers a broken one may be of another era. */
function errorCode({ error }: JsonObject, { method }: Observation): number | undefined {
  return method !== undefined && isObject(error) && typeof error.code === 'number' ? error.code : undefined
}

export const cases: Case[] = [
  rule({
    id: 'basic/index/messages/jsonrpc-2-0',
    quote: 'All messages MUST follow the JSON-RPC 2.0 specification: jsonrpc is exactly "2.0".',
    problemOf: ({ jsonrpc }) => (jsonrpc === '2.0' ? undefined : 'a message with jsonrpc "2.0"'),
  }),
  rule({
    id: 'basic/index/messages/one-of-three-kinds',
    quote: 'The protocol defines requests, responses and notifications: a message has a method, or a result, or an error.',
    problemOf: (message) => {
      const kinds = ['method', 'result', 'error'].filter((name) => message[name] !== undefined)
      return kinds.length === 1 ? undefined : 'exactly one of method, result and error'
    },
  }),
  rule({
    id: 'basic/index/responses/result-or-error',
    quote: 'Either a result or an error MUST be set. A response MUST NOT set both.',
    problemOf: (message) =>
      'method' in message || 'result' in message !== 'error' in message ? undefined : 'either a result or an error',
  }),
  rule({
    id: 'basic/index/responses/result-is-an-object',
    quote: 'result: { [key: string]: unknown }',
    problemOf: (message) => ('result' in message && !isObject(message.result) ? 'a result that is an object' : undefined),
  }),
  rule({
    id: 'basic/index/responses/result-has-a-valid-id',
    quote: 'id: string | number; the ID MUST NOT be null.',
    // The echo of an illegal id that the suite itself sent says nothing about the server.
    problemOf: (message, { answers }) =>
      'result' in message && !isId(message.id) && answers !== 'an illegal id'
        ? 'an id that is a string or an integer'
        : undefined,
  }),
  rule({
    id: 'basic/index/responses/answered-once',
    quote: 'All messages MUST follow the JSON-RPC 2.0 specification. (§5: one response to a request.)',
    problemOf: (_, { answers }) => (answers === 'it again' ? 'one response to each request, not a second one' : undefined),
  }),
  rule({
    id: 'basic/index/responses/only-to-requests-of-this-session',
    quote: 'Responses MUST include the same ID as the request they correspond to: no response with an id that was not sent here.',
    problemOf: (message, { answers, status }) =>
      answers === 'another request' && ('result' in message || status < 400)
        ? 'responses to requests that were sent on this session and stream'
        : undefined,
  }),
  rule({
    id: 'basic/index/responses/error-code-is-an-integer',
    quote: 'Error codes MUST be integers.',
    problemOf: ({ error }) => (isObject(error) && !Number.isInteger(error.code) ? 'an integer error code' : undefined),
  }),
  rule({
    id: 'basic/index/responses/error-has-a-message',
    quote: 'Errors MUST include an error code and message at minimum.',
    problemOf: (message) =>
      !('error' in message) || (isObject(message.error) && typeof message.error.message === 'string')
        ? undefined
        : 'an error object with a message',
  }),
  rule({
    id: 'basic/index/notifications/no-id',
    quote: 'Notifications MUST NOT include an ID.',
    problemOf: (message) =>
      String(message.method).startsWith('notifications/') && 'id' in message ? 'a notification without id' : undefined,
  }),
  rule({
    id: 'basic/index/notifications/shape',
    quote: 'A notification is { jsonrpc, method, params? } with params an object.',
    problemOf: (message, _, t) =>
      message.method === undefined || 'id' in message ? undefined : misshapen(t, 'a notification', 'notification', message),
  }),
  rule({
    id: 'basic/index/requests/server-requests-have-a-valid-id',
    until: '2025-11-25',
    quote: 'Requests MUST include a string or integer ID. The ID MUST NOT be null.',
    problemOf: (message, _, t) =>
      message.method === undefined || !('id' in message) || String(message.method).startsWith('notifications/')
        ? undefined
        : misshapen(t, 'a request', 'request', message),
  }),
  rule({
    id: 'basic/lifecycle/operation/only-negotiated-capabilities',
    level: 'MUST',
    since: '2025-06-18',
    until: '2025-11-25',
    quote: 'Both parties MUST only use capabilities that were successfully negotiated: this client declared none.',
    problemOf: unnegotiated,
  }),
  rule({
    id: 'basic/lifecycle/operation/only-negotiated-capabilities-then',
    level: 'SHOULD',
    until: '2025-03-26',
    quote: 'Both parties SHOULD only use capabilities that were successfully negotiated: this client declared none.',
    problemOf: unnegotiated,
  }),
  rule({
    id: 'basic/lifecycle/operation/only-declared-capabilities',
    since: '2025-06-18',
    until: '2025-11-25',
    quote: 'Both parties MUST only use capabilities that were successfully negotiated: this server did not declare this one.',
    problemOf: undeclared,
  }),
  rule({
    id: 'basic/lifecycle/operation/only-declared-capabilities-then',
    level: 'SHOULD',
    until: '2025-03-26',
    quote: 'Both parties SHOULD only use capabilities that were successfully negotiated: this server did not declare this one.',
    problemOf: undeclared,
  }),
  rule({
    id: 'basic/transports/sending-messages-to-the-server/messages-relate-to-the-request',
    level: 'SHOULD',
    since: '2025-03-26',
    until: '2025-11-25',
    transport: 'http',
    quote: 'Messages before the response on the stream of a request SHOULD relate to that request: no progress of another one.',
    problemOf: (_, { progress }) => (progress?.ofAnother ? 'progress of the request whose stream it is' : undefined),
  }),
  rule({
    id: 'server/tools/image-content/data-is-an-image',
    needs: ['tool'],
    quote:
      'ImageContent: data is the base64-encoded image data, mimeType the MIME type of the image: the data begins as such a file does.',
    problemOf: ({ result }) => {
      const blocks = isObject(result) && Array.isArray(result.content) ? result.content.filter(isObject) : []
      return blocks.map(imageProblem).find((problem) => problem !== undefined)
    },
  }),
  rule({
    id: 'basic/utilities/progress/behavior-requirements/only-active-tokens',
    quote: 'Progress notifications MUST only reference tokens that were provided in an active request.',
    problemOf: (_, { progress }) =>
      progress === undefined || progress.known ? undefined : 'a progress token that a request provided',
  }),
  rule({
    id: 'basic/utilities/progress/implementation-notes/none-after-the-response',
    quote: 'Progress notifications MUST stop after completion.',
    problemOf: (_, { progress }) =>
      progress === undefined || !progress.known || progress.active ? undefined : 'no progress after the response',
  }),
  rule({
    id: 'basic/utilities/progress/progress-flow/shape',
    quote:
      'A progress notification has progressToken (string or integer), progress (number), and optionally total (number) and message.',
    problemOf: ({ method, params }, _, t) =>
      method === 'notifications/progress' ? misshapen(t, 'progress params', method, params) : undefined,
  }),
  shape(
    'initialize',
    'basic/lifecycle/initialization/result-shape',
    'InitializeResult of schema.ts, capabilities and serverInfo included.',
    {
      until: '2025-11-25',
    },
  ),
  shape('ping', 'basic/utilities/ping/behavior-requirements/result-shape', 'EmptyResult of schema.ts.', { until: '2025-11-25' }),
  shape(
    'tools/list',
    'server/tools/listing-tools/result-shape',
    'ListToolsResult of schema.ts; optional members are absent, never null.',
    {
      needs: ['tools'],
    },
  ),
  shape(
    'tools/call',
    'server/tools/calling-tools/result-shape',
    'CallToolResult of schema.ts: content is a list of blocks this revision has.',
    {
      needs: ['tool'],
    },
  ),
  shape('server/discover', 'server/discover/discoverresult/result-shape', 'DiscoverResult of schema.ts.', {
    since: '2026-07-28',
  }),
  rule({
    id: 'basic/index/_meta/key-names',
    since: '2025-06-18',
    quote:
      'A _meta key is an optional prefix (labels separated by dots, then a slash) and a name that begins and ends alphanumeric.',
    problemOf: (message) => {
      const bad = metaKeys(message).find((key) => !META_KEY.test(key))
      return bad === undefined ? undefined : `_meta keys of the form prefix/name, not ${JSON.stringify(bad)}`
    },
  }),
  rule({
    id: 'basic/index/result-responses/result-type',
    since: '2026-07-28',
    quote: 'The result MUST include a resultType field to indicate the type of the result.',
    problemOf: ({ result }) =>
      isObject(result) && typeof result.resultType !== 'string' ? 'a result with resultType' : undefined,
  }),
  rule({
    id: 'basic/index/resulttype/known-type',
    since: '2026-07-28',
    quote: 'The set of ResultType values is that of the core protocol and of supported extensions (this client declares none).',
    problemOf: ({ result }) => {
      const isKnown =
        !isObject(result) || typeof result.resultType !== 'string' || /^(complete|input_required)$/.test(result.resultType)
      return isKnown ? undefined : 'resultType "complete" or "input_required"'
    },
  }),
  rule({
    id: 'basic/patterns/mrtr/server-requirements-basic-workflow/no-input-of-undeclared-capabilities',
    since: '2026-07-28',
    quote:
      'A server MUST NOT rely on capabilities the client has not declared: no input requests to a client that declares none.',
    problemOf: ({ result }) =>
      isObject(result) && isObject(result.inputRequests) && Object.keys(result.inputRequests).length > 0
        ? 'no input requests'
        : undefined,
  }),
  rule({
    id: 'basic/index/_meta/server-info',
    level: 'SHOULD',
    since: '2026-07-28',
    quote: "Servers SHOULD include io.modelcontextprotocol/serverInfo in every result's _meta.",
    problemOf: ({ result }) => {
      if (!isObject(result)) return undefined
      const info = isObject(result._meta) ? result._meta[`${META}serverInfo`] : undefined
      return isObject(info) && typeof info.name === 'string' && typeof info.version === 'string'
        ? undefined
        : 'serverInfo in _meta'
    },
  }),
  rule({
    id: 'basic/index/error-codes/only-defined-codes-of-the-reserved-range',
    since: '2026-07-28',
    quote: 'Implementations MUST NOT emit any code from -32020 to -32099 that is not defined by this specification.',
    problemOf: (message, observation) => {
      const code = errorCode(message, observation) ?? 0
      return code <= -32020 && code >= -32099 && !RESERVED.has(code) && code !== -32042 ? 'a defined code' : undefined
    },
  }),
  rule({
    id: 'basic/index/error-codes/no-retired-codes',
    since: '2026-07-28',
    quote: 'Implementations of this protocol version MUST NOT emit -32002 and -32042.',
    problemOf: (message, observation) => {
      const code = errorCode(message, observation)
      return code === -32002 || code === -32042 ? 'another code than -32002 and -32042' : undefined
    },
  }),
  rule({
    id: 'basic/index/error-codes/no-codes-of-the-legacy-range',
    level: 'SHOULD',
    since: '2026-07-28',
    quote: 'New implementations SHOULD NOT use codes from -32000 to -32019 at all.',
    problemOf: (message, observation) => {
      const code = errorCode(message, observation) ?? 0
      return code <= -32000 && code >= -32019 && code !== -32002 ? 'no code from -32000 to -32019' : undefined
    },
  }),
  rule({
    id: 'basic/patterns/index/overview/servers-do-not-request',
    since: '2026-07-28',
    quote: 'Servers MUST NOT initiate JSON-RPC requests.',
    problemOf: ({ method, id }) => (method !== undefined && id !== undefined ? 'no request from the server' : undefined),
  }),
  rule({
    id: 'basic/patterns/cancellation/overview/servers-do-not-cancel',
    since: '2026-07-28',
    quote: 'Servers MUST NOT send notifications/cancelled for any purpose but to end a subscription.',
    problemOf: (message, { method }) =>
      message.method === 'notifications/cancelled' && method !== 'subscriptions/listen' ? 'no cancellation' : undefined,
  }),
  rule({
    id: 'basic/transports/streamable-http/receiving-messages/related-notifications-only',
    since: '2026-07-28',
    quote:
      'Notifications before the final response MUST relate to the originating request: no list changes on the stream of a call.',
    problemOf: (message, { method, progress }) => {
      if (progress?.ofAnother) return 'progress of the request whose stream it is'
      const isChange = /list_changed$|resources\/updated$/.test(String(message.method))
      return isChange && method !== 'subscriptions/listen' ? 'no change notification on this stream' : undefined
    },
  }),
]

/** Of the result, and of each tool and content block in it. */
function metaKeys(message: JsonObject): string[] {
  const result = isObject(message.result) ? message.result : {}
  const parts = [result, ...[result.tools, result.content].flatMap((list) => (Array.isArray(list) ? list : []))]
  return parts.flatMap((part) => (isObject(part) && isObject(part._meta) ? Object.keys(part._meta) : []))
}

/** A request of the server, other than a ping, needs a capability of the client, which has declared none. */
function unnegotiated({ method, id }: JsonObject): string | undefined {
  const isRequest = typeof method === 'string' && id !== undefined && !method.startsWith('notifications/')
  return isRequest && method !== 'ping' ? 'no request that needs a capability of the client' : undefined
}

/** What a notification needs the server to have declared: the capability, and a member of it that must be true. */
const DECLARATIONS = new Map<unknown, [capability: string, member?: string]>([
  ['notifications/tools/list_changed', ['tools', 'listChanged']],
  ['notifications/prompts/list_changed', ['prompts', 'listChanged']],
  ['notifications/resources/list_changed', ['resources', 'listChanged']],
  ['notifications/resources/updated', ['resources', 'subscribe']],
  ['notifications/tasks/status', ['tasks']],
])

function undeclared({ method }: JsonObject, _: Observation, { facts }: Context): string | undefined {
  const [capability, member] = DECLARATIONS.get(method) ?? []
  if (capability === undefined) return undefined
  const declared = facts.capabilities[capability]
  const isDeclared = isObject(declared) && (member === undefined || declared[member] === true)
  return isDeclared
    ? undefined
    : `no notification that needs ${[capability, member].filter((part) => part !== undefined).join('.')}`
}

/** The bytes with which files of these types begin. */
const MAGIC = new Map<unknown, RegExp>([
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8/],
  ['image/webp', /^RIFF.{4}WEBP/s],
])

function imageProblem({ type, data, mimeType }: JsonObject): string | undefined {
  const magic = type === 'image' ? MAGIC.get(mimeType) : undefined
  if (magic === undefined || typeof data !== 'string') return undefined
  return magic.test(Buffer.from(data, 'base64').toString('latin1')) ? undefined : `data that is a file of the type ${mimeType}`
}
