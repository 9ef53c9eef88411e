// HTTP proxy on loopback through which the browser connects; it checks every request against the network policy. Each browser context has its
// own proxy with its own credentials, so that other programs cannot use it and refusals and loaded bytes are counted per context.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, request, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { ToolError } from '../../../protocol/index.ts'
import { parseUrl } from '../web-address.ts'
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
const hopByHop = [
  'connection keep-alive te trailer transfer-encoding upgrade',
  'proxy-authenticate proxy-authentication-info proxy-authorization proxy-connection',
].flatMap((line) => line.split(' '))

export type EgressProxy = Awaited<ReturnType<typeof openProxy>>

export async function openProxy(policy: EgressPolicy, { requests = 500, bytes = 50_000_000, sockets = 128 }: ProxyLimits = {}) {
  const username = 'octet'
  const password = randomBytes(24).toString('base64url')
  const expected = digest(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`)
  const open = new Set<Duplex>()
  let refusals = new Map<string, Refusal>()
  let requested = 0
  let loaded = 0

  const track = (socket: Duplex): void => {
    open.add(socket)
    socket.on('error', () => {}) // either side may close at any time; the other side sees the end
    socket.once('close', () => open.delete(socket))
  }
  const isAuthorized = (req: IncomingMessage): boolean =>
    timingSafeEqual(digest(req.headers['proxy-authorization'] ?? ''), expected)

  /** @throws ToolError TOO_LARGE when this navigation has used up a limit */
  const count = (): void => {
    requested += 1
    if (requested > requests) throw limit(`more than ${requests} requests`)
    if (loaded > bytes) throw limit(`more than ${bytes} bytes`)
  }
  const remember = (target: string, refusal: Refusal): void => {
    if (refusals.size < maxRefusals) refusals.set(target, refusal)
  }
  const load = (chunk: Buffer): void => {
    loaded += chunk.length
    if (loaded <= bytes) return
    remember('any host', { host: 'any host', error: limit(`more than ${bytes} bytes`) })
    for (const socket of open) socket.destroy()
  }
  /** Records the refusal, and tells the browser without addresses or internal errors. */
  const refuse = (client: Duplex, host: string, port: number, cause: Error): void => {
    const error = cause instanceof ToolError ? cause : closedEarly(host, cause)
    remember(`${host}:${port}`, { host: port === 80 || port === 443 ? host : `${host}:${port}`, error })
    reply(client, error.code === 'FORBIDDEN' || error.code === 'TOO_LARGE' ? 403 : 502, plain, error.message)
  }

  const forward = (req: IncomingMessage, res: ServerResponse): void => {
    if (!isAuthorized(req)) return reply(req.socket, 407, challenge)
    const url = parseUrl(req.url ?? '')
    if (url?.protocol !== 'http:') return reply(req.socket, 400)
    const port = portOf(url) ?? 0
    const fail = (error: Error): void => {
      // A request that the browser gave up says nothing of the host.
      if (res.headersSent || res.destroyed || req.socket.writableEnded) return void res.destroy()
      refuse(req.socket, url.hostname, port, error)
    }
    try {
      count()
      policy.check(url)
      const upstream = request({
        hostname: withoutBrackets(url.hostname),
        port,
        path: `${url.pathname}${url.search}`,
        method: req.method,
        headers: [...endToEnd(req.rawHeaders, 'host'), 'host', url.host, 'connection', 'close'],
        setHost: false,
        // No `agent: false`: with that, Node would connect by itself.
        createConnection: connector(policy, { signal: untilClosed(res) }),
      })
      upstream.once('socket', track)
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
        answer.on('data', load)
        answer.pipe(res)
      })
      res.on('close', () => upstream.destroy())
      req.on('error', () => upstream.destroy())
      req.on('data', load)
      req.pipe(upstream)
    } catch (error) {
      fail(error as Error)
    }
  }

  /** CONNECT, for https and WebSockets. The tunnelled bytes are not inspected; the target is checked like any other. */
  const tunnel = async (req: IncomingMessage, client: Duplex, head: Buffer): Promise<void> => {
    if (!isAuthorized(req)) return reply(client, 407, challenge)
    const url = parseUrl(`http://${req.url}`)
    if (url === undefined || url.username !== '' || url.pathname !== '/' || url.search !== '') return reply(client, 400)
    const port = portOf(url) ?? 0
    try {
      count()
      const upstream = await policy.connect(url.hostname, port, untilClosed(client))
      track(upstream)
      if (client.destroyed) return void upstream.destroy()
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      if (head.length > 0) upstream.write(head)
      upstream.on('data', load)
      client.on('data', load)
      upstream.once('close', () => client.destroy())
      client.once('close', () => upstream.destroy())
      upstream.pipe(client)
      client.pipe(upstream)
    } catch (error) {
      if (!client.destroyed) refuse(client, url.hostname, port, error as Error)
    }
  }

  const server = createServer(forward)
  server.maxConnections = sockets
  server.on('connect', (req, client, head) => void tunnel(req, client, head))
  server.on('connection', track)
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })

  return {
    /** The proxy's URL, for the browser's configuration. */
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    username,
    password,
    /** Targets that were refused or not reached since the last `begin()`, each once. */
    get refusals(): readonly Refusal[] {
      return [...refusals.values()]
    },
    /** Why this target was not reached since the last `begin()`; undefined if it was reached or not requested. */
    refusalOf: (url: URL): ToolError | undefined => refusals.get(`${url.hostname}:${portOf(url)}`)?.error,
    /** Starts a navigation: resets its limits and refusals. */
    begin(): void {
      refusals = new Map()
      requested = 0
      loaded = 0
    },
    /** Closes every connection and the listener. */
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Aborts when the browser closes its connection, or the proxy does. */
function untilClosed(stream: Duplex | ServerResponse): AbortSignal {
  const left = new AbortController()
  stream.once('close', () => left.abort(new Error('the browser left')))
  return left.signal
}

const challenge = ['Proxy-Authenticate: Basic realm="octet"']
const plain = ['Content-Type: text/plain; charset=utf-8', 'Cache-Control: no-store']

/** Answers a request that is not passed on, and closes the connection, also while a body is still arriving. */
function reply(client: Duplex, status: number, headers: readonly string[] = [], text = ''): void {
  const length = `Content-Length: ${Buffer.byteLength(text)}`
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, length, 'Connection: close', '', text]
  client.end(lines.join('\r\n'), () => client.destroy())
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
  const message = `the page requested ${what} since it was opened; further requests are refused`
  return new ToolError('TOO_LARGE', message, { hint: 'a smaller page, or navigate again' })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
