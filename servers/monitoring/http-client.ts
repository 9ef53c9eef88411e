// Requests to one upstream over node:http, with every answer bounded in bytes, values and time. Knows nothing of any particular upstream.
// Not global fetch: loading it once costs 11 MiB of a 64 MiB container.
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { rootCertificates } from 'node:tls'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'

export interface HttpClientOptions {
  /** What messages call the upstream, such as `Loki`. Its address never appears in them. */
  readonly name: string
  /** http or https, with an optional path prefix; the operator's, never from a tool's arguments. */
  readonly baseUrl: string
  /** Sent with every request: credentials, tenant, user agent. */
  readonly headers?: Readonly<Record<string, string>>
  /** PEM of a private authority to trust beside the usual ones. */
  readonly ca?: string | undefined
  /** Requests at once; others wait their turn within their own deadline. */
  readonly maxSockets: number
}

export interface HttpRequest {
  readonly signal: AbortSignal
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly query?: Readonly<Record<string, string>>
  /** Sent as a POST of application/x-www-form-urlencoded instead of in the URL. */
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  /** 2xx, or a 4xx other than 401, 403 and 429, which only the caller can explain. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Structural characters of JSON that are parsed at most: each costs up to a hundred bytes of heap, however short the text is. */
const maxJsonTokens = 100_000

export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #base: URL
  readonly #agent: HttpAgent

  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#base = new URL(options.baseUrl)
    const pool = { keepAlive: true, maxSockets: options.maxSockets, maxFreeSockets: options.maxSockets }
    this.#agent = this.#base.protocol === 'https:' ? new HttpsAgent({ ...pool, ...trust(options.ca) }) : new HttpAgent(pool)
  }

  /** @throws ToolError for everything but the statuses of {@link HttpAnswer} */
  async request(path: string, request: HttpRequest): Promise<HttpAnswer> {
    const { name } = this.#options
    request.signal.throwIfAborted()
    const late = new ToolError('TIMEOUT', `${name} did not answer within ${request.timeoutMs} ms`)
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(late), request.timeoutMs)
    const onAbort = (): void => stop.abort(request.signal.reason)
    request.signal.addEventListener('abort', onAbort, { once: true })
    try {
      const answer = await this.#send(path, request, stop.signal)
      const refusal = refusalOf(name, answer.status, answer.headers, answer.body)
      if (refusal !== undefined) throw refusal
      return answer
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason
      throw error instanceof ToolError ? error : connectionError(name, error as NodeJS.ErrnoException)
    } finally {
      clearTimeout(timer)
      request.signal.removeEventListener('abort', onAbort)
    }
  }

  /** The answer as JSON. @throws ToolError when it is something else, or would cost too much to parse */
  json(answer: HttpAnswer): unknown {
    const { name } = this.#options
    const start = answer.body.subarray(0, 64).toString('latin1').trimStart()
    if (start.startsWith('<')) {
      throw new ToolError(
        'UPSTREAM_ERROR',
        `${name}'s address answers with a web page instead of its API: it leads elsewhere, such as to a login page`,
        {
          hint: 'ask the operator to check the address, its path prefix and the reverse proxy',
        },
      )
    }
    if (countTokens(answer.body, maxJsonTokens) > maxJsonTokens) {
      throw new ToolError('TOO_LARGE', `${name}'s answer holds more than ${maxJsonTokens} values`)
    }
    try {
      return JSON.parse(answer.body.toString())
    } catch (error) {
      throw new ToolError('UPSTREAM_ERROR', `${name} answered with something that is not JSON, or only a part of it`, {
        cause: error,
      })
    }
  }

  /** For what does not go through `request`, such as a WebSocket: the address of a path, and the headers and authority to use. */
  target(path: string, query: Readonly<Record<string, string>> = {}): { url: URL; headers: Record<string, string> } {
    const url = new URL(this.#base)
    url.pathname = `${this.#base.pathname.replace(/\/$/, '')}${path}`
    url.search = new URLSearchParams(query).toString()
    return { url, headers: { ...this.#options.headers } }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(path: string, request: HttpRequest, signal: AbortSignal, again = true): Promise<HttpAnswer> {
    const { url, headers } = this.target(path, request.query)
    const form = request.form === undefined ? undefined : new URLSearchParams(request.form).toString()
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise<HttpAnswer>((resolve, reject) => {
      const req = send(url, {
        agent: this.#agent,
        signal,
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          ...headers,
          ...request.headers,
          ...(form === undefined
            ? {}
            : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(form) }),
        },
      })
      req.on('response', (res) =>
        readBody(this.#options.name, res, request.maxBytes).then(
          (body) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }),
          reject,
        ),
      )
      req.on('error', (error: NodeJS.ErrnoException) => {
        // The upstream closed an idle connection just as it was used again: nobody has read this request.
        if (again && req.reusedSocket && error.code === 'ECONNRESET') resolve(this.#send(path, request, signal, false))
        else reject(error)
      })
      req.end(form)
    })
  }
}

/** TLS options that trust a private authority beside the usual ones. */
export function trust(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] }
}

/** What an answer's status alone says; undefined where only the caller can explain it. The body is never quoted: it may name inner hosts. */
export function refusalOf(name: string, status: number, headers: IncomingHttpHeaders, body: Buffer): ToolError | undefined {
  const fail = (code: ToolErrorCode, message: string, hint: string): ToolError => new ToolError(code, message, { hint })
  if (status === 401 && /no org id/i.test(body.subarray(0, 200).toString('latin1'))) {
    return fail('UPSTREAM_AUTH', `${name} wants to know the tenant (401, "no org id")`, 'ask the operator to set the tenant')
  }
  if (status === 401) return fail('UPSTREAM_AUTH', `${name} refused the credentials (401)`, 'ask the operator to check them')
  if (status === 403)
    return fail(
      'UPSTREAM_AUTH',
      `${name} does not allow this with the configured credentials (403)`,
      'ask the operator for access',
    )
  if (status === 429) {
    const after = retryAfter(headers['retry-after'])
    return fail(
      'RATE_LIMITED',
      `${name} is receiving too many requests (429)`,
      `the same call again in ${after ?? 'a few'} seconds`,
    )
  }
  if (status >= 500)
    return fail('UPSTREAM_ERROR', `${name} failed (HTTP ${status})`, 'the same call again later, or ask for less')
  if (status >= 300 && status < 400) {
    return fail(
      'UPSTREAM_ERROR',
      `${name}'s address redirects elsewhere (HTTP ${status}), which is not followed`,
      'ask the operator to set the final address',
    )
  }
  return undefined
}

/** Seconds from a Retry-After header (RFC 9110 §10.2.3: seconds or a date). */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\d{1,6}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000)
  return Number.isFinite(seconds) ? Math.max(1, seconds) : undefined
}

function readBody(name: string, res: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): void => {
      reject(new ToolError('TOO_LARGE', `${name}'s answer is larger than ${maxBytes} bytes`))
      res.destroy()
    }
    const chunks: Buffer[] = []
    let bytes = 0
    if (Number(res.headers['content-length'] ?? 0) > maxBytes) return tooLarge()
    res.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) tooLarge()
      else chunks.push(chunk)
    })
    res.on('end', () => resolve(Buffer.concat(chunks)))
    res.on('error', (error) =>
      reject(new ToolError('UPSTREAM_ERROR', `${name}'s answer broke off before its end`, { cause: error })),
    )
  })
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

/** Counts the commas, colons and opening brackets outside of strings, up to one more than `most`. Does not validate. */
function countTokens(json: Buffer, most: number): number {
  let count = 0
  let quoted = false
  for (let i = 0; i < json.length && count <= most; i++) {
    const byte = json[i]
    if (byte === 0x22) quoted = !quoted
    else if (quoted && byte === 0x5c) i += 1
    else if (!quoted && (byte === 0x2c || byte === 0x3a || byte === 0x5b || byte === 0x7b)) count += 1
  }
  return count
}
