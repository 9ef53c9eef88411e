// `POST …/mcp` without sessions in both eras: Streamable HTTP of 2025-03-26 … 2025-11-25 without a session id, and the stateless protocol
// of 2026-07-28. No POST depends on another, so any replica can answer it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '../context.ts'
import { ErrorCode, ToolError } from '../errors.ts'
import { classify, errorText } from '../jsonrpc.ts'
import { assumedWithoutHeader, findRevision, latestLegacy, modern, type Revision } from '../revisions.ts'
import type { Server } from '../server.ts'
import { drainSessions, type Reply, Session, type SessionOptions } from '../session.ts'
import type { Caller, JsonRpcErrorObject, RequestId } from '../types.ts'
import { EventStream } from './event-stream.ts'
import {
  createListener,
  type Handler,
  HttpError,
  type HttpOptions,
  httpSettings,
  methodNotAllowed,
  readMessage,
  shuttingDown,
} from './http.ts'
import { checkModern, isModern, unsupportedVersion } from './modern-request.ts'

/**
 * Serves `POST` wherever it is mounted. GET and DELETE are 405: there is no back-channel and no session (2025-11-25 basic/transports).
 *
 * @example
 * const mcp = streamableHttp(server)
 * createServer((req, res) => mcp(req, res)).listen(8080, '127.0.0.1')
 */
export function streamableHttp(server: Server, options: HttpOptions = {}): Handler {
  const settings = httpSettings(options)
  const readAccept = acceptReader()
  const active = new Set<Session>()
  const { ticker } = settings
  let closing = false

  async function post(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    if (req.method !== 'POST') throw methodNotAllowed('POST')
    if (closing) throw shuttingDown()
    const accepts = readAccept(req)
    const body = await readMessage(req, settings)
    const { maxInFlight } = settings
    const respond = (options: Omit<SessionOptions, 'maxInFlight'>, work: Work): Promise<void> =>
      answer(res, accepts, caller, new Session(server, { maxInFlight, ...options }), work)
    if (Array.isArray(body)) {
      // Only 2025-03-26 has batches, and a request without the header is taken for that version.
      const revision = legacyRevision(req)
      if (revision === undefined) return refuse(res, unsupportedVersion(versionHeader(req)), null)
      return respond({ revision, logLevel: 'info' }, (session, exchange) => session.receiveBatch(body, exchange))
    }
    const incoming = classify(body)
    const receive: Work = (session, exchange) => session.receive(incoming, exchange)
    if (isModern(req, body)) {
      if (incoming.kind === 'notification') return accepted(res)
      if (incoming.kind === 'malformed') return refuse(res, incoming.error, incoming.id ?? undefined)
      if (incoming.kind === 'response')
        return refuse(res, { code: ErrorCode.invalidRequest, message: 'a response is not accepted here' }, undefined)
      const checked = checkModern(req, incoming.message)
      if ('error' in checked) return refuse(res, checked.error, incoming.message.id)
      return respond({ revision: modern, ...checked }, receive)
    }
    if (incoming.kind === 'malformed') return refuse(res, incoming.error, incoming.id)
    const request = incoming.kind === 'request' ? incoming.message : undefined
    // Some clients send a fixed version header with `initialize` too, where it has no meaning yet.
    const revision = request?.method === 'initialize' ? latestLegacy : legacyRevision(req)
    if (revision === undefined) return refuse(res, unsupportedVersion(versionHeader(req)), request?.id ?? null)
    return request === undefined ? accepted(res) : respond({ revision, logLevel: 'info' }, receive)
  }

  /** Runs one exchange and answers it: as JSON, or as an event stream from the first notification on or after `silentMs`. */
  async function answer(res: ServerResponse, accepts: Accepts, caller: Caller, session: Session, work: Work): Promise<void> {
    let stream: EventStream | undefined
    const started = Date.now()
    const openStream = (): EventStream => (stream ??= new EventStream(res, settings, () => {}))
    const keepAlive = {
      tick(now: number): void {
        if (stream !== undefined) stream.tick(now)
        // Proxies give up on a response that has not begun, many of them after 60 s.
        else if (now - started >= settings.silentMs && !res.destroyed) openStream().comment()
      },
    }
    const exchange: Exchange = {
      caller,
      notify: (text) => {
        if (accepts.stream && !res.destroyed) openStream().send('message', text)
      },
    }
    // 2026-07-28 basic/patterns/cancellation: closing the response cancels. Before, a disconnect SHOULD NOT be read as a cancellation.
    if (session.revision.era === 'modern')
      res.once('close', () => {
        if (!res.writableFinished) session.close(new ToolError('CANCELLED', 'the client closed the response'))
      })
    active.add(session)
    if (accepts.stream) ticker.add(keepAlive)
    try {
      const reply = await work(session, exchange)
      if (res.destroyed) return
      if (reply !== undefined && stream === undefined && accepts.json)
        return sendReply(res, statusOf(reply, session.revision), reply.text)
      if (reply === undefined && stream === undefined) return accepted(res)
      const open = openStream()
      if (reply !== undefined) open.send('message', reply.text)
      open.end()
    } finally {
      active.delete(session)
      ticker.delete(keepAlive)
    }
  }

  return Object.assign(createListener(settings, post), {
    openSessions: 0,
    async close(graceMs: number): Promise<void> {
      closing = true
      await drainSessions([...active], graceMs)
    },
  })
}

type Work = (session: Session, exchange: Exchange) => Promise<Reply | undefined>

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
    if (!accepts.json && !accepts.stream)
      throw new HttpError(406, 'Accept must include application/json or text/event-stream', { reason: 'body' })
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

/** Legacy clients read the body; the stateless protocol gives these errors a status of their own (2026-07-28 basic/transports). */
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

function refuse(res: ServerResponse, error: JsonRpcErrorObject, id: RequestId | null | undefined): void {
  sendReply(res, 400, errorText(id, error))
}

function accepted(res: ServerResponse): void {
  res.writeHead(202, { 'Content-Length': 0 }).end()
}
