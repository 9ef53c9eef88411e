// The routing table: the MCP transports of each server, and the routes for people and monitors (/, /health, /ready, /metrics).
import type { RequestListener, ServerResponse } from 'node:http'
import { type Caller, isRefusal, sendJson } from '../../protocol/index.ts'
import { type Endpoint, type Process, recordRefusal, type Service } from './service.ts'
import { basePathOf } from './settings.ts'
import { readState, type ServerState } from './state.ts'

type Row = [path: string, listener: RequestListener]

/** For a client with a wrong address: every MCP client first sends POST. */
const mcpIsAt = 'MCP is served at /<server>/sse and /<server>/mcp'

/** Every path of the process. To serve another one, add a row. The base path and a trailing slash are removed before the look-up, so "" is /. */
function rows(host: Process): Row[] {
  const { services, combined, settings } = host
  return [
    ['', guarded(host, 'summary', (res, caller) => sendDashboard(res, caller !== undefined))],
    ['/dashboard.json', guarded(host, 'token', (res, caller) => sendDashboardData(host, res, caller))],
    ...statusRows(host, '', services),
    ['/metrics', guarded(host, settings.METRICS_PUBLIC ? 'open' : 'token', (res) => sendMetrics(host, res))],
    ...services.flatMap((service) => [
      ...endpointRows(`/${service.name}`, service),
      ...statusRows(host, `/${service.name}`, [service]),
    ]),
    // Without a name: the only server, so that http://mcp-postgres:8080/sse works, or the tools of all of them.
    ...endpointRows('', combined),
  ]
}

function endpointRows(prefix: string, { sse, mcp }: Endpoint): Row[] {
  return [[`${prefix}/mcp`, mcp], ...['/sse', '/messages', '/sse/messages'].map((path): Row => [prefix + path, sse])]
}

function statusRows(host: Process, prefix: string, services: readonly Service[]): Row[] {
  return [
    [`${prefix}/health`, guarded(host, 'open', (res) => sendObject(res, 200, { status: 'ok' }))],
    [`${prefix}/ready`, guarded(host, 'summary', (res, caller) => ready(host, services, res, caller !== undefined))],
  ]
}

export function createRouter(host: Process): RequestListener {
  // Accepted with and without it, so that a proxy may strip it or not.
  const basePath = basePathOf(host.settings)
  const routes = new Map(rows(host))
  const notFound = guarded(host, 'nothing', (res) => sendObject(res, 404, { error: `not found; ${mcpIsAt}` }))
  return (req, res) => {
    const url = req.url ?? ''
    const end = url.indexOf('?')
    const given = end === -1 ? url : url.slice(0, end)
    const direct = basePath === '' ? routes.get(given) : undefined // a prefix may be named like a server
    if (direct !== undefined) return direct(req, res)
    const prefixed = basePath !== '' && (given === basePath || given.startsWith(`${basePath}/`))
    const path = (prefixed ? given.slice(basePath.length) : given).replace(/\/$/, '')
    req.url = path + url.slice(given.length)
    const listener = routes.get(path) ?? notFound
    listener(req, res)
  }
}

/**
 * Applies the rule for Host and Origin. `nothing`: with any method. `open`: GET only. `summary`: GET only, and the handler gets the
 * caller if details may be shown. `token`: GET only, and a valid token is required.
 */
function guarded(
  host: Process,
  need: 'nothing' | 'open' | 'summary' | 'token',
  handle: (res: ServerResponse, caller: Caller | undefined) => void | Promise<void>,
): RequestListener {
  return (req, res) => {
    const answer = host.access(req)
    if (isRefusal(answer) && (answer.status === 403 || need === 'token')) {
      const { status, reason, message } = answer
      recordRefusal(host, undefined, { reason, req, caller: undefined, status })
      if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer')
      return sendObject(res, status, { error: message })
    }
    if (need !== 'nothing' && req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD')
      return sendObject(res, 405, { error: `use GET; ${mcpIsAt}` })
    }
    void handle(res, isRefusal(answer) ? undefined : answer)
  }
}

async function ready(host: Process, services: readonly Service[], res: ServerResponse, known: boolean): Promise<void> {
  const state = await readState({ ...host, services })
  sendObject(res, state.status === 'ready' ? 200 : 503, known ? state : { status: state.status })
}

/** Loaded at the first request, because most processes are never opened in a browser. */
async function sendDashboard(res: ServerResponse, known: boolean): Promise<void> {
  const { sendPage } = await import('./dashboard/page.ts')
  sendPage(res, known)
}

/** The token of MCP_AUTH_TOKEN is the operator's and sees every call; one of MCP_AUTH_TOKENS sees its own. */
async function sendDashboardData(host: Process, res: ServerResponse, caller: Caller | undefined): Promise<void> {
  const seesAll = caller?.principal === 'default' || caller?.principal === 'anonymous'
  const calls = host.audit.recentCalls.filter(({ principal }) => seesAll || principal === caller?.principal)
  sendObject(res, 200, { ...(await readState(host)), calls })
}

async function sendMetrics(host: Process, res: ServerResponse): Promise<void> {
  const { servers, audit } = await readState(host)
  const all = Object.entries(servers)
  const configured = all.filter(([, { state }]) => state !== 'not_configured')
  const each = (of: typeof all, value: (state: ServerState) => number) =>
    of.map(([server, state]) => [{ server }, value(state)] as const)
  const body = host.metrics.render({
    mcp_server_upstream_up: each(configured, ({ state }) => (state === 'ok' ? 1 : 0)),
    mcp_server_upstream_since_timestamp_seconds: each(configured, ({ since }) => seconds(since)),
    mcp_server_tools: each(all, ({ tools }) => tools),
    mcp_server_open_sessions: each(all, ({ sessions }) => sessions),
    mcp_server_last_error_timestamp_seconds: all.flatMap(([server, { last_error: last }]) =>
      last === undefined ? [] : [[{ server, gen_ai_tool_name: last.tool, error_type: last.code }, seconds(last.at)] as const],
    ),
    octet_audit_records: [[{}, audit.seq]],
    octet_audit_written: [[{}, audit.written ? 1 : 0]],
    octet_audit_lost_records_total: [[{}, audit.lost]],
    process_resident_memory_bytes: [[{}, process.memoryUsage.rss()]],
  })
  res.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' }).end(body)
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000
}

function sendObject(res: ServerResponse, status: number, body: object): void {
  sendJson(res, status, `${JSON.stringify(body)}\n`)
}
