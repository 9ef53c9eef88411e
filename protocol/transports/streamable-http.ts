// `POST …/mcp`, sessionless in both eras: Streamable HTTP of 2025-03-26 … 2025-11-25 without a session id, and the stateless protocol of
// 2026-07-28. Every POST stands alone, so any replica can answer it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '../context.ts'
import { ErrorCode, ToolError } from '../errors.ts'
import { classify, errorText } from '../jsonrpc.ts'
import { assumedWithoutHeader, findRevision, latestLegacy, modern, type Revision, revisions } from '../revisions.ts'
import type { Server } from '../server.ts'
import { drainSessions, type Reply, Session } from '../session.ts'
import type { Caller, JsonRpcErrorObject, RequestId } from '../types.ts'
import { EventStream } from './event-stream.ts'
import {
  admit,
  type Handler,
  HttpError,
  type HttpOptions,
  type HttpSettings,
  httpSettings,
  methodNotAllowed,
  readMessage,
  sendError,
} from './http.ts'
import { checkModern, isModern, type ModernRequest } from './modern-request.ts'

/** Serves `POST` wherever it is mounted. GET and DELETE are 405: there is no back-channel and no session (2025-11-25 basic/transports). */
export function streamableHttp(server: Server, options: HttpOptions = {}): Handler {
  const settings = httpSettings(options)
  const readAccept = acceptReader()
  const active = new Set<Session>()
  const streams = new Set<EventStream>()
  let closing = false
  let ticker: NodeJS.Timeout | undefined

  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    const caller = admit(req, res, settings)
    if (caller === undefined) return
    if (req.method !== 'POST') return sendError(req, res, methodNotAllowed('POST'))
    if (closing) return sendError(req, res, new HttpError(503, 'the server is shutting down', { 'Retry-After': '5' }))
    void post(req, res, caller).catch((error: unknown) => {
      const known = error instanceof HttpError ? error : new HttpError(500, 'internal error', {}, ErrorCode.internalError)
      settings.onRefused({ reason: 'body', req, caller, status: known.status })
      sendError(req, res, known)
    })
  }

  async function post(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    const accepts = readAccept(req)
    const body = await readMessage(req, settings)
    if (Array.isArray(body)) {
      // Batches exist in 2025-03-26 only, and that is what a request without the header speaks.
      const revision = legacyRevision(req)
      if (revision === undefined) return refuse(res, 400, unsupported(req), null)
      return answer(res, accepts, caller, new Session(server, legacySession(settings, revision)), (session, exchange) =>
        session.receiveBatch(body, exchange),
      )
    }
    const incoming = classify(body)
    const stateless = isModern(req, body)
    if (incoming.kind === 'malformed')
      return refuse(res, 400, incoming.error, stateless && incoming.id === null ? undefined : incoming.id)
    if (stateless) {
      if (incoming.kind === 'response')
        return refuse(res, 400, { code: ErrorCode.invalidRequest, message: 'a response is not accepted here' }, undefined)
      if (incoming.kind === 'notification') return accepted(res)
      const checked = checkModern(req, incoming.message)
      if ('error' in checked) return refuse(res, 400, checked.error, incoming.message.id)
      return answer(res, accepts, caller, new Session(server, modernSession(settings, checked)), (session, exchange) =>
        session.receive(incoming, exchange),
      )
    }
    const isInitialize = incoming.kind === 'request' && incoming.message.method === 'initialize'
    // Some clients send a fixed version header with `initialize` too, where it means nothing yet.
    const revision = isInitialize ? latestLegacy : legacyRevision(req)
    if (revision === undefined)
      return refuse(res, 400, unsupported(req), incoming.kind === 'request' ? incoming.message.id : null)
    if (incoming.kind !== 'request') return accepted(res)
    return answer(res, accepts, caller, new Session(server, legacySession(settings, revision)), (session, exchange) =>
      session.receive(incoming, exchange),
    )
  }

  /** Runs one exchange and answers it: as JSON, or as an event stream from the first notification on. */
  async function answer(
    res: ServerResponse,
    accepts: Accepts,
    caller: Caller,
    session: Session,
    run: (session: Session, exchange: Exchange) => Promise<Reply | undefined>,
  ): Promise<void> {
    let stream: EventStream | undefined
    const startStream = (): EventStream => {
      const started = new EventStream(res, settings, () => {
        streams.delete(started)
        stopTicker()
      })
      streams.add(started)
      ticker ??= setInterval(tick, Math.ceil(settings.keepAliveMs / 3)).unref()
      return started
    }
    const exchange: Exchange = {
      caller,
      notify: (text) => {
        if (!accepts.stream || res.destroyed) return
        stream ??= startStream()
        stream.send('message', text)
      },
    }
    // 2026-07-28 basic/patterns/cancellation: closing the response is the cancellation. Before, a disconnect SHOULD NOT be read as one.
    const onClose = (): void => {
      if (!res.writableFinished && session.revision.era === 'modern')
        session.close(new ToolError('CANCELLED', 'the client closed the response'))
    }
    res.once('close', onClose)
    active.add(session)
    try {
      const reply = await run(session, exchange)
      if (res.destroyed) return
      if (reply === undefined) {
        if (stream === undefined) accepted(res)
        else stream.end()
        return
      }
      if (stream === undefined && !accepts.json) stream = startStream()
      if (stream === undefined) return sendReply(res, statusOf(reply, session.revision), reply.text)
      stream.send('message', reply.text)
      stream.end()
    } finally {
      active.delete(session)
    }
  }

  function tick(): void {
    const now = Date.now()
    for (const stream of streams) stream.tick(now)
  }

  function stopTicker(): void {
    if (streams.size > 0) return
    clearInterval(ticker)
    ticker = undefined
  }

  return Object.assign(handler, {
    openSessions: 0,
    async close(graceMs: number): Promise<void> {
      closing = true
      await drainSessions([...active], graceMs)
    },
  })
}

interface Accepts {
  json: boolean
  stream: boolean
}

const maxKnownAccepts = 100

/**
 * Reads what a client accepts, each header value once: every client sends the same with each of its POSTs. A stream is sent only to
 * clients that name it: `curl` with its own wildcard `Accept`, or none, gets JSON. The reader throws HttpError 406 when neither is accepted.
 */
function acceptReader(): (req: IncomingMessage) => Accepts {
  const known = new Map<string, Accepts>()
  return (req) => {
    const accept = req.headers.accept ?? '*/*'
    let accepts = known.get(accept)
    if (accepts === undefined) {
      accepts = parseAccept(accept)
      if (known.size < maxKnownAccepts) known.set(accept, accepts)
    }
    if (!accepts.json && !accepts.stream) throw new HttpError(406, 'Accept must admit application/json or text/event-stream')
    return accepts
  }
}

function parseAccept(accept: string): Accepts {
  const types = accept
    .toLowerCase()
    .split(',')
    .filter((part) => !/;\s*q=0(\.0*)?\s*(;|$)/.test(part))
    .map((part) => part.split(';', 1)[0]?.trim())
  return {
    json: types.some((type) => type === 'application/json' || type === 'application/*' || type === '*/*'),
    stream: types.includes('text/event-stream') || types.includes('text/*'),
  }
}

function versionHeader(req: IncomingMessage): string | undefined {
  const value = req.headers['mcp-protocol-version']
  return Array.isArray(value) ? value[0] : value
}

/** Undefined for a version that does not exist (2025-06-18 basic/transports §Protocol Version Header: 400). */
function legacyRevision(req: IncomingMessage): Revision | undefined {
  const version = versionHeader(req)
  if (version === undefined) return assumedWithoutHeader
  const revision = findRevision(version)
  return revision?.era === 'legacy' ? revision : undefined
}

function unsupported(req: IncomingMessage): JsonRpcErrorObject {
  const requested = versionHeader(req)?.slice(0, 50)
  return {
    code: ErrorCode.unsupportedProtocolVersion,
    message: 'unsupported protocol version',
    data: { supported: revisions.map(({ version }) => version).toReversed(), requested },
  }
}

function legacySession(settings: HttpSettings, revision: Revision) {
  return { revision, logLevel: 'info' as const, maxInFlight: settings.maxInFlight }
}

function modernSession(settings: HttpSettings, { client, logLevel }: ModernRequest) {
  return { revision: modern, client, logLevel, maxInFlight: settings.maxInFlight }
}

/** Legacy clients look into the body; the stateless protocol gives the errors below a status of their own (2026-07-28 basic/transports). */
function statusOf(reply: Reply, revision: Revision): number {
  if (reply.code === ErrorCode.invalidRequest) return 400
  if (revision.era === 'legacy') return 200
  if (reply.code === ErrorCode.methodNotFound) return 404
  return reply.code === ErrorCode.missingClientCapability ? 400 : 200
}

function sendReply(res: ServerResponse, status: number, text: string): void {
  res
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
    })
    .end(text)
}

function refuse(res: ServerResponse, status: number, error: JsonRpcErrorObject, id: RequestId | null | undefined): void {
  sendReply(res, status, errorText(id, error))
}

function accepted(res: ServerResponse): void {
  res.writeHead(202, { 'Content-Length': 0 }).end()
}
