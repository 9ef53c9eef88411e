// `POST …/mcp` without sessions in both eras: Streamable HTTP of 2025-03-26 … 2025-11-25 without a session id, and the stateless protocol
// of 2026-07-28. No POST depends on another, so any replica can answer it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { monotonicMs } from '../clock.ts'
import type { Exchange, SessionState } from '../context.ts'
import { ErrorCode, ProtocolError, ToolError } from '../errors.ts'
import { classify, errorText, type Incoming } from '../jsonrpc.ts'
import { assumedWithoutHeader, findRevision, latestLegacy, type Revision } from '../revisions.ts'
import type { Server } from '../server.ts'
import { type Reply, Session } from '../session.ts'
import type { Caller, JsonRpcErrorObject, RequestId } from '../types.ts'
import { EventStream, type TickTarget } from './event-stream.ts'
import {
  createListener,
  type Handler,
  HttpError,
  type HttpOptions,
  type HttpSettings,
  handlerOf,
  httpSettings,
  methodNotAllowed,
  readMessage,
  sendJson,
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
  let closing = false

  async function post(req: IncomingMessage, res: ServerResponse, caller: Caller): Promise<void> {
    if (req.method !== 'POST') throw methodNotAllowed('POST')
    if (closing) throw shuttingDown()
    const accepts = readAccept(req)
    const body = await readMessage(req, settings)
    if (closing) throw shuttingDown() // close() waits only for requests that it found running
    const respond = (state: SessionState, message: Incoming | readonly unknown[]): Promise<void> =>
      new PostExchange(res, accepts, caller, new Session(server, state, settings.maxInFlight), settings).run(message)
    let id: RequestId | null = null
    try {
      // Only 2025-03-26 has batches, and a request without the header is taken for that version.
      if (Array.isArray(body)) return respond({ revision: legacyRevision(req), logLevel: 'info' }, body)
      const incoming = classify(body)
      const request = incoming.kind === 'request' ? incoming.message : undefined
      id = request?.id ?? null
      if (isModern(req, body)) {
        if (incoming.kind === 'notification') return accepted(res)
        if (incoming.kind === 'malformed') return refuse(res, incoming.error, incoming.id ?? undefined)
        if (request === undefined)
          return refuse(res, { code: ErrorCode.invalidRequest, message: 'a response is not accepted here' }, undefined)
        return respond(checkModern(req, request), incoming)
      }
      if (incoming.kind === 'malformed') return refuse(res, incoming.error, incoming.id)
      // Some clients send a fixed version header with `initialize` too, where it has no meaning yet.
      const revision = request?.method === 'initialize' ? latestLegacy : legacyRevision(req)
      return request === undefined ? accepted(res) : respond({ revision, logLevel: 'info' }, incoming)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      refuse(res, error, id)
    }
  }

  async function close(graceMs: number): Promise<void> {
    closing = true
    const sessions = settings.ticker.targets.flatMap((target) => (target instanceof PostExchange ? target.session : []))
    await Session.drain(sessions, graceMs)
  }

  return handlerOf(createListener(settings, post), () => 0, close)
}

/** The answer to one POST while its requests run. A class, because closures for each POST would cost more memory than its message. */
class PostExchange implements Exchange, TickTarget {
  readonly caller: Caller
  readonly session: Session
  readonly #res: ServerResponse
  readonly #accepts: Accepts
  readonly #settings: HttpSettings
  readonly #started = monotonicMs()
  #stream: EventStream | undefined

  constructor(res: ServerResponse, accepts: Accepts, caller: Caller, session: Session, settings: HttpSettings) {
    this.caller = caller
    this.session = session
    this.#res = res
    this.#accepts = accepts
    this.#settings = settings
  }

  /** Answers a message or a batch: as JSON, or as an event stream from the first notification on or after `silentMs`. */
  async run(message: Incoming | readonly unknown[]): Promise<void> {
    const { session } = this
    const res = this.#res
    const { revision } = session.state
    // 2026-07-28 basic/patterns/cancellation: closing the response cancels. Before, a disconnect SHOULD NOT be read as a cancellation.
    if (revision.era === 'modern')
      res.once('close', () => {
        if (!res.writableFinished) session.close(new ToolError('CANCELLED', 'the client closed the response'))
      })
    const { ticker } = this.#settings
    ticker.add(this)
    try {
      const reply = await ('kind' in message ? session.receive(message, this) : session.receiveBatch(message, this))
      if (res.destroyed) return
      if (this.#stream === undefined) {
        if (reply === undefined) return accepted(res)
        if (this.#accepts.json) return sendJson(res, statusOf(reply, revision), reply.text)
      }
      const stream = this.#openStream()
      if (reply !== undefined) stream.send('message', reply.text)
      stream.end()
    } finally {
      ticker.delete(this)
    }
  }

  notify(text: string): void {
    if (this.#accepts.stream && !this.#res.destroyed) this.#openStream().send('message', text)
  }

  tick(now: number): void {
    if (this.#stream !== undefined) this.#stream.tick(now)
    // Proxies give up on a response that has not begun, many of them after 60 s.
    else if (this.#accepts.stream && now - this.#started >= this.#settings.silentMs && !this.#res.destroyed)
      this.#openStream().comment()
  }

  #openStream(): EventStream {
    this.#stream ??= new EventStream(this.#res, this.#settings, () => {})
    return this.#stream
  }
}

interface Accepts {
  json: boolean
  stream: boolean
}

const maxKnownAccepts = 100
const knownAccepts = new Map<string, Accepts>()

/**
 * Reads what a client accepts, each header value once: every client sends the same with each of its POSTs. A stream is sent only to
 * clients that name it: `curl` with its own wildcard `Accept`, or none, gets JSON.
 * @throws HttpError 406 when neither is accepted
 */
function readAccept(req: IncomingMessage): Accepts {
  const accept = req.headers.accept ?? '*/*'
  let accepts = knownAccepts.get(accept)
  if (accepts === undefined) {
    accepts = parseAccept(accept)
    if (knownAccepts.size < maxKnownAccepts) knownAccepts.set(accept, accepts)
  }
  if (!accepts.json && !accepts.stream)
    throw new HttpError(406, 'Accept must include application/json or text/event-stream', { reason: 'body' })
  return accepts
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

/** @throws ProtocolError for a version that does not exist (2025-06-18 basic/transports §Protocol Version Header: 400) */
function legacyRevision(req: IncomingMessage): Revision {
  const version = req.headers['mcp-protocol-version']?.toString()
  if (version === undefined) return assumedWithoutHeader
  const revision = findRevision(version)
  if (revision?.era === 'legacy') return revision
  throw unsupportedVersion(version)
}

/** Legacy clients read the body; the stateless protocol gives these errors a status of their own (2026-07-28 basic/transports). */
function statusOf(reply: Reply, revision: Revision): number {
  if (reply.code === ErrorCode.invalidRequest) return 400
  if (revision.era === 'legacy') return 200
  if (reply.code === ErrorCode.methodNotFound) return 404
  return reply.code === ErrorCode.missingClientCapability ? 400 : 200
}

function refuse(res: ServerResponse, error: JsonRpcErrorObject, id: RequestId | null | undefined): void {
  sendJson(res, 400, errorText(id, error))
}

function accepted(res: ServerResponse): void {
  res.writeHead(202, { 'Content-Length': 0 }).end()
}
