// Deviations in the messages themselves, whatever carries them.
import { answering, heading, type Mutant, reading, refusing, result, SSE, sending, taking } from '../mutant.ts'
import type { Message } from '../reference-rpc.ts'

const at = (slug: string): string => `basic/index/${slug}`
const BATCH = { revision: '2025-03-26' } as const

/** Changes the id of responses to tools/list. */
function ids(name: string, slugs: string[], change: (id: unknown) => unknown): Mutant {
  return sending(
    name,
    slugs.map((slug) => at(`responses/${slug}`)),
    (message, { request }) => (request?.method === 'tools/list' ? { ...message, id: change(message.id) } : message),
  )
}

function errors(name: string, kills: string[], change: (message: Message) => unknown): Mutant {
  return sending(name, kills, (message) => (message.error === undefined ? message : change(structuredClone(message))))
}

export const mutants: Mutant[] = [
  ids('ids become text', ['integer-id', 'zero-id', 'negative-id', 'largest-integer-id'], String),
  ids('ids that look like numbers become numbers', ['numeric-string-id'], (id) => (/^\d+$/.test(String(id)) ? Number(id) : id)),
  ids('large ids lose precision', ['largest-integer-id'], (id) =>
    typeof id === 'number' && id > 2 ** 32 ? Math.fround(id) : id,
  ),
  ids('negative ids lose their sign', ['negative-id'], (id) => (typeof id === 'number' ? Math.abs(id) : id)),
  ids('the empty id becomes null', ['empty-string-id'], (id) => (id === '' ? null : id)),
  ids('ids are written in capitals', ['string-id'], (id) => (typeof id === 'string' ? id.toUpperCase() : id)),
  ids('ids are ASCII', ['unicode-id'], (id) => (typeof id === 'string' ? id.replace(/[^\x20-\x7e]/g, '?') : id)),
  ids('ids lose what needs escapes', ['escaped-id'], (id) => (typeof id === 'string' ? id.replace(/["\\\n\t]/g, '') : id)),
  taking('0 is not taken for an id', [at('responses/zero-id')], (message) => {
    if (message.id !== 0) return message
    const { id: _, ...notification } = message
    return notification
  }),
  errors('errors have no id', [at('responses/error-has-the-id')], ({ id: _, ...message }) => message),
  sending(
    'responses come twice',
    [at('responses/one-response-to-a-request')],
    (message, { request }) => (request?.method === 'tools/list' ? [message, message] : message),
    SSE,
  ),
  sending('one of many is forgotten', [at('responses/many-requests-at-once')], (message) =>
    message.id === 'parallel-13' ? [] : message,
  ),
  {
    name: 'sessions see one another',
    kills: [at('responses/sessions-do-not-mix')],
    ...SSE,
    deviation: () => ({ broadcasts: true }),
  },
  errors('unknown methods succeed', [at('responses/unknown-method')], ({ error, ...message }) =>
    error.code === -32601 ? { ...message, result: {} } : { ...message, error },
  ),
  errors('unknown methods get another code', [at('responses/unknown-method')], (message) => ({
    ...message,
    error: { code: -1, message: 'x' },
  })),
  taking('method names have no case', [at('responses/method-names-are-case-sensitive')], (message) =>
    message.method === 'Tools/List' ? { ...message, method: 'tools/list' } : message,
  ),
  refusing(
    'params are required',
    [at('requests/params-may-be-absent')],
    ({ method, params }) => method === 'tools/list' && !params,
  ),
  refusing(
    'unknown _meta is refused',
    [at('requests/unknown-meta-is-ignored')],
    ({ params }) => params?._meta?.['example.org/x'] !== undefined,
  ),
  refusing(
    'unknown params are refused',
    [at('requests/unknown-params-are-ignored')],
    ({ params }) => params?.['x-conformance-extra'] !== undefined,
  ),
  {
    name: 'null is an id',
    kills: [at('requests/null-id-is-no-request')],
    deviation: () => ({
      incoming: (message) => (message.id === null ? { ...message, id: 'null' } : message),
      outgoing: (message) => (message.id === 'null' ? { ...message, id: null } : message),
    }),
  },
  taking('objects are ids', [at('requests/object-id-is-refused')], (message) =>
    typeof message.id === 'object' && message.id !== null ? { ...message, id: 'object' } : message,
  ),
  reading('members have an order', [at('requests/members-in-any-order')], (incoming) => {
    if (incoming.body.toString().startsWith('{"params"')) incoming.body = Buffer.from('{')
  }),
  reading('whitespace is refused', [at('requests/insignificant-whitespace')], (incoming) => {
    if (/^\s/.test(incoming.body.toString())) incoming.body = Buffer.from('{')
  }),
  reading('escapes are lost', [at('requests/escaped-characters')], (incoming) => {
    incoming.body = Buffer.from(incoming.body.toString().replace(/\\u[0-9a-f]{4}/g, '?'))
  }),
  {
    name: 'chunks are decoded one by one',
    kills: [at('requests/characters-split-across-chunks')],
    deviation: () => ({ decodesChunks: true }),
  },
  answering('unknown notifications are answered', [at('notifications/unknown-is-not-answered')], ({ method }) =>
    /unknown$/.test(method),
  ),
  answering(
    'unknown notifications are answered on the stream',
    [at('notifications/unknown-is-not-answered')],
    ({ method }) => /unknown$/.test(method),
    SSE,
  ),
  answering(
    'requests without id are answered',
    [at('notifications/request-method-without-id-is-not-answered')],
    ({ method }) => method === 'tools/list',
  ),
  answering('malformed notifications are answered', [at('notifications/malformed-is-not-answered')], ({ method }) =>
    /progress$/.test(method),
  ),
  answering('initialized is answered', [at('notifications/initialized-is-not-answered')], ({ method }) =>
    /initialized$/.test(method),
  ),
  answering('responses are answered', [at('responses/a-response-is-not-answered')], ({ method }) => method === undefined),
  sending(
    'half of a batch is answered',
    [at('batching/every-request-is-answered')],
    (message) => (message.id === 'second' ? [] : message),
    BATCH,
  ),
  heading(
    'batches of notifications are answered 200',
    [at('batching/only-notifications-get-nothing')],
    (head, { body }) => {
      if (body.toString().startsWith('[')) head.status = 200
    },
    BATCH,
  ),
  heading('malformed JSON is a fault of the server', [at('responses/malformed-json')], (head) => {
    if (head.status === 400) head.status = 500
  }),
  {
    name: 'malformed JSON gets another code',
    kills: [at('responses/malformed-json')],
    deviation: () => ({ body: (text) => text.replace('-32700', '-32000') }),
  },
  // Every message ever seen
  errors('errors are of JSON-RPC 1.0', [at('messages/jsonrpc-2-0')], (message) => ({ ...message, jsonrpc: '1.0' })),
  errors('errors have a result, too', [at('responses/result-or-error'), at('messages/one-of-three-kinds')], (message) => ({
    ...message,
    result: {},
  })),
  result('results are text', [at('responses/result-is-an-object')], 'ping', () => 'pong'),
  sending('a result without an id goes ahead', [at('responses/result-has-a-valid-id')], (message, { request }) =>
    request?.method === 'tools/call' && 'result' in message ? [{ jsonrpc: '2.0', id: null, result: {} }, message] : message,
  ),
  errors('error codes are text', [at('responses/error-code-is-an-integer')], (message) => {
    message.error.code = String(message.error.code)
    return message
  }),
  errors('error codes are fractions', [at('responses/error-code-is-an-integer')], (message) => {
    message.error.code += 0.5
    return message
  }),
  errors('errors have no message', [at('responses/error-has-a-message')], (message) => {
    delete message.error.message
    return message
  }),
  result('_meta keys of any form', [at('_meta/key-names')], 'tools/list', (r) => void (r._meta = { 'no prefix/-': 1 })),
  sending('notifications have ids', [at('notifications/no-id')], (message) =>
    /^notifications\//.test(message.method) ? { ...message, id: 1 } : message,
  ),
  sending('notifications have lists for params', [at('notifications/shape')], (message) =>
    /^notifications\//.test(message.method) ? { ...message, params: [] } : message,
  ),
  sending('requests of the server have no id', [at('requests/server-requests-have-a-valid-id')], (message, { request }) =>
    request?.method === 'tools/call' && 'result' in message ? [{ jsonrpc: '2.0', id: null, method: 'ping' }, message] : message,
  ),
]
