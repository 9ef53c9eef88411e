// For tests: this folder's tools behind a real socket, called as by gateways, one MCP request for each call and no session.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AnyTool, createAccess, Server, streamableHttp } from '../../../protocol/index.ts'
import { type Answer, answerOf, environmentOf } from '../../../test/helpers/tool-client.ts'
import { send } from '../../../test/helpers/wire.ts'
import type { Environment } from '../../kit/definition.ts'
import type { Resolve } from '../../kit/network-policy/policy.ts'
import { type PlaywrightConfig, config as schema } from '../config.ts'
import { playwright } from '../index.ts'
import { openPlaywright, type PlaywrightBackend } from '../lib/service.ts'

export interface Setup {
  config?: Partial<PlaywrightConfig>
  environment?: Partial<Environment>
  resolve?: Resolve
}

/** Who calls. Each call is a request of its own. */
export interface Who {
  token?: string
  user?: string
}

export interface Wire {
  call(tool: string, args?: Record<string, unknown>, who?: Who): Promise<Answer>
  readonly backend: PlaywrightBackend
  readonly tools: readonly AnyTool[]
  /** Lines of its log. */
  readonly logged: { level: string; message: string; fields: Record<string, unknown> | undefined }[]
}

/** The defaults. The browser is the one that is found, or the one the live tests name. */
export function configOf(config: Partial<PlaywrightConfig> = {}): PlaywrightConfig {
  const defaults = Object.fromEntries(
    Object.entries(schema.properties).flatMap(([name, variable]) => ('default' in variable ? [[name, variable.default]] : [])),
  )
  return { ...(defaults as unknown as PlaywrightConfig), ...config }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const logged: Wire['logged'] = []
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void logged.push({ level, message, fields })
  const environment = environmentOf({
    ...setup.environment,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
  })
  const backend = openPlaywright(configOf(setup.config), environment, setup.resolve)
  const tools = playwright.tools(backend, environment)
  const server = new Server({
    name: 'playwright',
    version: '0.0.0',
    tools,
    structuredContent: 'auto',
    onInternalError: (error) => console.error(error),
  })
  const access = createAccess({
    principals: [
      { name: 'one', token: 'token-one' },
      { name: 'two', token: 'token-two' },
    ],
    userHeaders: ['x-user'],
    loopback: true,
  })
  const handler = streamableHttp(server, { access })
  const http = createServer(handler)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`
  let id = 0
  try {
    await work({
      backend,
      tools,
      logged,
      async call(name, args = {}, { token = 'token-one', user } = {}) {
        id += 1
        const answer = await send(url, {
          method: 'POST',
          body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }),
          headers: {
            'Content-Type': 'application/json',
            Accept: 'application/json, text/event-stream',
            Authorization: `Bearer ${token}`,
            'MCP-Protocol-Version': '2025-11-25',
            ...(user === undefined ? {} : { 'X-User': user }),
          },
        })
        // A call of more than ten seconds is answered as an event stream.
        const event = /^data: (.*)$/m.exec(answer.text)?.[1]
        return answerOf(event === undefined ? answer.json() : JSON.parse(event))
      },
    })
  } finally {
    await handler.close(1_000)
    http.closeAllConnections()
    http.close()
    await backend.close()
  }
}

export interface Site {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** For PLAYWRIGHT_ALLOW_PRIVATE. */
  readonly opening: string
  /** `GET /path` of every request. */
  readonly requests: string[]
  connections(): number
}

/** A web server on a free port of loopback that counts who comes. */
export async function withSite(listener: RequestListener, use: (site: Site) => Promise<void>): Promise<void> {
  const requests: string[] = []
  let connections = 0
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`)
    listener(req, res)
  })
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await use({ url: `http://127.0.0.1:${port}`, opening: `127.0.0.1:${port}`, requests, connections: () => connections })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** Answers each path with its page; 404 elsewhere. */
export function pages(content: Readonly<Record<string, string | RequestListener>>): RequestListener {
  return (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://site.test')
    const found = content[pathname]
    if (typeof found === 'function') found(req, res)
    else if (found === undefined) res.writeHead(404, { 'content-type': 'text/html' }).end('<h1>not here</h1>')
    else res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(found)
  }
}
