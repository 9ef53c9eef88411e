// Both transports of one Server: as a handler for an existing http.Server, or on a port of their own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAccess, isLoopbackHost } from './access.ts'
import type { Server } from './server.ts'
import { type Handler, type HttpOptions, handlerOf, pathOf } from './transports/http.ts'
import { httpSse } from './transports/http-sse.ts'
import { limitPipelining } from './transports/slow-clients.ts'
import { streamableHttp } from './transports/streamable-http.ts'

/**
 * Serves `…/mcp`, `…/sse` and `…/messages`, wherever it is mounted.
 *
 * @example
 * const mcp = mcpHandler(server)
 * createServer((req, res) => (req.url?.startsWith('/tools/') ? mcp(req, res) : app(req, res))).listen(8080, '127.0.0.1')
 */
export function mcpHandler(server: Server, options: HttpOptions = {}): Handler {
  const sse = httpSse(server, options)
  const mcp = streamableHttp(server, options)
  return handlerOf(
    (req, res) => (pathOf(req).endsWith('/mcp') ? mcp : sse)(req, res),
    () => sse.openSessions,
    async (graceMs) => void (await Promise.all([sse.close(graceMs), mcp.close(graceMs)])),
  )
}

export interface ListenOptions extends HttpOptions {
  /** 0 for any free port. */
  port: number
  /** Default 127.0.0.1. Another address than loopback needs `access`. */
  host?: string
}

export interface Listening {
  /** Such as `http://127.0.0.1:8080`; clients use `<url>/mcp` or `<url>/sse`. */
  readonly url: string
  /** Waits at most `graceMs` (default 5,000) for calls in flight, then ends every connection. */
  close(graceMs?: number): Promise<void>
}

/**
 * Serves a Server on a port of its own.
 * @throws TypeError for an address beyond loopback without `access`, and the error of the socket when the port cannot be used
 *
 * @example
 * const { url, close } = await listen(server, { port: 8080 })
 */
export async function listen(server: Server, { port, host = '127.0.0.1', ...options }: ListenOptions): Promise<Listening> {
  if (options.access === undefined && !isLoopbackHost(host))
    throw new TypeError(
      `listening on ${host} without "access" would let everybody call the tools; pass createAccess({ principals })`,
    )
  const handler = mcpHandler(server, { access: createAccess({ loopback: true }), ...options })
  // Longer than the idle time of common load balancers (60 s), so that they close first.
  const http = createServer({ keepAliveTimeout: 65_000 }, limitPipelining(handler))
  await new Promise<void>((resolve, reject) => http.once('error', reject).listen(port, host, resolve))
  const { address, family, port: bound } = http.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    async close(graceMs = 5_000) {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()))
      await handler.close(graceMs)
      http.closeAllConnections()
      await closed
    },
  }
}
