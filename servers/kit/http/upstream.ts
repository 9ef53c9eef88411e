// HTTP client for one upstream: every answer has a limit in bytes and in time. Not global fetch, which costs 11 MiB of a 64 MiB container.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { urlToHttpOptions } from 'node:url'
import { ToolError } from '../../../protocol/index.ts'
import { withDeadline } from '../waiting.ts'
import { type ConnectionOptions, connectionError, openConnections } from './connections.ts'

export interface UpstreamOptions extends ConnectionOptions {
  /** What messages call the upstream, such as `Loki`. Its address never appears in them. */
  readonly name: string
  /** http or https, with an optional path prefix; the operator's, never from a tool's arguments. */
  readonly baseUrl: string
  /** Sent with every request: credentials, tenant, user agent. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Reads every body into the same buffer: a body is valid until the next request starts. With a new buffer for each answer several would be
   * in memory at once, because the garbage collector hardly counts memory outside of its heap.
   */
  readonly reuseBody?: boolean
}

export interface UpstreamRequest {
  readonly signal: AbortSignal
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface UpstreamAnswer {
  /** Whatever it is: redirects are not followed. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Upstream = ReturnType<typeof openUpstream>

export function openUpstream(options: UpstreamOptions) {
  const { name } = options
  const base = new URL(options.baseUrl)
  const sharedReader = options.reuseBody === true ? bodyReader(name) : undefined
  const connections = openConnections(base.protocol === 'https:', options)

  /** The URL of a path and the headers to send, for what another client requests, such as a WebSocket. */
  const target = (path: string, query: Readonly<Record<string, string>> = {}) => {
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/$/, '')}${path}`
    url.search = new URLSearchParams(query).toString()
    return { url, headers: { ...options.headers } }
  }

  const ask = async (path: string, request: UpstreamRequest, form?: string): Promise<UpstreamAnswer> => {
    const { timeoutMs: ms, signal } = request
    const { url, headers } = target(path, request.query)
    const late = (): ToolError =>
      new ToolError('TIMEOUT', `${name} did not answer within ${ms} ms`, { hint: 'the same call again later, or ask for less' })
    try {
      return await withDeadline({ ms, signal, late }, async (limited) => {
        const options = {
          ...urlToHttpOptions(url),
          signal: limited,
          method: form === undefined ? 'GET' : 'POST',
          headers: {
            accept: 'application/json',
            'accept-encoding': 'identity',
            ...headers,
            ...request.headers,
            ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          },
        }
        const res = await connections.exchange(options, form)
        const body = await (sharedReader ?? bodyReader(name))(res, request.maxBytes)
        return { status: res.statusCode ?? 0, headers: res.headers, body }
      })
    } catch (error) {
      if (error instanceof ToolError || signal.aborted) throw error
      throw connectionError(name, error as NodeJS.ErrnoException)
    }
  }

  return {
    target,
    /**
     * Sends a GET and returns the answer, whatever its status.
     * @throws ToolError UPSTREAM_UNREACHABLE, UPSTREAM_ERROR, TIMEOUT or TOO_LARGE; the signal's reason when it aborts
     */
    get: (path: string, request: UpstreamRequest) => ask(path, request),
    /** Like `get`, but sends a POST of application/x-www-form-urlencoded, for queries that are too long for a URL. */
    postForm: (path: string, form: Readonly<Record<string, string>>, request: UpstreamRequest) =>
      ask(path, request, new URLSearchParams(form).toString()),
    close: connections.close,
  }
}

/** Seconds from a Retry-After header (RFC 9110 §10.2.3: seconds or a date); undefined when it says neither. */
export function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\d{1,6}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000)
  return Number.isFinite(seconds) ? Math.max(1, seconds) : undefined
}

/** Reads bodies into one buffer, which grows to the largest of them. */
function bodyReader(name: string) {
  let buffer = Buffer.alloc(0)
  const reserve = (size: number, used: number): void => {
    if (size <= buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * buffer.length, 65_536))
    buffer.copy(larger, 0, 0, used)
    buffer = larger
  }
  return (res: IncomingMessage, maxBytes: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const tooLarge = (): void => {
        reject(new ToolError('TOO_LARGE', `${name}'s answer is larger than ${maxBytes} bytes`))
        res.destroy()
      }
      const announced = Number(res.headers['content-length'] ?? 0)
      if (announced > maxBytes) return tooLarge()
      let bytes = 0
      reserve(announced, 0)
      res.on('data', (chunk: Buffer) => {
        if (bytes + chunk.length > maxBytes) return tooLarge()
        reserve(bytes + chunk.length, bytes)
        bytes += chunk.copy(buffer, bytes)
      })
      res.on('end', () => resolve(buffer.subarray(0, bytes)))
      res.on('error', (error) => reject(new ToolError('UPSTREAM_ERROR', `${name}'s answer ended too early`, { cause: error })))
    })
}
