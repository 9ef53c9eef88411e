// HTTP+SSE, the transport of MCP 2024-11-05 (basic/transports §HTTP with SSE): `GET …/sse` opens the stream and the session, the client
// POSTs its messages to the path that the first event names. It is what gateways speak with `transport: sse`.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ErrorCode, ToolError } from '../errors.ts'
import { classify } from '../jsonrpc.ts'
import { latestLegacy } from '../revisions.ts'
import type { Server } from '../server.ts'
import { drainSessions, Session } from '../session.ts'
import type { Caller } from '../types.ts'
import { EventStream } from './event-stream.ts'
import {
  admit,
  type Handler,
  HttpError,
  type HttpOptions,
  httpSettings,
  methodNotAllowed,
  pathOf,
  readMessage,
  sendError,
} from './http.ts'

interface Connection {
  session: Session
  stream: EventStream
  principal: string
}

/**
 * Serves `GET …/sse`, `POST …/messages` and its alias `POST …/sse/messages`, wherever they are mounted.
 * Everything else is answered 404 or 405; `POST …/sse` is 405, by which newer clients learn to fall back to this transport.
 */
export function httpSse(server: Server, options: HttpOptions = {}): Handler {
  const settings = httpSettings(options)
  const connections = new Map<string, Connection>()
  let closing = false
  let ticker: NodeJS.Timeout | undefined

  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    const path = pathOf(req)
    const isStream = path.endsWith('/sse')
    const caller = admit(req, res, settings)
    if (caller === undefined) return
    if (!isStream && !path.endsWith('/messages')) return sendError(req, res, new HttpError(404, 'not found'))
    if (isStream) {
      if (req.method === 'GET') return open(req, res, caller, path)
      return sendError(req, res, methodNotAllowed('GET'))
    }
    if (req.method !== 'POST') return sendError(req, res, methodNotAllowed('POST'))
    void post(req, res, caller).catch((error: unknown) => {
      const known = error instanceof HttpError ? error : new HttpError(500, 'internal error', {}, ErrorCode.internalError)
      if (known.status !== 404) settings.onRefused({ reason: 'body', req, caller, status: known.status })
      sendError(req, res, known)
    })
  }

  function open(req: IncomingMessage, res: ServerResponse, caller: Caller, path: string): void {
    if (closing) return sendError(req, res, new HttpError(503, 'the server is shutting down', { 'Retry-After': '5' }))
    if (connections.size >= settings.maxSessions) {
      settings.onRefused({ reason: 'sessions-full', req, caller, status: 503 })
      return sendError(req, res, new HttpError(503, `all ${settings.maxSessions} sessions are in use`, { 'Retry-After': '5' }))
    }
    const id = randomBytes(16).toString('hex')
    const { maxInFlight } = settings
    // Served before, and without, `initialize`: a client that reconnects by itself does not repeat it (docs/clients.md).
    const session = new Session(server, { id, revision: latestLegacy, logLevel: 'info', maxInFlight })
    const stream = new EventStream(res, settings, (dropped) => {
      connections.delete(id)
      if (dropped) settings.onRefused({ reason: 'client-stalled', req, caller, status: 0 })
      session.close(new ToolError('CANCELLED', 'the client closed its stream'))
      if (connections.size === 0) {
        clearInterval(ticker)
        ticker = undefined
      }
    })
    connections.set(id, { session, stream, principal: caller.principal })
    // A path, never a URL built from Host: clients refuse another origin, and `localhost` is another than `127.0.0.1`.
    stream.send('endpoint', `${settings.basePath}${path.replace(/\/sse$/, '/messages')}?sessionId=${id}`)
    ticker ??= setInterval(tick, Math.ceil(settings.keepAliveMs / 3)).unref()
  }

  async function post(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    const connection = find(req, caller)
    const body = await readMessage(req, settings)
    // First the 202, then the work: the Python client sends nothing more until it has the answer to this POST.
    res.writeHead(202, { 'Content-Type': 'text/plain' }).end('Accepted')
    const { session, stream } = connection
    const exchange = { caller, notify: (text: string) => stream.send('message', text) }
    const reply = Array.isArray(body)
      ? await session.receiveBatch(body, exchange)
      : await session.receive(classify(body), exchange)
    // Errors go on the stream too: a 4xx here would leave the Python client waiting for its read timeout.
    if (reply !== undefined) stream.send('message', reply.text)
  }

  /** @throws HttpError 400 without a session id, 404 for one that is unknown or that another principal opened: the two look the same */
  function find(req: IncomingMessage, caller: Caller): Connection {
    const query = new URLSearchParams(req.url?.slice(pathOf(req).length))
    const id = query.get('sessionId') ?? query.get('session_id')
    if (id === null || id === '')
      throw new HttpError(400, 'the sessionId query parameter is missing; GET …/sse names the URL to post to')
    const connection = connections.get(id)
    if (connection === undefined || connection.principal !== caller.principal) {
      settings.onRefused({ reason: 'session', req, caller, status: 404 })
      throw new HttpError(404, 'session not found; open a new one with GET …/sse')
    }
    return connection
  }

  function tick(): void {
    const now = Date.now()
    for (const { stream } of connections.values()) stream.tick(now)
  }

  return Object.defineProperty(
    Object.assign(handler, {
      openSessions: 0,
      async close(graceMs: number): Promise<void> {
        closing = true
        const all = [...connections.values()]
        await drainSessions(
          all.map(({ session }) => session),
          graceMs,
        )
        for (const { stream } of connections.values()) stream.end()
        clearInterval(ticker)
      },
    }),
    'openSessions',
    { get: () => connections.size },
  )
}
