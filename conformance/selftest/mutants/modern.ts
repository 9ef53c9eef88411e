// Deviations of 2026-07-28: metadata, mirrored headers, discovery, caching, error codes.
import { base64Value } from '../../tool-schema.ts'
import { bodyOf, heading, type Mutant, NEW, reading, refusing, taking } from '../mutant.ts'
import { KEY, type Message } from '../reference-rpc.ts'

const at = (slug: string): string => `basic/transports/streamable-http/${slug}`
const META = 'basic/index/_meta'

const isModernMeta = (message: Message): boolean => message.params?._meta?.[`${KEY}protocolVersion`] !== undefined

export const mutants: Mutant[] = [
  heading(
    'responses are plain text',
    [at('sending-messages/request-is-answered-as-json-or-events')],
    ({ headers }) => {
      if (headers['Content-Type'] === 'application/json') headers['Content-Type'] = 'text/plain'
    },
    NEW,
  ),
  heading(
    'notifications are answered 200',
    [at('sending-messages/notification-is-202-or-refused')],
    (head) => {
      if (head.status === 202) head.status = 200
    },
    NEW,
  ),
  heading(
    'malformed JSON is answered 200',
    [at('sending-messages/unreadable-input-is-refused')],
    (head) => {
      if (head.status === 400) head.status = 200
    },
    NEW,
  ),
  reading(
    'any origin will do',
    [at('security-endpoint/invalid-origin-is-403')],
    ({ headers }) => void delete headers.origin,
    NEW,
  ),
  {
    name: 'the version header is not compared',
    kills: [at('protocol-version-header/version-differs-from-body'), at('server-validation/version-is-required')],
    ...NEW,
    deviation: () => ({
      modernOnly: true,
      request: (incoming) => {
        const version = bodyOf(incoming).params?._meta?.[`${KEY}protocolVersion`]
        if (version !== undefined) incoming.headers['mcp-protocol-version'] = version
      },
    }),
  },
  reading(
    'the method header is not compared',
    [
      'standard-request-headers/method-is-required',
      'server-validation/method-differs-from-body',
      'case-sensitivity/method-is-case-sensitive',
    ].map(at),
    (incoming) => void (incoming.headers['mcp-method'] = bodyOf(incoming).method),
    NEW,
  ),
  reading(
    'the method header has no case',
    [at('case-sensitivity/method-is-case-sensitive')],
    ({ headers }) => void (headers['mcp-method'] = headers['mcp-method']?.toLowerCase()),
    NEW,
  ),
  reading(
    'header names have a case',
    [at('case-sensitivity/names-have-no-case')],
    ({ names, headers }) => {
      if (names.includes('MCP-METHOD')) delete headers['mcp-method']
    },
    NEW,
  ),
  reading(
    'the name header is not compared',
    [
      'standard-request-headers/name-is-required',
      'server-validation/name-differs-from-body',
      'value-encoding/name-in-base64-differs',
    ].map(at),
    (incoming) => void (incoming.headers['mcp-name'] = bodyOf(incoming).params?.name),
    NEW,
  ),
  reading(
    'encoded names are not decoded',
    [at('value-encoding/name-in-base64')],
    ({ headers }) => {
      if (headers['mcp-name']?.startsWith('=?')) headers['mcp-name'] = base64Value(headers['mcp-name'])
    },
    NEW,
  ),
  reading(
    'encoded names are taken on trust',
    [at('value-encoding/name-in-base64-differs')],
    (incoming) => {
      if (incoming.headers['mcp-name']?.startsWith('=?')) incoming.headers['mcp-name'] = bodyOf(incoming).params?.name
    },
    NEW,
  ),
  reading(
    'parameters are not compared',
    ['parameter-is-required', 'parameter-differs-from-body'].map((slug) => at(`server-behavior-for-custom-headers/${slug}`)),
    (incoming) => {
      const text = bodyOf(incoming).params?.arguments?.text
      if (text !== undefined) incoming.headers['mcp-param-text'] = base64Value(text)
    },
    NEW,
  ),
  reading(
    'encoded parameters are not decoded',
    [at('value-encoding/parameter-in-base64')],
    ({ headers }) => {
      if (headers['mcp-param-text']?.startsWith('=?')) headers['mcp-param-text'] = 'encoded'
    },
    NEW,
  ),
  reading(
    'integers are compared as text',
    [at('server-validation/integers-are-compared-as-numbers')],
    ({ headers }) => {
      if (headers['mcp-param-count']?.includes('.')) headers['mcp-param-count'] = 'other'
    },
    NEW,
  ),
  {
    name: 'an absent parameter needs its header',
    kills: [at('server-behavior-for-custom-headers/null-and-absent-need-no-header')],
    ...NEW,
    call: { name: 'echo', args: { text: 'given' } },
    deviation: () => ({
      takes: (incoming, res) => {
        const { id, method } = bodyOf(incoming)
        if (method !== 'tools/call' || incoming.headers['mcp-param-text'] !== undefined) return false
        res.writeHead(400, { 'Content-Type': 'application/json' })
        res.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32020, message: 'missing' } }))
        return true
      },
    }),
  },
  reading(
    'unknown parameter headers are refused',
    [at('server-behavior-for-custom-headers/unknown-parameter-header-is-ignored')],
    (incoming) => {
      if (incoming.headers['mcp-param-conformance-unknown'] !== undefined) incoming.body = Buffer.from('{')
    },
    NEW,
  ),
  heading(
    'unknown methods are answered 200',
    [at('protocol-version-header/unknown-method-is-404'), at('protocol-version-header/removed-methods-are-404')],
    (head) => {
      if (head.status === 404) head.status = 200
    },
    NEW,
  ),
  {
    name: 'a closed stream stops everything',
    kills: [at('cancellation/a-closed-stream-harms-nobody')],
    ...NEW,
    deviation: () => {
      let isBroken = false
      return {
        takes: (_, res) => {
          res.on('close', () => (isBroken ||= !res.writableFinished))
          if (isBroken) res.writeHead(500).end()
          return isBroken
        },
      }
    },
  },
  {
    name: 'what was cancelled goes to somebody else',
    kills: [at('cancellation/nothing-follows')],
    ...NEW,
    deviation: () => {
      let isLeft = false
      return {
        takes: (incoming, res) => {
          if (bodyOf(incoming).id === 'closed') res.on('close', () => (isLeft ||= !res.writableFinished))
          return false
        },
        outgoing: (message, { request }) =>
          isLeft && request?.method === 'tools/call' ? [{ jsonrpc: '2.0', id: 'closed', result: {} }, message] : message,
      }
    },
  },
  taking(
    'what is missing is made up',
    [
      `${META}/protocol-version-is-required`,
      `${META}/client-capabilities-is-required`,
      `${META}/is-required`,
      'basic/index/statelessness/nothing-is-remembered-of-the-connection',
    ],
    (message) => {
      const meta = { [`${KEY}protocolVersion`]: '2026-07-28', [`${KEY}clientCapabilities`]: {}, ...message.params?._meta }
      return { ...message, params: { ...message.params, _meta: meta } }
    },
    NEW,
  ),
  refusing(
    'clientInfo is required',
    [`${META}/client-info-is-optional`],
    (message) => isModernMeta(message) && message.params._meta[`${KEY}clientInfo`] === undefined,
    NEW,
  ),
  refusing(
    'trace context is refused',
    [`${META}/trace-context-is-accepted`],
    ({ params }) => params?._meta?.traceparent !== undefined,
    NEW,
  ),
  refusing(
    'unknown capabilities are refused',
    [`${META}/unknown-capabilities-are-accepted`],
    ({ params }) => params?._meta?.[`${KEY}clientCapabilities`]?.conformanceUnknown !== undefined,
    NEW,
  ),
  {
    name: 'a call needs a list on the same connection',
    kills: ['basic/index/statelessness/first-request-may-be-a-call'],
    ...NEW,
    deviation: () => ({ incoming: (message) => (message.method === 'tools/call' ? 'refused' : message) }),
  },
  {
    name: 'ids are used up',
    kills: ['basic/index/requests/an-answered-id-may-be-used-again'],
    ...NEW,
    deviation: () => {
      let uses = 0
      return {
        incoming: (message) => {
          if (message.id === 'again') uses += 1
          return uses > 1 ? 'refused' : message
        },
      }
    },
  },
  reading(
    'sessions are minded',
    [at('earlier-streamable-http-revisions/session-header-is-ignored')],
    (incoming) => {
      if (incoming.headers['mcp-session-id'] !== undefined) incoming.body = Buffer.from('{')
    },
    NEW,
  ),
  heading(
    'session ids are handed out',
    [at('earlier-streamable-http-revisions/no-session-ids')],
    ({ headers }) => void (headers['Mcp-Session-Id'] = 'x'),
    NEW,
  ),
  heading(
    'streams are buffered',
    [at('receiving-messages/not-buffered')],
    ({ headers }) => void delete headers['X-Accel-Buffering'],
    NEW,
  ),
  {
    name: 'GET is not found',
    kills: [at('earlier-streamable-http-revisions/get-and-delete-are-405')],
    ...NEW,
    deviation: () => ({
      modernOnly: true,
      head: (head, { method }) => {
        if (method === 'GET') head.status = 404
      },
    }),
  },
  {
    name: 'legacy clients learn nothing',
    kills: ['basic/versioning/backward-compatibility-with-initialization-based-versions/initialize-is-told-the-versions'],
    ...NEW,
    deviation: () => ({ modernOnly: true, body: (text) => (text.includes('-32022') ? '{}' : text) }),
  },
]
