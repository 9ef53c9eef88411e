// One HTTP exchange with the target, made on a connection of its own, with every byte of both directions recorded.
// It knows HTTP and event streams, not MCP. It uses node:http, which would hide bytes, on sockets whose bytes are copied first.
import { isUtf8 } from 'node:buffer'
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { isIP, connect as netConnect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { Broken, Silence } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { EventStream } from './event-stream.ts'

export interface RequestOptions {
  method: string
  url: URL
  /** `undefined` leaves a default header out. */
  headers: Record<string, string | undefined>
  /** Several buffers are written one by one, each flushed before the next. */
  body?: string | Buffer | readonly Buffer[] | undefined
  timeoutMs: number
  /** A kept connection to use; it is left open afterwards. */
  connection?: Connection | undefined
}

/** A connection that several exchanges use one after the other. */
export class Connection {
  readonly socket: Socket
  recorder: Exchange | undefined

  constructor(url: URL) {
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    // A literal address has no name to ask a certificate for.
    const servername = isIP(host) === 0 ? { servername: host } : {}
    this.socket = url.protocol === 'https:' ? tlsConnect({ host, port, ...servername }) : netConnect({ host, port })
    this.socket.setNoDelay(true)
    const write = this.socket.write.bind(this.socket) as (...args: unknown[]) => boolean
    this.socket.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      this.recorder?.sent.add(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)
      return write(chunk, ...rest)
    }) as Socket['write']
    this.socket.on('data', (chunk: Buffer) => this.recorder?.received.add(chunk))
    this.socket.on('error', () => {}) // the request reports it
  }

  close(): void {
    this.socket.destroy()
  }
}

const HALF = LIMITS.recordedBytes / 2

/** The first and the last bytes of one direction, and how many there were. */
export class Bytes {
  #head: Buffer[] = []
  #tail = Buffer.alloc(0)
  #headBytes = 0
  total = 0

  add(chunk: Uint8Array): void {
    this.total += chunk.length
    const first = Buffer.from(chunk.subarray(0, HALF - this.#headBytes))
    this.#headBytes += first.length
    if (first.length > 0) this.#head.push(first)
    const rest = chunk.subarray(first.length)
    if (rest.length > 0) this.#tail = Buffer.concat([this.#tail, rest.subarray(-HALF)]).subarray(-HALF)
  }

  /** As text in which every byte that is not printable ASCII, UTF-8 or a line break is written as an escape. */
  toString(): string {
    const left = this.total - this.#headBytes - this.#tail.length
    const gap = left > 0 ? `\n… ${left} bytes left out …\n` : ''
    return printable(Buffer.concat(this.#head)) + gap + printable(this.#tail)
  }
}

function printable(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/[^\n\t\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe]/g, (c) =>
      c === '\r' ? '' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

export class Exchange {
  readonly method: string
  readonly url: URL
  readonly sent = new Bytes()
  readonly received = new Bytes()
  readonly timeoutMs: number
  #response: IncomingMessage | undefined
  #connection: Connection
  #keep: boolean
  #stream: EventStream | undefined
  #body: Promise<Buffer> | undefined
  /** Its body was read, and is not valid UTF-8. */
  isBadUtf8 = false

  private constructor(options: RequestOptions, connection: Connection) {
    this.method = options.method
    this.url = options.url
    this.timeoutMs = options.timeoutMs
    this.#connection = connection
    this.#keep = options.connection !== undefined
  }

  /** Sends a request and resolves when the head of its response has come. */
  static async open(options: RequestOptions, onOpened: (exchange: Exchange) => void): Promise<Exchange> {
    const connection = options.connection ?? new Connection(options.url)
    const exchange = new Exchange(options, connection)
    connection.recorder = exchange
    onOpened(exchange)
    try {
      exchange.#response = await exchange.#request(options)
      return exchange
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get status(): number {
    return this.#response?.statusCode ?? 0
  }

  get headers(): IncomingHttpHeaders {
    return this.#response?.headers ?? {}
  }

  /** The media type without parameters, in lower case; empty when there is none. */
  get mediaType(): string {
    return (this.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  }

  get isEventStream(): boolean {
    return this.mediaType === 'text/event-stream'
  }

  /** The response's events, as they come. */
  events(): EventStream {
    if (this.#response === undefined) throw new Error('no response yet')
    this.#stream ??= new EventStream(this.#response, this.timeoutMs, `${this.method} ${this.url.pathname}`, () => this.close())
    return this.#stream
  }

  /** The whole body. Rejects when it does not end within the time limit or is larger than the suite keeps. */
  body(): Promise<Buffer> {
    this.#body ??= this.#collect()
    return this.#body
  }

  async text(): Promise<string> {
    const body = await this.body()
    this.isBadUtf8 = !isUtf8(body)
    return body.toString('utf8')
  }

  /** The body as JSON; `undefined` when it is empty or not JSON. */
  async json(): Promise<unknown> {
    try {
      return JSON.parse(await this.text())
    } catch (error) {
      if (error instanceof SyntaxError) return undefined
      throw error
    }
  }

  close(): void {
    if (!this.#keep) this.#connection.close()
  }

  #request(options: RequestOptions): Promise<IncomingMessage> {
    const what = `${options.method} ${options.url.pathname}`
    return new Promise((resolve, reject) => {
      let request: ClientRequest | undefined
      const timer = setTimeout(() => {
        reject(new Silence(`a response to ${what} within ${options.timeoutMs} ms`, 'silence'))
        request?.destroy()
      }, options.timeoutMs)
      try {
        request = httpRequest({
          method: options.method,
          host: options.url.hostname.replace(/^\[|\]$/g, ''),
          port: options.url.port,
          path: options.url.pathname + options.url.search,
          headers: headersOf(options),
          createConnection: () => this.#connection.socket,
          setHost: false,
        })
      } catch (error) {
        clearTimeout(timer)
        reject(error)
        return
      }
      request.on('response', (response) => {
        clearTimeout(timer)
        resolve(response)
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        // A server may refuse while the body is still on its way: the error then is the write's, and no answer was read.
        reject(new Broken(`a response to ${what}`, `a broken connection (${error.code ?? error.message})`))
      })
      void write(request, options.body)
    })
  }

  #collect(): Promise<Buffer> {
    const response = this.#response
    if (response === undefined) return Promise.resolve(Buffer.alloc(0))
    const parts: Buffer[] = []
    let size = 0
    return new Promise((resolve, reject) => {
      const what = `the end of the response to ${this.method} ${this.url.pathname}`
      const end = (error?: Error): void => {
        clearTimeout(timer)
        this.close()
        if (error === undefined) resolve(Buffer.concat(parts))
        else reject(error)
      }
      const timer = setTimeout(
        () => end(new Silence(`${what} within ${this.timeoutMs} ms`, `${size} bytes, then silence`)),
        this.timeoutMs,
      )
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > LIMITS.bodyBytes) end(new Broken(`a body of at most ${LIMITS.bodyBytes} bytes`, `${size} bytes and more`))
        else parts.push(chunk)
      })
      response.on('end', () => end())
      response.on('error', (error) => end(new Broken(what, `a broken connection (${error.message})`)))
      response.on('close', () => end(response.complete ? undefined : new Broken(what, 'a broken connection')))
    })
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = { Host: options.url.host }
  headers.Connection = options.connection === undefined ? 'close' : 'keep-alive'
  if (typeof options.body === 'string' || Buffer.isBuffer(options.body)) {
    headers['Content-Length'] = String(Buffer.byteLength(options.body))
  }
  for (const [name, value] of Object.entries(options.headers)) {
    // A caller's `host` replaces ours, whatever its case.
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known]
    if (value !== undefined) headers[name] = value
  }
  return headers
}

async function write(request: ClientRequest, body: RequestOptions['body']): Promise<void> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    request.end(body)
    return
  }
  for (const part of body as readonly Buffer[]) {
    await new Promise<void>((resolve) => request.write(part, () => setImmediate(resolve)))
  }
  request.end()
}
