// HTTP client for one upstream: every answer has a limit in bytes and in time. Not global fetch, which costs 11 MiB of a 64 MiB container.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { urlToHttpOptions } from 'node:url'
import { ToolError } from '../../../protocol/index.ts'
import { withDeadline } from '../waiting.ts'
import { type ConnectionOptions, Connections, connectionError } from './connections.ts'

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

export class Upstream {
  readonly #options: UpstreamOptions
  readonly #base: URL
  readonly #connections: Connections
  readonly #body: BodyBuffer | undefined

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#base = new URL(options.baseUrl)
    this.#body = options.reuseBody === true ? new BodyBuffer() : undefined
    this.#connections = new Connections(this.#base.protocol === 'https:', options)
  }

  /**
   * Sends a GET and returns the answer, whatever its status.
   * @throws ToolError UPSTREAM_UNREACHABLE, UPSTREAM_ERROR, TIMEOUT or TOO_LARGE; the signal's reason when it aborts
   */
  get(path: string, request: UpstreamRequest): Promise<UpstreamAnswer> {
    return this.#ask(path, request)
  }

  /** Like `get`, but sends a POST of application/x-www-form-urlencoded, for queries that are too long for a URL. */
  postForm(path: string, form: Readonly<Record<string, string>>, request: UpstreamRequest): Promise<UpstreamAnswer> {
    return this.#ask(path, request, new URLSearchParams(form).toString())
  }

  /** The URL of a path and the headers to send, for what another client requests, such as a WebSocket. */
  target(path: string, query: Readonly<Record<string, string>> = {}): { url: URL; headers: Record<string, string> } {
    const url = new URL(this.#base)
    url.pathname = `${this.#base.pathname.replace(/\/$/, '')}${path}`
    url.search = new URLSearchParams(query).toString()
    return { url, headers: { ...this.#options.headers } }
  }

  close(): void {
    this.#connections.close()
  }

  async #ask(path: string, request: UpstreamRequest, form?: string): Promise<UpstreamAnswer> {
    const { name } = this.#options
    const late = (): ToolError =>
      new ToolError('TIMEOUT', `${name} did not answer within ${request.timeoutMs} ms`, {
        hint: 'the same call again later, or ask for less',
      })
    try {
      return await withDeadline({ ms: request.timeoutMs, signal: request.signal, late }, (signal) =>
        this.#send(path, request, form, signal),
      )
    } catch (error) {
      if (error instanceof ToolError || request.signal.aborted) throw error
      throw connectionError(name, error as NodeJS.ErrnoException)
    }
  }

  async #send(path: string, request: UpstreamRequest, form: string | undefined, signal: AbortSignal): Promise<UpstreamAnswer> {
    const { url, headers } = this.target(path, request.query)
    const ofForm = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(form ?? '') }
    const res = await this.#connections.exchange(
      {
        ...urlToHttpOptions(url),
        signal,
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          ...headers,
          ...request.headers,
          ...(form === undefined ? {} : ofForm),
        },
      },
      form,
    )
    const body = await (this.#body ?? new BodyBuffer()).read(this.#options.name, res, request.maxBytes)
    return { status: res.statusCode ?? 0, headers: res.headers, body }
  }
}

/** Seconds from a Retry-After header (RFC 9110 §10.2.3: seconds or a date); undefined when it says neither. */
export function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\d{1,6}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000)
  return Number.isFinite(seconds) ? Math.max(1, seconds) : undefined
}

/** A buffer that grows to the largest body read into it. */
class BodyBuffer {
  #buffer = Buffer.alloc(0)

  read(name: string, res: IncomingMessage, maxBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const tooLarge = (): void => {
        reject(new ToolError('TOO_LARGE', `${name}'s answer is larger than ${maxBytes} bytes`))
        res.destroy()
      }
      const announced = Number(res.headers['content-length'] ?? 0)
      if (announced > maxBytes) return tooLarge()
      let bytes = 0
      this.#reserve(announced, 0)
      res.on('data', (chunk: Buffer) => {
        if (bytes + chunk.length > maxBytes) return tooLarge()
        this.#reserve(bytes + chunk.length, bytes)
        bytes += chunk.copy(this.#buffer, bytes)
      })
      res.on('end', () => resolve(this.#buffer.subarray(0, bytes)))
      res.on('error', (error) => reject(new ToolError('UPSTREAM_ERROR', `${name}'s answer ended too early`, { cause: error })))
    })
  }

  #reserve(size: number, used: number): void {
    if (size <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length, 65_536))
    this.#buffer.copy(larger, 0, 0, used)
    this.#buffer = larger
  }
}
