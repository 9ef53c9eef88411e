// HTTP+SSE, the transport of MCP 2024-11-05 (basic/transports §HTTP with SSE): `GET …/sse` opens the stream and the session, the client
// POSTs its messages to the path that the first event names. Gateways use it with `transport: sse`.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ToolError } from '../errors.ts'
import { classify } from '../jsonrpc.ts'
import { latestLegacy } from '../revisions.ts'
import type { Server } from '../server.ts'
import { Session } from '../session.ts'
import type { Caller } from '../types.ts'
import { EventStream } from './event-stream.ts'
import {
  createListener,
  type Handler,
  HttpError,
  type HttpOptions,
  handlerOf,
  httpSettings,
  methodNotAllowed,
  pathOf,
  readMessage,
  shuttingDown,
} from './http.ts'
import { atEndOfTurn } from './slow-clients.ts'

interface Connection {
  session: Session
  stream: EventStream
  principal: string
}

/**
 * Serves `GET …/sse`, `POST …/messages` and its alias `POST …/sse/messages`, wherever they are mounted.
 * Everything else is answered 404 or 405; `POST …/sse` is 405, which tells newer clients to fall back to this transport.
 *
 * @example
 * const sse = httpSse(server)
 * createServer((req, res) => sse(req, res)).listen(8080, '127.0.0.1')
 */
export function httpSse(server: Server, options: HttpOptions = {}): Handler {
  const settings = httpSettings(options)
  const connections = new Map<string, Connection>()
  const { ticker } = settings
  let closing = false

  const listener = createListener(settings, async (req, res, caller) => {
    const path = pathOf(req)
    const isStream = path.endsWith('/sse')
    if (!isStream && !path.endsWith('/messages')) throw new HttpError(404, 'not found')
    const method = isStream ? 'GET' : 'POST'
    if (req.method !== method) throw methodNotAllowed(method)
    return isStream ? open(req, res, caller, path) : post(req, res, caller)
  })

  function open(req: IncomingMessage, res: ServerResponse, caller: Caller, path: string): void {
    if (closing) throw shuttingDown()
    if (connections.size >= settings.maxSessions) {
      const headers = { 'Retry-After': '5' }
      throw new HttpError(503, `all ${settings.maxSessions} sessions are in use`, { headers, reason: 'sessions-full' })
    }
    const id = randomBytes(16).toString('hex')
    // Works before and without `initialize`: a client that reconnects by itself does not repeat it (docs/clients.md).
    const session = new Session(server, { id, revision: latestLegacy, logLevel: 'info' }, settings.maxInFlight)
    const stream = new EventStream(res, settings, (dropped) => {
      connections.delete(id)
      ticker.delete(stream)
      if (dropped) settings.onRefused({ reason: 'client-stalled', req, caller, status: 0 })
      session.close(new ToolError('CANCELLED', 'the client closed its stream'))
    })
    connections.set(id, { session, stream, principal: caller.principal })
    ticker.add(stream)
    // A path, never a URL built from Host: clients refuse another origin, and `localhost` is not `127.0.0.1` for them.
    stream.send('endpoint', `${settings.basePath}${path.slice(0, -'/sse'.length)}/messages?sessionId=${id}`)
  }

  async function post(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    const { session, stream } = find(req, caller)
    const body = await readMessage(req, settings)
    // The Python client sends nothing more until its POST is answered, so the 202 does not wait for what the tool awaits. It goes out together
    // with the answers of fast tools: clients are woken once instead of twice, which is 2 to 11 % of the processor time of a call.
    atEndOfTurn(res, () => res.writeHead(202, { 'Content-Type': 'text/plain', 'Content-Length': 8 }).end('Accepted'))
    const exchange = { caller, notify: (text: string) => stream.send('message', text) }
    const reply = Array.isArray(body)
      ? await session.receiveBatch(body, exchange)
      : await session.receive(classify(body), exchange)
    // Errors are sent on the stream too: after a 4xx the Python client would wait for its read timeout.
    if (reply !== undefined) stream.send('message', reply.text)
  }

  /** @throws HttpError 400 without a session id, 404 for one that is unknown or that another principal opened: the two look the same */
  function find(req: IncomingMessage, caller: Caller): Connection {
    const id = /[?&]session(?:Id|_id)=([^&]+)/.exec(req.url ?? '')?.[1]
    if (id === undefined) {
      const message = 'the sessionId query parameter is missing; GET …/sse names the URL to post to'
      throw new HttpError(400, message, { reason: 'body' })
    }
    const connection = connections.get(id)
    if (connection === undefined || connection.principal !== caller.principal)
      throw new HttpError(404, 'session not found; open a new one with GET …/sse', { reason: 'session' })
    return connection
  }

  async function close(graceMs: number): Promise<void> {
    closing = true
    const sessions = Array.from(connections.values(), ({ session }) => session)
    await Session.drain(sessions, graceMs)
    await new Promise(setImmediate) // the last 202
    for (const { stream } of connections.values()) stream.end()
  }

  return handlerOf(listener, () => connections.size, close)
}
