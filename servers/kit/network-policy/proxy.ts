// HTTP proxy on loopback through which the browser connects; it checks every request against the network policy. Each browser context has its
// own proxy with its own credentials, so that other programs cannot use it and refusals and loaded bytes are counted per context.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { ToolError } from '../../../protocol/index.ts'
import { withoutBrackets } from './addresses.ts'
import { connector } from './connector.ts'
import { type EgressPolicy, portOf } from './policy.ts'

export interface ProxyLimits {
  /** Requests and tunnels since the last `begin()`. Default 500. */
  readonly requests?: number
  /** Bytes in both directions since the last `begin()`. Default 50 MB. */
  readonly bytes?: number
  /** Connections of the browser at once. Default 128; Chromium opens 32 and some for WebSockets. */
  readonly sockets?: number
}

/** A target that was not reached: refused by the policy or a limit (FORBIDDEN, TOO_LARGE), or without a response. */
export interface Refusal {
  /** With its port unless that is the usual one. */
  readonly host: string
  readonly error: ToolError
}

const maxRefusals = 50
/** Hop-by-hop headers (RFC 9110 §7.6.1). A server's 407 or its headers would ask the browser for the proxy's credentials. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export class EgressProxy {
  readonly username = 'octet'
  readonly password = randomBytes(24).toString('base64url')
  readonly #expected: Buffer
  readonly #policy: EgressPolicy
  readonly #limits: Required<ProxyLimits>
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  #refusals = new Map<string, Refusal>()
  #requests = 0
  #bytes = 0

  private constructor(policy: EgressPolicy, { requests = 500, bytes = 50_000_000, sockets = 128 }: ProxyLimits) {
    this.#policy = policy
    this.#limits = { requests, bytes, sockets }
    this.#expected = digest(`Basic ${Buffer.from(`${this.username}:${this.password}`).toString('base64')}`)
    this.#server = createServer((req, res) => void this.#forward(req, res))
    this.#server.maxConnections = sockets
    this.#server.on('connect', (req, client, head) => void this.#tunnel(req, client, head))
    this.#server.on('connection', (socket) => this.#track(socket))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  static async open(policy: EgressPolicy, limits: ProxyLimits = {}): Promise<EgressProxy> {
    const proxy = new EgressProxy(policy, limits)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  /** The proxy's URL, for the browser's configuration. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Targets that were refused or not reached since the last `begin()`, each once. */
  get refusals(): readonly Refusal[] {
    return [...this.#refusals.values()]
  }

  /** Why this target was not reached since the last `begin()`; undefined if it was reached or not requested. */
  refusalOf(url: URL): ToolError | undefined {
    return this.#refusals.get(`${url.hostname}:${portOf(url)}`)?.error
  }

  /** Starts a navigation: resets its limits and refusals. */
  begin(): void {
    this.#refusals = new Map()
    this.#requests = 0
    this.#bytes = 0
  }

  /** Closes every connection and the listener. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #track(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}) // either side may close at any time; the other side sees the end
    socket.once('close', () => this.#sockets.delete(socket))
  }

  async #forward(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!this.#isAuthorized(req)) return void res.writeHead(407, challenge).end()
    const url = URL.canParse(req.url ?? '') ? new URL(req.url ?? '') : undefined
    if (url?.protocol !== 'http:') return void res.writeHead(400).end()
    const port = portOf(url) ?? 0
    const fail = (error: Error): void => {
      if (res.headersSent || res.destroyed) return void res.destroy()
      const { status, message } = this.#refuse(url.hostname, port, error)
      res.writeHead(status, plain).end(message)
    }
    try {
      this.#count()
      this.#policy.check(url)
      const upstream = request({
        hostname: withoutBrackets(url.hostname),
        port,
        path: `${url.pathname}${url.search}`,
        method: req.method,
        headers: [...endToEnd(req.rawHeaders, 'host'), 'host', url.host, 'connection', 'close'],
        setHost: false,
        // No `agent: false`: with that, Node would connect by itself.
        createConnection: connector(this.#policy, { signal: untilClosed(res) }),
      })
      upstream.once('socket', (socket) => this.#track(socket))
      upstream.on('error', fail)
      upstream.on('response', (answer) => {
        answer.on('error', () => res.destroy())
        if (answer.statusCode === 407) {
          answer.destroy()
          return fail(new ToolError('UPSTREAM_ERROR', `${url.hostname} answered as if it were a proxy (407)`))
        }
        try {
          res.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders))
        } catch {
          answer.destroy()
          return fail(new ToolError('UPSTREAM_ERROR', `${url.hostname} sent headers that are not valid`))
        }
        answer.on('data', (chunk: Buffer) => this.#load(chunk.length))
        answer.pipe(res)
      })
      res.on('close', () => upstream.destroy())
      req.on('error', () => upstream.destroy())
      req.on('data', (chunk: Buffer) => this.#load(chunk.length))
      req.pipe(upstream)
    } catch (error) {
      fail(error as Error)
    }
  }

  /** CONNECT, for https and WebSockets. The tunnelled bytes are not inspected; the target is checked like any other. */
  async #tunnel(req: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    if (!this.#isAuthorized(req)) return void client.end(`HTTP/1.1 407 Proxy Authentication Required\r\n${lines(challenge)}\r\n`)
    const target = URL.canParse(`http://${req.url}`) ? new URL(`http://${req.url}`) : undefined
    if (target === undefined || target.username !== '' || target.pathname !== '/' || target.search !== '') {
      return void client.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    }
    const port = portOf(target) ?? 0
    try {
      this.#count()
      const upstream = await this.#policy.connect(target.hostname, port, untilClosed(client))
      this.#track(upstream)
      if (client.destroyed) return void upstream.destroy()
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      if (head.length > 0) upstream.write(head)
      upstream.on('data', (chunk: Buffer) => this.#load(chunk.length))
      client.on('data', (chunk: Buffer) => this.#load(chunk.length))
      upstream.once('close', () => client.destroy())
      client.once('close', () => upstream.destroy())
      upstream.pipe(client)
      client.pipe(upstream)
    } catch (error) {
      if (client.destroyed) return
      const { status, message } = this.#refuse(target.hostname, port, error as Error)
      client.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines(plain)}\r\n${message}`)
    }
  }

  #isAuthorized(req: IncomingMessage): boolean {
    return timingSafeEqual(digest(req.headers['proxy-authorization'] ?? ''), this.#expected)
  }

  /** @throws ToolError TOO_LARGE when this navigation has used up a limit */
  #count(): void {
    this.#requests += 1
    const { requests, bytes } = this.#limits
    if (this.#requests > requests) throw limit(`more than ${requests} requests`)
    if (this.#bytes > bytes) throw limit(`more than ${bytes} bytes`)
  }

  #load(bytes: number): void {
    const { bytes: most } = this.#limits
    const wasBelow = this.#bytes <= most
    this.#bytes += bytes
    if (this.#bytes <= most || !wasBelow) return
    this.#remember('any host', { host: 'any host', error: limit(`more than ${most} bytes`) })
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Records the refusal; returns the response to the browser, without addresses or internal errors. */
  #refuse(host: string, port: number, cause: Error): { status: 403 | 502; message: string } {
    const error = cause instanceof ToolError ? cause : closedEarly(host, cause)
    this.#remember(`${host}:${port}`, { host: port === 80 || port === 443 ? host : `${host}:${port}`, error })
    return { status: error.code === 'FORBIDDEN' || error.code === 'TOO_LARGE' ? 403 : 502, message: error.message }
  }

  #remember(target: string, refusal: Refusal): void {
    if (this.#refusals.size < maxRefusals) this.#refusals.set(target, refusal)
  }
}

/** Aborts when the browser closes its connection, or the proxy does. */
function untilClosed(stream: Duplex | ServerResponse): AbortSignal {
  const left = new AbortController()
  stream.once('close', () => left.abort(new Error('the browser left')))
  return left.signal
}

const challenge = { 'Proxy-Authenticate': 'Basic realm="octet"', 'Content-Length': '0', Connection: 'close' }
const plain = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', Connection: 'close' }

function lines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

/** Removes hop-by-hop headers: the listed ones and those named by `Connection`. */
function endToEnd(raw: readonly string[], ...others: string[]): string[] {
  const drop = new Set([...hopByHop, ...others])
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue
    for (const name of (raw[i + 1] ?? '').split(',')) drop.add(name.trim().toLowerCase())
  }
  return raw.filter((_, i) => !drop.has((raw[i - (i % 2)] ?? '').toLowerCase()))
}

function closedEarly(host: string, cause: NodeJS.ErrnoException): ToolError {
  const code = /^[A-Z_]{3,40}$/.test(cause.code ?? '') ? ` (${cause.code})` : ''
  return new ToolError('UPSTREAM_ERROR', `${host} closed the connection${code}`, { cause })
}

function limit(what: string): ToolError {
  return new ToolError('TOO_LARGE', `the page requested ${what} since it was opened; further requests are refused`, {
    hint: 'a smaller page, or navigate again',
  })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
