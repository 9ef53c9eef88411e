// GET requests to one upstream over node:http, with every answer bounded in bytes, values and time. There is no way to send another method.
// Not global fetch: loading it once costs 11 MiB of a 64 MiB container.
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { rootCertificates } from 'node:tls'
import { ToolError } from '../../protocol/index.ts'

export interface HttpClientOptions {
  /** What messages call the upstream, such as `n8n`. Its address never appears in them. */
  readonly name: string
  /** http or https, with an optional path prefix; the operator's, never from a tool's arguments. */
  readonly baseUrl: string
  /** Sent with every request: credentials, user agent. */
  readonly headers?: Readonly<Record<string, string>>
  /** PEM of a private authority to trust beside the usual ones. */
  readonly ca?: string | undefined
}

export interface HttpRequest {
  readonly signal: AbortSignal
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly query?: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #base: URL
  readonly #agent: HttpAgent
  readonly #scratch = new Scratch()

  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#base = new URL(options.baseUrl)
    const pool = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 }
    const trust = options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }
    this.#agent = this.#base.protocol === 'https:' ? new HttpsAgent({ ...pool, ...trust }) : new HttpAgent(pool)
  }

  /**
   * The answer, whatever its status; its body is valid until the next request, which must not begin before.
   * @throws ToolError when there is none, or none in time, or a larger one
   */
  async get(path: string, request: HttpRequest): Promise<HttpAnswer> {
    const { name } = this.#options
    const late = new ToolError('TIMEOUT', `${name} did not answer within ${request.timeoutMs} ms`, {
      hint: 'the same call again later, or ask for less',
    })
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(late), request.timeoutMs)
    const onAbort = (): void => stop.abort(request.signal.reason)
    request.signal.addEventListener('abort', onAbort, { once: true })
    try {
      request.signal.throwIfAborted()
      return await this.#send(path, request, stop.signal)
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason
      throw error instanceof ToolError ? error : connectionError(name, error as NodeJS.ErrnoException)
    } finally {
      clearTimeout(timer)
      request.signal.removeEventListener('abort', onAbort)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(path: string, request: HttpRequest, signal: AbortSignal, again = true): Promise<HttpAnswer> {
    const url = new URL(this.#base)
    url.pathname = `${this.#base.pathname.replace(/\/$/, '')}${path}`
    url.search = new URLSearchParams(request.query).toString()
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise<HttpAnswer>((resolve, reject) => {
      const headers = { accept: 'application/json', 'accept-encoding': 'identity', ...this.#options.headers }
      const req = send(url, { agent: this.#agent, signal, method: 'GET', headers })
      req.on('response', (res) =>
        this.#scratch
          .read(this.#options.name, res, request.maxBytes)
          .then((body) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }), reject),
      )
      req.on('error', (error: NodeJS.ErrnoException) => {
        // The upstream closed an idle connection just as it was used again: nobody has read this request.
        if (again && req.reusedSocket && error.code === 'ECONNRESET') resolve(this.#send(path, request, signal, false))
        else reject(error)
      })
      req.end()
    })
  }
}

/**
 * The body, in memory that the next one overwrites. A new buffer for each answer would outlive it by several more, because V8 hardly counts
 * what lies outside of its heap.
 */
class Scratch {
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
      res.on('error', (error) =>
        reject(new ToolError('UPSTREAM_ERROR', `${name}'s answer broke off before its end`, { cause: error })),
      )
    })
  }

  #reserve(size: number, used: number): void {
    if (size <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length, 65_536))
    this.#buffer.copy(larger, 0, 0, used)
    this.#buffer = larger
  }
}

function connectionError(name: string, error: NodeJS.ErrnoException): ToolError {
  const { code = 'no code' } = error
  const tls = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(code)
  const broken = code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_')
  if (tls) {
    return new ToolError('UPSTREAM_UNREACHABLE', `no trusted TLS connection to ${name} (${code})`, {
      hint: 'ask the operator to check its certificate and the trusted authority',
      cause: error,
    })
  }
  if (broken)
    return new ToolError('UPSTREAM_ERROR', `${name} broke off the connection without a valid answer (${code})`, { cause: error })
  return new ToolError('UPSTREAM_UNREACHABLE', `${name} cannot be reached (${code})`, {
    hint: 'ask the operator whether it is running',
    cause: error,
  })
}
