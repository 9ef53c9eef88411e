// What both transports share: their options, access and CORS, reading a bounded body, and refusals with a status and a JSON-RPC error object.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type Access, createAccess, isRefusal, type Refusal } from '../access.ts'
import { monotonicMs } from '../clock.ts'
import { ErrorCode, ProtocolError } from '../errors.ts'
import { errorText, parseJson } from '../jsonrpc.ts'
import type { Caller } from '../types.ts'
import { Ticker } from './event-stream.ts'
import { awaitClient } from './slow-clients.ts'

/** A request listener for `http.createServer`, or for one path of a larger server. */
export interface Handler {
  (req: IncomingMessage, res: ServerResponse): void
  /** Open sessions; 0 for a transport that has none. */
  readonly openSessions: number
  /** Refuses new work, lets what is in flight finish for at most `graceMs`, fails the rest, and ends every stream. */
  close(graceMs: number): Promise<void>
}

export interface HttpOptions {
  /** Default: no tokens, and the Host and Origin rule of {@link createAccess}. */
  access?: Access
  /** Largest request body in bytes. Default 1 MiB. */
  maxBodyBytes?: number
  /** A body must have arrived within this many milliseconds. Default 15,000. */
  bodyTimeoutMs?: number
  /** Open HTTP+SSE sessions; one more is answered 503. Default 256. */
  maxSessions?: number
  /** Requests in flight on one session. Default 64. */
  maxInFlight?: number
  /** A comment is sent on every event stream this often, in milliseconds. Default 15,000: some proxies drop after 60 s of silence. */
  keepAliveMs?: number
  /** `/mcp` begins its answer as an event stream after so many milliseconds without a result, if the client accepts one. Default 10,000. */
  silentMs?: number
  /** An event stream whose client has taken nothing for so many milliseconds, or up to twice as many, is dropped. Default 60,000. */
  stallMs?: number
  /** Bytes that may wait for one slow client. Default 4 MiB. */
  maxBufferedBytes?: number
  /** Public path prefix that a reverse proxy strips, put before the path in the `endpoint` event. Default none. */
  basePath?: string
  /** Called for every refusal, before it is answered. */
  onRefused?: (refused: { reason: RefusedReason; req: IncomingMessage; caller: Caller | undefined; status: number }) => void
}

export type RefusedReason = Refusal['reason'] | 'session' | 'sessions-full' | 'body' | 'client-stalled'

export interface HttpSettings extends Required<HttpOptions> {
  /** Checks the limits of waits and streams. */
  readonly ticker: Ticker
}

const defaultStallMs = 60_000

export function httpSettings(options: HttpOptions): HttpSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const settings = {
    maxBodyBytes: 1_048_576,
    bodyTimeoutMs: 15_000,
    maxSessions: 256,
    maxInFlight: 64,
    keepAliveMs: 15_000,
    silentMs: 10_000,
    stallMs: defaultStallMs,
    maxBufferedBytes: 4 * 1_048_576,
    onRefused: () => {},
    ...given,
    access: options.access ?? createAccess(),
    basePath: (options.basePath ?? '').replace(/\/$/, ''),
  }
  const { keepAliveMs, silentMs, bodyTimeoutMs } = settings
  const tickMs = Math.min(1_000, Math.ceil(Math.min(keepAliveMs, silentMs, bodyTimeoutMs) / 3))
  return { ...settings, ticker: new Ticker(tickMs) }
}

/** The handler of a transport; `openSessions` is counted whenever it is read. */
export function handlerOf(listener: RequestListener, openSessions: () => number, close: Handler['close']): Handler {
  const handler = Object.assign(listener, { openSessions: 0, close })
  return Object.defineProperty(handler, 'openSessions', { get: openSessions })
}

/** A refusal below JSON-RPC, with an HTTP status of its own. `reason` is reported to `onRefused`. */
export class HttpError extends Error {
  readonly status: number
  readonly options: { headers?: Record<string, string>; code?: number; reason?: RefusedReason }

  constructor(status: number, message: string, options: HttpError['options'] = {}) {
    super(message)
    this.status = status
    this.options = options
  }
}

/** A request listener that checks Host, Origin and credentials, answers preflights, and turns what `handle` throws into an answer. */
export function createListener(
  settings: HttpSettings,
  handle: (req: IncomingMessage, res: ServerResponse, caller: Caller) => Promise<void>,
): RequestListener {
  return (req, res) => {
    const answer = settings.access(req)
    const caller = isRefusal(answer) ? undefined : answer
    if (answerCrossOrigin(req, res, settings.access)) return
    const refuse = (error: HttpError): void => {
      const { reason } = error.options
      if (reason !== undefined) settings.onRefused({ reason, req, caller, status: error.status })
      sendError(req, res, error)
    }
    if (isRefusal(answer)) {
      const headers: Record<string, string> = answer.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}
      return refuse(new HttpError(answer.status, answer.message, { headers, reason: answer.reason }))
    }
    handle(req, res, answer).catch((error: unknown) => {
      if (error instanceof HttpError) return refuse(error)
      if (error instanceof ProtocolError) return refuse(new HttpError(400, error.message, { code: error.code, reason: 'body' }))
      refuse(new HttpError(500, 'internal error', { code: ErrorCode.internalError, reason: 'body' }))
    })
  }
}

const crossOriginHeaders = /^(mcp-[a-z0-9-]+|authorization|x-api-key|content-type|accept|last-event-id|traceparent)$/

/**
 * Lets pages of a listed origin read the answers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). A preflight carries no
 * credentials, so it is answered before they are checked: then this returns true.
 */
function answerCrossOrigin(req: IncomingMessage, res: ServerResponse, access: Access): boolean {
  const { origin } = req.headers
  if (origin === undefined || access.sharesWith?.(origin) !== true) return false
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Vary', 'Origin')
  res.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After, Allow, MCP-Protocol-Version, Mcp-Session-Id')
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false
  const wanted = (req.headers['access-control-request-headers'] ?? '').toLowerCase().split(',')
  const allowed = wanted.map((name) => name.trim()).filter((name) => crossOriginHeaders.test(name))
  res.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Headers': allowed.join(', '),
    'Access-Control-Max-Age': '7200',
  })
  res.end()
  return true
}

const jsonType = 'application/json'

/**
 * Reads the JSON body of a POST and parses it.
 * @throws HttpError 415 for another media type, 413 above `maxBodyBytes`, 408 after `bodyTimeoutMs`, 400 when the client leaves,
 * 503 while too much is arriving
 * @throws ProtocolError when it is not JSON
 */
export async function readMessage(req: IncomingMessage, settings: HttpSettings): Promise<unknown> {
  return parseJson(await readBody(req, settings))
}

/** Bytes of incomplete bodies that a process holds: each connection could send almost a whole one and stop. */
const maxArrivingBytes = 8 * 1_048_576
let arriving = 0
/** Pieces of a body that are joined when there are so many: a client may send each byte as a chunk of its own, and a Buffer takes 100 bytes. */
const maxPieces = 256

function readBody(req: IncomingMessage, { maxBodyBytes, bodyTimeoutMs, ticker }: HttpSettings): Promise<Buffer> {
  const { 'content-type': contentType = '', 'content-encoding': encoding, 'content-length': length = '0' } = req.headers
  const mediaType = contentType === jsonType ? jsonType : contentType.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType !== jsonType) throw bodyError(415, `Content-Type must be ${jsonType}, got "${(mediaType ?? '').slice(0, 80)}"`)
  if (encoding !== undefined && encoding !== 'identity')
    throw bodyError(415, `Content-Encoding "${encoding.slice(0, 80)}" is not supported`, { 'Accept-Encoding': 'identity' })
  const tooLarge = () => bodyError(413, `body is larger than ${maxBodyBytes} bytes`, { Connection: 'close' })
  if (Number(length) > maxBodyBytes) throw tooLarge()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let joined = 0
    let bytes = 0
    const deadline = monotonicMs() + bodyTimeoutMs
    // Cheaper than a timer for each POST.
    const late = {
      tick(now: number): void {
        if (now >= deadline) fail(bodyError(408, `body did not arrive within ${bodyTimeoutMs} ms`, { Connection: 'close' }))
      },
    }
    ticker.add(late)
    const fail = (error: HttpError): void => {
      arriving -= bytes
      ticker.delete(late)
      req.off('data', onData).off('end', onEnd).off('close', onGone)
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      arriving += chunk.length
      if (bytes > maxBodyBytes) fail(tooLarge())
      else if (arriving > Math.max(maxArrivingBytes, 2 * maxBodyBytes))
        fail(bodyError(503, 'too many bodies are arriving', { 'Retry-After': '5', Connection: 'close' }))
      else if (chunks.push(chunk) - joined === maxPieces) {
        chunks.splice(joined, maxPieces, Buffer.concat(chunks.slice(joined)))
        joined += 1
      }
    }
    const onEnd = (): void => {
      arriving -= bytes
      ticker.delete(late)
      req.off('close', onGone)
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    }
    // Without a listener for 'error' Node emits only 'close' when the client leaves.
    const onGone = (): void => fail(bodyError(400, 'the client left before its body was complete'))
    req.on('data', onData).on('end', onEnd).on('close', onGone)
  })
}

function bodyError(status: number, message: string, headers: Record<string, string> = {}): HttpError {
  return new HttpError(status, message, { headers, reason: 'body' })
}

const drainMs = 2_000

/** Answers with a status and a JSON-RPC error object without id: no request could be read (2025-03-26 basic/transports §Sending Messages). */
function sendError(req: IncomingMessage, res: ServerResponse, { status, message, options }: HttpError): void {
  if (res.headersSent || res.destroyed) return
  const unread =
    !req.complete && (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0)
  const headers = unread ? { ...options.headers, Connection: 'close' } : options.headers
  sendJson(res, status, errorText(null, { code: options.code ?? ErrorCode.invalidRequest, message }), headers)
  if (unread) {
    // Discards the rest for a moment: closing a socket with unread bytes resets it, and the client may never see the answer.
    req.resume()
    const timer = setTimeout(() => req.destroy(), drainMs)
    req.once('close', () => clearTimeout(timer))
  }
}

export function sendJson(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = Buffer.byteLength(text)
  res.writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Content-Length': length, 'Cache-Control': 'no-store' })
  res.end(text)
  if (res.writableLength === 0) return
  res.setTimeout(defaultStallMs)
  // Not `res.destroy()`, which waits for the answers before it on its connection.
  awaitClient(res, () => res.req.socket.destroy())
}

/** The path without query and trailing slash: `/a/b/?x=1` → `/a/b`. */
export function pathOf(req: IncomingMessage): string {
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  return path.endsWith('/') ? path.slice(0, -1) : path
}

export function methodNotAllowed(allow: string): HttpError {
  return new HttpError(405, `use ${allow}`, { headers: { Allow: allow } })
}

export function shuttingDown(): HttpError {
  return new HttpError(503, 'the server is shutting down', { headers: { 'Retry-After': '5' } })
}
