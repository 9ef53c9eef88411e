// Deviations in the handshake, ping, cancellation, progress and logging.
import { beforeCall, type Mutant, NEW, refusing, result, SSE, sending } from '../mutant.ts'

const INIT = 'basic/lifecycle/initialization'
const VERSION = 'basic/lifecycle/version-negotiation'
const PROGRESS = 'basic/utilities/progress'
const PING = 'basic/utilities/ping/behavior-requirements'
const LOGGING = 'server/utilities/logging'
const WAIT = { name: 'wait', args: { ms: 300 } }

const logMessage = { method: 'notifications/message', params: { level: 'info', data: 'x' } }

export const mutants: Mutant[] = [
  result('no protocolVersion', [`${INIT}/has-protocol-version`], 'initialize', (r) => void delete r.protocolVersion),
  result('no capabilities', [`${INIT}/has-capabilities`], 'initialize', (r) => void delete r.capabilities),
  result('no serverInfo', [`${INIT}/has-server-info`], 'initialize', (r) => void delete r.serverInfo),
  result('serverInfo without version', [`${INIT}/has-server-info`], 'initialize', (r) => void delete r.serverInfo.version),
  result('instructions are a list', [`${INIT}/instructions-are-text`], 'initialize', (r) => void (r.instructions = ['x'])),
  result('capabilities are flags', [`${INIT}/result-shape`], 'initialize', (r) => void (r.capabilities.tools = true)),
  result(
    'always the same version',
    [`${VERSION}/supported-version-is-echoed`],
    'initialize',
    (r) => void (r.protocolVersion = '2025-06-18'),
  ),
  result(
    'every version is supported',
    [
      `${VERSION}/offered-version-is-supported`,
      `${VERSION}/later-version-is-not-echoed`,
      `${VERSION}/nonsense-version-is-not-echoed`,
    ],
    'initialize',
    (r, request) => void (r.protocolVersion = request.params.protocolVersion),
  ),
  result('offers a version it does not speak', [`${VERSION}/offered-version-is-supported`], 'initialize', (r, request) => {
    if (request.params.protocolVersion === '1999-01-01') r.protocolVersion = '2024-10-07'
  }),
  result('offers its oldest version', [`${VERSION}/offers-its-latest`], 'initialize', (r, request) => {
    if (request.params.protocolVersion === '2099-12-31') r.protocolVersion = '2024-11-05'
  }),
  {
    name: 'the first client decides for all',
    kills: [`${VERSION}/each-session-negotiates`],
    deviation: () => {
      // The suite has learned the revisions when it calls the first tool.
      let isDecided = false
      return {
        outgoing: (message, { request }) => {
          if (request?.method === 'tools/call') isDecided = true
          if (!isDecided || request?.method !== 'initialize' || message.result === undefined) return message
          return { ...message, result: { ...message.result, protocolVersion: '2025-11-25' } }
        },
      }
    },
  },
  refusing(
    'unknown capabilities are refused',
    ['basic/lifecycle/capability-negotiation/unknown-client-capabilities'],
    ({ params }) => params?.capabilities?.conformanceUnknown !== undefined,
  ),
  refusing(
    'unknown members of clientInfo are refused',
    [`${INIT}/unknown-client-info-members`],
    ({ params }) => params?.clientInfo?.title !== undefined,
  ),
  sending(
    'nothing works after initialized',
    [`${INIT}/operates-after-initialized`, 'server/tools/capabilities/declared-tools-are-listed'],
    ({ result: _, ...message }, { request }) =>
      request?.method === 'tools/list'
        ? { ...message, error: { code: -32603, message: 'no' } }
        : { ...message, ...(_ === undefined ? {} : { result: _ }) },
  ),
  {
    name: 'no ping before initialized',
    kills: [`${INIT}/ping-before-initialized`],
    deviation: () => {
      let isReady = false
      return {
        incoming: (message) => {
          if (message.method === 'initialize') isReady = false
          if (message.method === 'notifications/initialized') isReady = true
          return message.method === 'ping' && !isReady ? 'refused' : message
        },
      }
    },
  },
  sending(
    'asks for roots at once',
    [`${INIT}/no-requests-before-initialized`],
    (message, { request }) =>
      request?.method === 'initialize' ? [message, { jsonrpc: '2.0', id: 's', method: 'roots/list' }] : message,
    SSE,
  ),
  beforeCall('asks for sampling', ['basic/lifecycle/operation/only-negotiated-capabilities'], () => ({
    id: 's',
    method: 'sampling/createMessage',
    params: {},
  })),
  beforeCall(
    'asked for sampling then',
    ['basic/lifecycle/operation/only-negotiated-capabilities-then'],
    () => ({ id: 's', method: 'sampling/createMessage', params: {} }),
    SSE,
  ),
  result('ping is answered with more', [`${PING}/empty-response`], 'ping', () => ({ pong: true })),
  result('_meta is a number', [`${PING}/result-shape`], 'ping', () => ({ _meta: 5 })),
  {
    name: 'ping takes its time',
    kills: [`${PING}/prompt-response`],
    timeoutMs: 4_000,
    deviation: () => ({ delays: ({ method }) => (method === 'ping' ? 2_200 : 0) }),
  },
  refusing(
    'ping takes no params',
    [`${PING}/with-meta`],
    ({ method, params }) => method === 'ping' && params?._meta !== undefined,
  ),
  {
    name: 'one request after the other',
    kills: [`${PING}/during-a-call`],
    call: WAIT,
    timeoutMs: 2_000,
    deviation: () => ({ serial: true }),
  },
  {
    name: 'a cancellation ends the session',
    kills: ['basic/utilities/cancellation/timing-considerations/race-with-the-response'],
    deviation: () => {
      let isOver = false
      return {
        incoming: (message) => {
          if (message.method === 'notifications/cancelled') isOver = true
          return isOver && message.method === 'ping' ? 'refused' : message
        },
      }
    },
  },
  {
    name: 'a cancellation of nothing is answered',
    kills: ['unknown-id', 'completed-id'].map((slug) => `basic/utilities/cancellation/error-handling/${slug}`),
    deviation: () => ({
      outgoing: (message, { request }) =>
        message.none && request?.method === 'notifications/cancelled'
          ? { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no' } }
          : message,
    }),
  },
  {
    name: 'cancelled requests are answered',
    kills: ['basic/utilities/cancellation/behavior-requirements/no-response-to-a-cancelled-request'],
    ...SSE,
    call: WAIT,
    timeoutMs: 2_000,
    deviation: () => ({ incoming: (message) => (message.method === 'notifications/cancelled' ? undefined : message) }),
  },
  refusing(
    '0 is no token',
    [`${PROGRESS}/progress-flow/token-does-not-hinder`],
    ({ params }) => params?._meta?.progressToken === 0,
  ),
  sending('tokens become text', [`${PROGRESS}/progress-flow/token-is-the-request-s`], (message) =>
    message.method === 'notifications/progress'
      ? { ...message, params: { ...message.params, progressToken: String(message.params.progressToken) } }
      : message,
  ),
  sending('progress stands still', [`${PROGRESS}/progress-flow/progress-increases`], (message) =>
    message.method === 'notifications/progress' ? { ...message, params: { ...message.params, progress: 1 } } : message,
  ),
  sending('progress is text', [`${PROGRESS}/progress-flow/shape`], (message) =>
    message.method === 'notifications/progress' ? { ...message, params: { ...message.params, progress: 'half' } } : message,
  ),
  beforeCall(
    'progress nobody asked for',
    [`${PROGRESS}/behavior-requirements/none-without-a-token`, `${PROGRESS}/behavior-requirements/only-active-tokens`],
    () => ({ method: 'notifications/progress', params: { progressToken: 'invented', progress: 1 } }),
  ),
  sending(
    'progress goes on after the response',
    [`${PROGRESS}/implementation-notes/stops-after-completion`, `${PROGRESS}/implementation-notes/none-after-the-response`],
    (message, { request }) => {
      const token = request?.params?._meta?.progressToken
      if (request?.method !== 'tools/call' || token === undefined || !('result' in message)) return message
      return [message, { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 200 } }]
    },
    SSE,
  ),
  sending(
    'one level is unknown',
    [`${LOGGING}/setting-log-level/every-level-is-accepted`],
    ({ result: _, ...message }, { request }) =>
      request?.params?.level === 'emergency'
        ? { ...message, error: { code: -32602, message: 'no' } }
        : { ...message, ...(_ === undefined ? {} : { result: _ }) },
  ),
  sending('any level will do', [`${LOGGING}/error-handling/invalid-level`], ({ error, ...message }, { request }) =>
    request?.params?.level === 'loud' ? { ...message, result: {} } : { ...message, ...(error === undefined ? {} : { error }) },
  ),
  {
    name: 'logs without saying so',
    kills: [`${LOGGING}/capabilities/declared-when-used`],
    deviation: () => ({
      outgoing: (message, { request }) => {
        if (request?.method === 'initialize' && message.result !== undefined) {
          const { logging: _, ...capabilities } = message.result.capabilities
          return { ...message, result: { ...message.result, capabilities } }
        }
        return request?.method === 'tools/call' && 'result' in message ? [{ jsonrpc: '2.0', ...logMessage }, message] : message
      },
    }),
  },
  beforeCall('logs at a level of its own', [`${LOGGING}/log-message-notifications/shape`], () => ({
    method: 'notifications/message',
    params: { level: 'loud', data: 'x' },
  })),
  beforeCall('logs unasked', [`${LOGGING}/per-request-log-level/none-unless-asked`], () => logMessage, NEW),
]
