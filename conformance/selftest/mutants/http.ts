// Deviations of Streamable HTTP, 2025-03-26 to 2025-11-25.
import { bodyOf, framing, heading, type Mutant, reading, sending } from '../mutant.ts'

const send = (slug: string): string => `basic/transports/sending-messages-to-the-server/${slug}`
const at = (slug: string): string => `basic/transports/${slug}`
const interop = (...slugs: string[]): string[] => slugs.map((slug) => `interop/http/${slug}`)
const HTTP = { transport: 'http' } as const

/** Refuses, with a status of its own, requests that it should serve. */
function turningAway(
  name: string,
  kills: string[],
  isRefused: (incoming: Parameters<typeof bodyOf>[0]) => boolean,
  status = 400,
): Mutant {
  return {
    name,
    kills,
    deviation: () => ({
      takes: (incoming, res) => {
        if (!isRefused(incoming)) return false
        res.writeHead(status).end()
        return true
      },
    }),
  }
}

export const mutants: Mutant[] = [
  heading('notifications are answered 200', [send('notification-is-202')], (head) => {
    if (head.status === 202) head.status = 200
  }),
  {
    name: 'notifications are answered with a body',
    kills: [send('notification-has-no-body')],
    deviation: () => ({ body: (text) => (text === '' ? 'Accepted' : text) }),
  },
  heading('responses are answered 200', [send('response-is-202-or-refused')], (head, incoming) => {
    if (bodyOf(incoming).id === 'nobody-asked') head.status = 200
  }),
  heading('malformed JSON is answered 200', [send('unreadable-input-is-refused')], (head) => {
    if (head.status === 400) head.status = 200
  }),
  heading('responses are plain text', [send('request-is-answered-as-json-or-events')], ({ headers }) => {
    if (headers['Content-Type'] === 'application/json') headers['Content-Type'] = 'text/plain'
  }),
  sending('requests are answered 202', [send('request-is-answered-with-a-response')], (message, { request }) =>
    request?.method === 'tools/list' ? [] : message,
  ),
  {
    name: 'responses are lists of one',
    kills: [send('json-is-one-object')],
    deviation: () => ({ body: (text) => (text === '' ? text : `[${text}]`) }),
  },
  turningAway(
    'GET is not found',
    [at('listening-for-messages-from-the-server/get-streams-or-405'), ...interop('get-is-not-404')],
    ({ method }) => method === 'GET',
    404,
  ),
  {
    name: 'responses go to every stream',
    kills: [at('listening-for-messages-from-the-server/no-responses-on-it'), at('multiple-connections/no-broadcast')],
    deviation: () => ({ respondsOnGet: true }),
  },
  {
    name: 'event ids begin anew on each stream',
    kills: [at('resumability-and-redelivery/event-ids-are-unique')],
    deviation: () => ({ repeatsEventIds: true }),
  },
  {
    name: 'everything is replayed to everybody',
    kills: [at('resumability-and-redelivery/no-replay-of-another-stream')],
    deviation: () => ({ replaysEverything: true }),
  },
  heading('session ids have spaces', [at('session-management/id-is-visible-ascii')], ({ headers }) => {
    if (headers['Mcp-Session-Id'] !== undefined) headers['Mcp-Session-Id'] = 'a session id'
  }),
  heading('session ids are alike', [at('session-management/ids-are-unique')], ({ headers }) => {
    if (headers['Mcp-Session-Id'] !== undefined) headers['Mcp-Session-Id'] = 'the-one-and-only-session'
  }),
  heading(
    'ended sessions are a bad request',
    [at('session-management/terminated-id-is-404'), ...interop('unknown-session-is-404')],
    (head) => {
      if (head.status === 404) head.status = 400
    },
  ),
  heading('a missing session id is not found', [at('session-management/missing-id-is-400')], (head) => {
    if (head.status === 400) head.status = 404
  }),
  reading('header names have a case', [at('session-management/id-serves-every-request')], ({ names, headers }) => {
    if (names.includes('MCP-SESSION-ID')) delete headers['mcp-session-id']
  }),
  reading(
    'any version will do',
    ['unsupported-is-400', 'invalid-is-400'].map((slug) => at(`protocol-version-header/${slug}`)),
    ({ headers }) => void delete headers['mcp-protocol-version'],
  ),
  reading('the negotiated version is refused', [at('protocol-version-header/negotiated-is-accepted')], ({ headers }) => {
    if (headers['mcp-protocol-version'] === '2025-11-25') headers['mcp-protocol-version'] = '1999-01-01'
  }),
  turningAway(
    'the version is required',
    [at('protocol-version-header/absent-is-accepted')],
    (incoming) => bodyOf(incoming).method === 'ping' && incoming.headers['mcp-protocol-version'] === undefined,
  ),
  reading(
    'any origin will do',
    ['invalid-origin-is-403', 'invalid-origin-of-get-is-403'].map((slug) => at(`security-warning/${slug}`)),
    ({ headers }) => void delete headers.origin,
  ),
  reading('any origin will do then', [at('security-warning/origin-is-validated')], ({ headers }) => void delete headers.origin, {
    ...HTTP,
    revision: '2025-06-18',
  }),
  heading('a wrong origin is a bad request', [at('security-warning/invalid-origin-is-403')], (head) => {
    if (head.status === 403) head.status = 400
  }),
  {
    name: 'a disconnection is a cancellation',
    kills: [send('disconnection-is-not-cancellation')],
    call: { name: 'wait', args: { ms: 260 } },
    timeoutMs: 1_500,
    deviation: () => ({ cancelsOnDisconnect: true }),
  },
  framing('some events are not JSON', [send('event-data-is-json')], (text) => `${text}event: message\ndata: {oops\n\n`, HTTP),
  framing('no priming event', [send('priming-event')], (text) => (/^data:$/m.test(text) ? '' : text), HTTP),
  reading('batches are taken', [send('no-batches')], (incoming) => {
    if (incoming.body.toString().startsWith('[')) incoming.body = Buffer.from('{"jsonrpc":"2.0","id":"a","method":"ping"}')
  }),
  // Practice
  turningAway(
    'initialize carries no version',
    interop('initialize-with-a-version-header'),
    (incoming) => bodyOf(incoming).method === 'initialize' && incoming.headers['mcp-protocol-version'] !== undefined,
  ),
  turningAway('both types must be accepted', interop('accept-anything'), ({ headers }) => headers.accept === '*/*', 406),
  turningAway(
    'no parameters of the content type',
    interop('content-type-with-charset'),
    ({ headers }) => headers['content-type']?.includes(';') === true,
    415,
  ),
  turningAway('no origin will do', interop('own-origin-is-accepted'), ({ headers }) => headers.origin !== undefined, 403),
  reading('any host will do', interop('foreign-host-is-refused'), ({ headers }) => void (headers.host = 'localhost')),
  reading(
    'any content type will do',
    interop('form-content-type-is-refused'),
    ({ headers }) => void (headers['content-type'] = 'application/json'),
  ),
  turningAway('other verbs are a fault of the server', interop('other-verbs-are-refused'), ({ method }) => method === 'PUT', 501),
  turningAway(
    'unknown methods are a fault of the server',
    interop('errors-are-not-5xx'),
    (incoming) => bodyOf(incoming).method === 'conformance/no-such-method',
    500,
  ),
  turningAway(
    'later revisions are forbidden',
    interop('probe-of-a-later-revision'),
    (incoming) => bodyOf(incoming).method === 'server/discover',
    403,
  ),
  turningAway(
    'a body needs a length',
    interop('chunked-request-body'),
    ({ headers }) => headers['transfer-encoding'] !== undefined,
    411,
  ),
]
