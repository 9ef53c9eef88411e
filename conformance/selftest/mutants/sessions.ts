// Deviations that show only with several sessions, connections or requests at once, or that stop the server.
import type { ServerResponse } from 'node:http'
import type { MutantOptions } from '../mutant.ts'
import { answering, beforeCall, bodyOf, framing, type Mutant, NEW, reading, result, SSE, sending, taking } from '../mutant.ts'
import type { Message } from '../reference-rpc.ts'
import type { Deviation, Incoming } from '../reference-types.ts'

const RESPONSES = 'basic/index/responses'
const CANCEL = 'basic/utilities/cancellation/behavior-requirements'
const HTTP = { transport: 'http' } as const
const WAIT = { call: { name: 'wait', args: { ms: 300 } }, timeoutMs: 2_000 } as const
const OLD_BATCHES = { revision: '2025-03-26' } as const

/** The same deviation over both transports. */
const onBoth = (make: (options: MutantOptions) => Mutant): Mutant[] => [make(HTTP), make(SSE)]

function deviating(name: string, kills: string[], deviation: () => Deviation, options: MutantOptions = {}): Mutant {
  return { name, kills, ...options, deviation }
}

/** Stops serving once it has read a body of this kind. */
function dyingOf(name: string, kills: string[], isDeadly: (incoming: Incoming) => boolean, options: MutantOptions): Mutant {
  return deviating(
    name,
    kills,
    () => {
      let isDead = false
      return {
        takes: (incoming, res) => {
          isDead ||= isDeadly(incoming)
          if (isDead) res.destroy()
          return isDead
        },
      }
    },
    options,
  )
}

/** Fails every nth message of the kind. */
function failingEvery(
  name: string,
  kills: string[],
  nth: number,
  isCounted: (message: Message) => boolean,
  options: MutantOptions,
): Mutant {
  return deviating(
    name,
    kills,
    () => {
      let count = 0
      return {
        outgoing: (message, { request }) => {
          if (request === undefined || !isCounted(request) || !('result' in message)) return message
          count += 1
          return count % nth === 0 ? { jsonrpc: '2.0', id: message.id, error: { code: -32603, message: 'x' } } : message
        },
      }
    },
    options,
  )
}

/** Counts the requests of each connection. */
function onConnections(isRefused: (count: number, incoming: Incoming) => boolean): () => Deviation {
  return () => {
    const counts = new WeakMap<object, number>()
    return {
      takes: (incoming, res: ServerResponse) => {
        const { socket } = res.req
        const count = (counts.get(socket) ?? 0) + 1
        counts.set(socket, count)
        if (!isRefused(count, incoming)) return false
        res.writeHead(500).end()
        return true
      },
    }
  }
}

const splitBytes = (text: string): string =>
  Array.from({ length: Math.ceil(Buffer.byteLength(text) / 1024) }, (_, index) =>
    Buffer.from(text)
      .subarray(index * 1024, (index + 1) * 1024)
      .toString(),
  ).join('')

const isInvalidUtf8 = ({ body }: Incoming): boolean => !Buffer.from(body.toString()).equals(body)

export const mutants: Mutant[] = [
  ...onBoth((options) =>
    sending(
      'calls are answered twice',
      [`${RESPONSES}/answered-once`],
      (message, { request }) => (request?.method === 'tools/call' ? [message, message] : message),
      options,
    ),
  ),
  sending(
    'errors are answered twice',
    [`${RESPONSES}/answered-once`],
    (message) => (message.error === undefined ? message : [message, message]),
    SSE,
  ),
  ...onBoth((options) =>
    sending(
      'answers an id nobody sent',
      [`${RESPONSES}/only-to-requests-of-this-session`],
      (message, { request }) =>
        request?.method === 'tools/call' && 'result' in message ? [{ ...message, id: 'of-somebody-else' }, message] : message,
      options,
    ),
  ),
  ...onBoth((options) =>
    deviating(
      'results of requests under way together are swapped',
      [`${RESPONSES}/concurrent-answers-are-not-swapped`],
      () => {
        let running = 0
        return {
          delays: () => 15,
          incoming: (message) => {
            if (message.id !== undefined) running += 1
            return message
          },
          outgoing: (message, { request, isModern }) => {
            if (message.result === undefined || request === undefined) return message
            running -= 1
            const swapped: Message =
              {
                ping: { tools: [] },
                'server/discover': { tools: [], supportedVersions: ['2026-07-28'], capabilities: {} },
                'tools/list': {},
              }[String(request.method)] ?? message.result
            return running > 0 && (isModern || request.method !== 'initialize') ? { ...message, result: swapped } : message
          },
        }
      },
      options,
    ),
  ),
  ...onBoth((options) =>
    deviating(
      'texts of calls under way together are swapped',
      [`${RESPONSES}/concurrent-answers-are-not-swapped`],
      () => {
        let last = ''
        return {
          outgoing: (message, { request }) => {
            const note = request?.params?.arguments?.note
            if (!/^swap/.test(String(note)) || message.result === undefined) return message
            const text = last === '' ? note : last
            last = note
            return JSON.parse(JSON.stringify(message).replaceAll(note, text))
          },
        }
      },
      options,
    ),
  ),
  ...onBoth((options) =>
    deviating(
      'ids are remembered for all sessions together',
      [`${RESPONSES}/same-ids-in-two-sessions`],
      () => {
        const methods = new Map<unknown, string>()
        return {
          delays: ({ id }) => (/^same/.test(String(id)) ? 20 : 0),
          incoming: (message) => {
            if (/^same/.test(String(message.id))) methods.set(message.id, message.method)
            return message
          },
          outgoing: (message, { request }) =>
            message.result !== undefined && /^same-\d/.test(String(message.id)) && methods.get(message.id) !== request?.method
              ? { ...message, result: {} }
              : message,
        }
      },
      options,
    ),
  ),
  ...onBoth((options) =>
    failingEvery(
      'every second call fails',
      [`${RESPONSES}/every-session-is-served`],
      2,
      ({ method, params }) => method === 'tools/call' && params?.name === 'echo',
      options,
    ),
  ),
  deviating('the second session has no tools', [`${RESPONSES}/every-session-is-served`], () => {
    let sessions = 0
    return {
      incoming: (message) => {
        if (message.method === 'initialize') sessions += 1
        return message
      },
      outgoing: (message, { request }) =>
        request?.method === 'tools/list' && message.result !== undefined && sessions % 2 === 0
          ? { ...message, result: { tools: [] } }
          : message,
    }
  }),
  deviating(
    'a second request on a connection fails',
    [`${RESPONSES}/reused-connection-is-served`],
    onConnections((count) => count > 1),
  ),
  deviating(
    'a second request on a connection fails',
    [`${RESPONSES}/reused-connection-is-served`],
    onConnections((count) => count > 1),
    SSE,
  ),
  deviating(
    'calls on a used connection fail',
    [`${RESPONSES}/reused-connection-is-served`],
    onConnections((count, incoming) => count > 1 && bodyOf(incoming).method === 'tools/call'),
    NEW,
  ),
  deviating('log messages and progress reach other sessions', ['basic/index/notifications/other-sessions-hear-nothing'], () => ({
    notifiesOthers: true,
  })),
  deviating(
    'log messages and progress reach other sessions',
    ['basic/index/notifications/other-sessions-hear-nothing'],
    () => ({ notifiesOthers: true }),
    SSE,
  ),
  beforeCall(
    'progress of another request',
    ['basic/transports/sending-messages-to-the-server/messages-relate-to-the-request'],
    () => ({ method: 'notifications/progress', params: { progressToken: 'of-another', progress: 1 } }),
  ),
  deviating(
    'a cancellation hits everything that runs',
    [`${CANCEL}/other-requests-go-on`, `${CANCEL}/other-sessions-go-on`],
    () => ({ cancels: 'everything' }),
    WAIT,
  ),
  deviating('a cancellation hits everything that runs', [`${CANCEL}/other-requests-go-on`], () => ({ cancels: 'everything' }), {
    ...SSE,
    ...WAIT,
  }),
  deviating(
    'a cancellation hits the id in all sessions',
    [`${CANCEL}/other-sessions-go-on`],
    () => ({ cancels: 'id everywhere' }),
    { ...SSE, ...WAIT },
  ),
  deviating(
    'a cancellation hits ids of another type',
    [`${CANCEL}/ids-of-another-type-are-other-ids`],
    () => ({ cancels: 'text' }),
    WAIT,
  ),
  taking(
    'cancelled calls are answered',
    [`${CANCEL}/no-response-to-a-cancelled-request`],
    (message) => (message.method === 'notifications/cancelled' ? undefined : message),
    WAIT,
  ),
  taking('every log level is debug', ['server/utilities/logging/setting-log-level/none-below-the-level'], (message) =>
    message.method === 'logging/setLevel' ? { ...message, params: { level: 'debug' } } : message,
  ),
  beforeCall(
    'logs below the level of the request',
    ['server/utilities/logging/setting-log-level/none-below-the-level'],
    () => ({ method: 'notifications/message', params: { level: 'debug', data: 'x' } }),
    NEW,
  ),
  ...(['2025-11-25', '2025-03-26'] as const).map((revision) =>
    deviating(
      'says that its resources changed',
      [`basic/lifecycle/operation/only-declared-capabilities${revision === '2025-11-25' ? '' : '-then'}`],
      () => ({
        outgoing: (message, { request }) =>
          request?.method === 'tools/call' && 'result' in message
            ? [{ jsonrpc: '2.0', method: 'notifications/resources/list_changed' }, message]
            : message,
      }),
      { revision },
    ),
  ),
  // What tools give back
  result(
    'an empty text is left out',
    ['server/tools/output-schema/structured-content-conforms', 'server/tools/structured-content/also-as-text'],
    'tools/call',
    (r) => {
      if (r.structuredContent?.text === '') delete r.structuredContent.text
    },
  ),
  result('images are written in hexadecimal', ['server/tools/image-content/data-is-an-image'], 'tools/call', (r) => {
    for (const block of r.content ?? [])
      if (block.type === 'image') block.data = Buffer.from(block.data, 'base64').toString('hex')
  }),
  result('image data is a data URL', ['server/tools/calling-tools/result-shape'], 'tools/call', (r) => {
    for (const block of r.content ?? []) if (block.type === 'image') block.data = `data:image/png;base64,${block.data}`
  }),
  result(
    'pages repeat under new cursors',
    ['server/utilities/pagination/pagination-model/the-list-ends'],
    'tools/list',
    (r) => void (r.nextCursor ??= 'page-0'),
  ),
  // Bytes
  deviating('bodies are Latin-1', [`${RESPONSES}/bytes-are-utf-8`], () => ({
    body: (text) => (text.includes('"tools"') ? Buffer.from(text.replace('"title":"Echo"', '"title":"Écho"'), 'latin1') : text),
  })),
  framing(
    'results are Latin-1',
    [`${RESPONSES}/bytes-are-utf-8`],
    (text) => Buffer.from(text.replace('"type":"text"', '"type":"text","a":"é"'), 'latin1'),
    HTTP,
  ),
  framing('results are Latin-1', [`${RESPONSES}/bytes-are-utf-8`], (text) =>
    Buffer.from(text.replace('"type":"text"', '"type":"text","a":"é"'), 'latin1'),
  ),
  deviating('long bodies are divided inside characters', [`${RESPONSES}/long-unicode-id`], () => ({ body: splitBytes })),
  framing('long events are divided inside characters', [`${RESPONSES}/long-unicode-id`], splitBytes),
  ...onBoth((options) =>
    framing(
      'long results are divided inside characters',
      ['server/tools/calling-tools/arguments-arrive-unchanged'],
      splitBytes,
      options,
    ),
  ),
  deviating('arguments are divided inside characters', ['server/tools/calling-tools/arguments-arrive-unchanged'], () => ({
    decodesChunks: true,
  })),
  // Sessions and origins
  deviating(
    'a request without session id joins the last session',
    ['basic/transports/session-management/missing-id-is-400'],
    () => {
      let last = ''
      return {
        head: ({ headers }) => void (last = headers['Mcp-Session-Id'] ?? last),
        request: ({ headers, body }) => {
          if (!body.includes('"initialize"')) headers['mcp-session-id'] ??= last
        },
      }
    },
  ),
  deviating('streams outlive their session', ['interop/http/stream-ends-with-the-session'], () => ({ keepsStreams: true })),
  ...(
    [
      [HTTP, ['invalid-origin-is-403', 'invalid-origin-of-get-is-403']],
      [SSE, ['origin-of-the-stream', 'origin-of-a-message']],
    ] as const
  ).map(([options, slugs]) =>
    reading(
      'an origin that contains the own one will do',
      slugs.map((slug) => `basic/transports/security-warning/${slug}`),
      ({ headers }) => {
        if (/127\.0\.0\.1|localhost/.test(headers.origin ?? '')) delete headers.origin
      },
      options,
    ),
  ),
  reading('a host that contains the own one will do', ['interop/http/foreign-host-is-refused'], ({ headers }) => {
    if (/127\.0\.0\.1|localhost/.test(headers.host ?? '')) headers.host = 'localhost'
  }),
  answering(
    'cancellations in a batch are answered',
    ['basic/index/batching/notifications-in-it-are-not-answered', 'basic/index/batching/only-notifications-get-nothing'],
    ({ method }) => /cancelled$/.test(method),
    OLD_BATCHES,
  ),
  // Input that is not read, and its end
  dyingOf('invalid UTF-8 is deadly', ['interop/http/invalid-utf-8-is-survived'], isInvalidUtf8, HTTP),
  dyingOf('invalid UTF-8 is deadly', ['interop/sse/invalid-utf-8-is-survived'], isInvalidUtf8, SSE),
  dyingOf(
    'an empty body is deadly',
    ['interop/http/odd-input-is-survived/an-empty-body'],
    ({ method, body }) => method === 'POST' && body.length === 0,
    HTTP,
  ),
  dyingOf('deep JSON is deadly', ['interop/http/deep-json-is-survived'], ({ body }) => body.includes('[[[['), HTTP),
  dyingOf('deep JSON is deadly', ['interop/sse/deep-json-is-survived'], ({ body }) => body.includes('[[[['), SSE),
  deviating(
    'unreadable input gets no answer',
    ['basic/transports/http-with-sse/unreadable-input-is-answered'],
    () => ({
      takes: (incoming, res) => {
        const isBroken = incoming.method === 'POST' && bodyOf(incoming).jsonrpc === undefined
        if (isBroken) res.destroy()
        return isBroken
      },
    }),
    SSE,
  ),
  ...onBoth((options) =>
    deviating(
      'a body that is too large is deadly',
      [`interop/${options.transport}/huge-body-is-survived`],
      () => {
        let isDead = false
        return {
          head: (head) => {
            isDead ||= head.status === 413
          },
          takes: (_, res) => {
            if (isDead) res.destroy()
            return isDead
          },
        }
      },
      options,
    ),
  ),
]
