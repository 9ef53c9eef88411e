// What every HTTP exchange shares: reading a bounded body, refusing with a status and a JSON-RPC error object, and the options of both transports.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Access, createAccess, isRefusal, type Refusal } from '../access.ts'
import { ErrorCode, ProtocolError } from '../errors.ts'
import { errorText, parseJson } from '../jsonrpc.ts'
import type { Caller } from '../types.ts'

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
  /** An event stream whose client has taken nothing for so many milliseconds, or up to twice as many, is dropped. Default 60,000. */
  stallMs?: number
  /** Bytes that may wait for one slow client. Default 4 MiB. */
  maxBufferedBytes?: number
  /** Public path prefix that a reverse proxy strips, put before the path in the `endpoint` event. Default none. */
  basePath?: string
  /** Told of every refusal, before it is answered. */
  onRefused?: (refused: { reason: RefusedReason; req: IncomingMessage; caller: Caller | undefined; status: number }) => void
}

export type RefusedReason = Refusal['reason'] | 'session' | 'sessions-full' | 'body' | 'client-stalled'

export interface HttpSettings extends Required<Omit<HttpOptions, 'onRefused'>> {
  onRefused: NonNullable<HttpOptions['onRefused']>
}

export function httpSettings(options: HttpOptions): HttpSettings {
  return {
    access: options.access ?? createAccess(),
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    bodyTimeoutMs: options.bodyTimeoutMs ?? 15_000,
    maxSessions: options.maxSessions ?? 256,
    maxInFlight: options.maxInFlight ?? 64,
    keepAliveMs: options.keepAliveMs ?? 15_000,
    stallMs: options.stallMs ?? 60_000,
    maxBufferedBytes: options.maxBufferedBytes ?? 4 * 1_048_576,
    basePath: (options.basePath ?? '').replace(/\/$/, ''),
    onRefused: options.onRefused ?? (() => {}),
  }
}

/** A refusal below JSON-RPC: it has an HTTP status of its own. */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly code: number

  constructor(status: number, message: string, headers: Record<string, string> = {}, code: number = ErrorCode.invalidRequest) {
    super(message)
    this.status = status
    this.headers = headers
    this.code = code
  }
}

/** Checks Host, Origin and credentials. Answers a refusal itself and returns undefined. */
export function admit(req: IncomingMessage, res: ServerResponse, settings: HttpSettings): Caller | undefined {
  const answer = settings.access(req)
  if (!isRefusal(answer)) return answer
  settings.onRefused({ reason: answer.reason, req, caller: undefined, status: answer.status })
  sendError(req, res, new HttpError(answer.status, answer.message, answer.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}))
  return undefined
}

/**
 * Reads the JSON body of a POST and parses it.
 * @throws HttpError 415 for another media type, 413 above `maxBodyBytes`, 408 after `bodyTimeoutMs`, 400 when it is not JSON or the client leaves
 */
export async function readMessage(req: IncomingMessage, settings: HttpSettings): Promise<unknown> {
  const body = await readBody(req, settings)
  try {
    return parseJson(body)
  } catch (error) {
    if (error instanceof ProtocolError) throw new HttpError(400, error.message, {}, error.code)
    throw error
  }
}

function readBody(req: IncomingMessage, settings: HttpSettings): Promise<Buffer> {
  const { maxBodyBytes, bodyTimeoutMs } = settings
  const mediaType = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    return Promise.reject(new HttpError(415, `Content-Type must be application/json, got "${(mediaType ?? '').slice(0, 80)}"`))
  }
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return Promise.reject(
      new HttpError(415, `Content-Encoding "${encoding.slice(0, 80)}" is not supported`, { 'Accept-Encoding': 'identity' }),
    )
  }
  const tooLarge = () => new HttpError(413, `body is larger than ${maxBodyBytes} bytes`, { Connection: 'close' })
  if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const timer = setTimeout(
      () => fail(new HttpError(408, `body did not arrive within ${bodyTimeoutMs} ms`, { Connection: 'close' })),
      bodyTimeoutMs,
    )
    const fail = (error: HttpError): void => {
      clearTimeout(timer)
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBodyBytes) fail(tooLarge())
      else chunks.push(chunk)
    }
    const onEnd = (): void => {
      clearTimeout(timer)
      req.off('close', onGone)
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    }
    const onGone = (): void => fail(new HttpError(400, 'the client left before its body was complete'))
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

const drainMs = 2_000

/** Answers with a status and a JSON-RPC error object without id: no request could be read (2025-03-26 basic/transports §Sending Messages). */
export function sendError(req: IncomingMessage, res: ServerResponse, error: HttpError): void {
  if (res.headersSent || res.destroyed) return
  const unread =
    !req.complete && (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0)
  const body = errorText(null, { code: error.code, message: error.message })
  res.writeHead(error.status, {
    ...error.headers,
    ...(unread ? { Connection: 'close' } : {}),
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  res.end(body)
  if (unread) {
    // Read on for a moment and throw it away: a socket closed with unread bytes resets, and the client may never see the answer.
    req.resume()
    const timer = setTimeout(() => req.destroy(), drainMs)
    req.once('close', () => clearTimeout(timer))
  }
}

/** `/a/b?x=1` → `/a/b`. */
export function pathOf(req: IncomingMessage): string {
  const url = req.url ?? '/'
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

export function methodNotAllowed(allow: string): HttpError {
  return new HttpError(405, `use ${allow}`, { Allow: allow })
}
