// The routing table: the MCP transports of each server, and the routes for people and monitors (/health, /ready, /metrics).
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Access, isRefusal } from '../../protocol/index.ts'
import type { Audit } from './audit/trail.ts'
import type { Metrics } from './metrics.ts'
import type { Service } from './service.ts'

export interface RouterParts {
  services: readonly Service[]
  access: Access
  audit: Audit
  metrics: Metrics
  /** Public prefix; accepted with and without it, so that a proxy may strip it or not. */
  basePath: string
  metricsPublic: boolean
  /** The process is shutting down. */
  stopping(): boolean
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void
type Row = [path: string, listener: Listener]

/** Every path of the process. To serve another one, add a row. The base path and a trailing slash are removed before the look-up, so "" is /. */
function rows(parts: RouterParts): Row[] {
  const { services, metricsPublic } = parts
  return [
    ...statusRows(parts, '', services),
    ['/metrics', guarded(parts, metricsPublic ? 'open' : 'token', (_req, res) => void sendMetrics(parts, res))],
    ...services.flatMap((service) => serviceRows(parts, `/${service.name}`, service)),
    // Exactly one server: its short paths too, so that http://mcp-postgres:8080/sse works.
    ...(services.length === 1 ? services.flatMap((service) => serviceRows(parts, '', service)) : []),
  ]
}

function serviceRows(parts: RouterParts, prefix: string, service: Service): Row[] {
  const { sse, mcp } = service
  return [
    [`${prefix}/mcp`, mcp],
    ...['/sse', '/messages', '/sse/messages'].map((path): Row => [prefix + path, sse]),
    ...statusRows(parts, prefix, [service]),
  ]
}

function statusRows(parts: RouterParts, prefix: string, services: readonly Service[]): Row[] {
  return [
    [`${prefix}/health`, guarded(parts, 'open', (_req, res) => sendJson(res, 200, { status: 'ok' }))],
    [`${prefix}/ready`, guarded(parts, 'summary', (_req, res, known) => void ready(parts, services, res, known))],
  ]
}

export function createRouter(parts: RouterParts): Listener {
  const { basePath } = parts
  const routes = new Map(rows(parts))
  const notFound = guarded(parts, 'nothing', (_req, res) =>
    sendJson(res, 404, { error: 'not found; MCP is served at /<server>/sse and /<server>/mcp' }),
  )
  return (req, res) => {
    const [, given = '', query = ''] = /^([^?]*)(.*)$/s.exec(req.url ?? '') ?? []
    const prefixed = basePath !== '' && (given === basePath || given.startsWith(`${basePath}/`))
    const path = (prefixed ? given.slice(basePath.length) : given).replace(/\/$/, '')
    req.url = path + query
    const listener = routes.get(path) ?? notFound
    listener(req, res)
  }
}

/**
 * Applies the rule for Host and Origin. `nothing`: with any method. `open`: GET only. `summary`: GET only, and the handler learns whether the
 * caller may see details. `token`: GET only, and a valid token is required.
 */
function guarded(
  { access, audit, metrics }: RouterParts,
  need: 'nothing' | 'open' | 'summary' | 'token',
  handle: (req: IncomingMessage, res: ServerResponse, known: boolean) => void,
): Listener {
  return (req, res) => {
    const answer = access(req)
    const refused = isRefusal(answer) ? answer : undefined
    if (refused !== undefined && (refused.status === 403 || need === 'token')) {
      metrics.count('mcp_server_refused_total', { server: '', reason: refused.reason })
      const remote = req.socket.remoteAddress ?? ''
      audit.denied({
        reason: refused.reason,
        server: undefined,
        principal: undefined,
        user: undefined,
        remote,
        status: refused.status,
      })
      if (refused.status === 401) res.setHeader('WWW-Authenticate', 'Bearer')
      return sendJson(res, refused.status, { error: refused.message })
    }
    if (need !== 'nothing' && req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD')
      return sendJson(res, 405, { error: 'use GET' })
    }
    handle(req, res, refused === undefined)
  }
}

async function ready(
  { stopping, audit, metrics }: RouterParts,
  services: readonly Service[],
  res: ServerResponse,
  known: boolean,
): Promise<void> {
  const states = await Promise.all(services.map((service) => service.health.check()))
  const isReady = !stopping() && audit.healthy && states.every((state) => state.state === 'ok')
  const status = isReady ? 'ready' : stopping() ? 'stopping' : 'not ready'
  if (!known) return sendJson(res, isReady ? 200 : 503, { status })
  const servers = Object.fromEntries(
    services.map(({ name, toolNames, sse }, i) => {
      const { calls, errors, lastError } = metrics.totals(name)
      const use = { tools: toolNames.length, sessions: sse.openSessions, calls, errors }
      return [name, { ...states[i], ...use, ...(lastError === undefined ? {} : { last_error: lastError }) }]
    }),
  )
  sendJson(res, isReady ? 200 : 503, { status, servers, audit: { ...audit.head, written: audit.healthy } })
}

async function sendMetrics({ services, metrics, audit }: RouterParts, res: ServerResponse): Promise<void> {
  await Promise.all(services.map(({ health }) => health.check()))
  type Value = [labels: Record<string, string>, value: number]
  const each = (value: (service: Service) => number): Value[] =>
    services.map((service) => [{ server: service.name }, value(service)])
  const lastErrors = services.flatMap(({ name }): Value[] => {
    const { lastError } = metrics.totals(name)
    if (lastError === undefined) return []
    return [[{ server: name, gen_ai_tool_name: lastError.tool, error_type: lastError.code }, seconds(lastError.at)]]
  })
  const body = metrics.render([
    {
      name: 'mcp_server_upstream_up',
      help: 'Whether the backend answered when it was last asked.',
      values: each(({ health }) => (health.state.state === 'ok' ? 1 : 0)),
    },
    {
      name: 'mcp_server_upstream_since_timestamp_seconds',
      help: 'Since when the backend is in this state.',
      values: each(({ health }) => seconds(health.state.since)),
    },
    { name: 'mcp_server_tools', help: 'Tools that are offered.', values: each(({ toolNames }) => toolNames.length) },
    { name: 'mcp_server_open_sessions', help: 'Open HTTP+SSE sessions.', values: each(({ sse }) => sse.openSessions) },
    { name: 'mcp_server_last_error_timestamp_seconds', help: 'When a tool call last failed.', values: lastErrors },
    {
      name: 'octet_audit_records',
      help: 'Sequence number of the last audit record; its hash is a label.',
      values: [[{ head: audit.head.hash }, audit.head.seq]],
    },
    { name: 'process_resident_memory_bytes', help: 'Resident memory.', values: [[{}, process.memoryUsage.rss()]] },
  ])
  res.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' }).end(body)
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`
  res
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
    })
    .end(text)
}
