// One server inside a process: its backend, its tools, the middlewares of every call, and its transports.
import {
  type Access,
  type AnyTool,
  type Handler,
  type HttpOptions,
  httpSse,
  type Middleware,
  type RefusedReason,
  runThrough,
  Server,
  type ServerOptions,
  streamableHttp,
  ToolError,
} from '../../protocol/index.ts'
import type { AnyServer, ConfigSchema, Environment } from '../kit/definition.ts'
import { matchesGlob } from '../kit/names.ts'
import type { Audit } from './audit/trail.ts'
import type { Reading } from './config.ts'
import { Health, type State } from './health.ts'
import { concurrency, deadline, rateLimit } from './limits.ts'
import type { Metrics } from './metrics.ts'
import { recording } from './recording.ts'
import type { Settings } from './settings.ts'

/** The two transports of a Server. */
export interface Endpoint {
  readonly sse: Handler
  readonly mcp: Handler
}

/** What the servers of a process have in common. */
export interface Shared {
  readonly settings: Settings
  readonly environment: Environment
  readonly access: Access
  readonly audit: Audit
  readonly metrics: Metrics
}

export type Service = ReturnType<typeof createService>

export interface Process extends Shared {
  readonly services: readonly Service[]
  /** What the addresses without a server's name lead to. */
  readonly combined: Endpoint
  /** Whether the process is shutting down. */
  stopping(): boolean
}

/** @param reading with problems instead of a configuration when its variables are wrong: the server is listed and says so */
export function createService(shared: Shared, definition: AnyServer, reading: Reading<ConfigSchema>) {
  const { settings, environment } = shared
  const { name, title, instructions } = definition
  const { backend, health, refusal } = openBackend(definition, reading, environment)
  const tools = definition
    .tools(backend as never, environment)
    .filter((tool) => offered(tool.name, settings))
    .map((tool) => withRefusal(tool, refusal ?? readOnlyRefusal(tool, settings)))
  /** Audit trail, metrics and limits of this server's calls. */
  const middlewares = [
    recording(name, shared, backend, health),
    ...(settings.MCP_RATE_LIMIT > 0 ? [rateLimit(settings.MCP_RATE_LIMIT)] : []),
    deadline(settings.MCP_TOOL_TIMEOUT_MS),
    concurrency(settings.MCP_MAX_CONCURRENCY, settings.MCP_MAX_QUEUE),
  ]
  const endpoint = createEndpoint(shared, { name, title, instructions, tools, middleware: middlewares })
  const close = async (): Promise<void> => {
    health.stop()
    await backend?.close()
  }
  return { ...endpoint, name, title, instructions, tools, middlewares, health, close }
}

/**
 * One endpoint for the tools of several servers, for clients without a gateway. A call has the audit trail, metrics and limits of the server whose
 * tool it is; what belongs to none of them is recorded under the name `octet`.
 */
export function createCombinedEndpoint(shared: Shared, services: readonly Service[]): Endpoint {
  const name = 'octet'
  const own = [recording(name, shared)]
  const owners = new Map(services.flatMap(({ tools, middlewares }) => tools.map((tool) => [tool.name, middlewares] as const)))
  const middleware: Middleware = (call, next) => runThrough(owners.get(call.tool?.name ?? '') ?? own, call, next)
  return createEndpoint(shared, {
    name,
    title: 'Octet',
    instructions: services.map(({ instructions }) => instructions).join('\n'),
    tools: services.flatMap(({ tools }) => tools),
    middleware: [middleware],
  })
}

function createEndpoint(shared: Shared, options: Omit<ServerOptions, 'version'>): Endpoint {
  const { settings, access } = shared
  const { version, log } = shared.environment
  const { name } = options
  const server = new Server({
    ...options,
    version,
    structuredContent: settings.MCP_STRUCTURED_CONTENT,
    onInternalError: (error, about) => log.error('internal error', { ...about, error }),
  })
  const http: HttpOptions = {
    access,
    maxBodyBytes: settings.MCP_MAX_BODY_BYTES,
    maxSessions: settings.MCP_MAX_SESSIONS,
    basePath: settings.MCP_BASE_PATH ?? '',
    onRefused: (refused) => {
      const { reason, req, caller, status } = refused
      const remote = req.socket.remoteAddress ?? ''
      log.warn('refused', { server: name, reason, status, remote, principal: caller?.principal })
      recordRefusal(shared, name, refused)
    },
  }
  return { sse: httpSse(server, http), mcp: streamableHttp(server, http) }
}

/** Refusals that concern permissions go into the audit trail; the others are client errors and only logged and counted. */
const audited: ReadonlySet<RefusedReason> = new Set<RefusedReason>(['host', 'origin', 'credentials', 'session'])

/** @param server undefined for an address that belongs to none */
export function recordRefusal(
  { audit, metrics }: Shared,
  server: string | undefined,
  { reason, req, caller, status }: Parameters<Required<HttpOptions>['onRefused']>[0],
): void {
  metrics.count('mcp_server_refused_total', { server: server ?? '', reason })
  if (!audited.has(reason)) return
  const remote = req.socket.remoteAddress ?? ''
  audit.denied({ reason, server, principal: caller?.principal, user: caller?.user, remote, status })
}

/** Opens the backend. The same health and the same reason are shown in the start table, by /ready, the log and `octet doctor`. */
export function openBackend(definition: AnyServer, { config, set, problems }: Reading<ConfigSchema>, environment: Environment) {
  const { name: server } = definition
  const { log } = environment
  const off = (initial: Omit<State, 'since'>, is: string) => ({
    backend: undefined,
    health: new Health({ server, backend: undefined, log, initial }),
    refusal: new ToolError('UPSTREAM_UNREACHABLE', `the ${server} server is ${is}. Ask the operator`),
  })
  const wrong = (message: string) => {
    log.error('server is misconfigured', { server, reason: message })
    const next = 'correct it and start again'
    return off({ state: 'misconfigured', message, next }, 'not configured correctly; `octet doctor` says what is wrong')
  }
  if (config === undefined) return wrong(problems.join('; '))
  const next = definition.missing(config as never)
  if (next !== undefined) return off({ state: 'not_configured', message: 'not configured', next }, `not configured: ${next}`)
  try {
    const backend = definition.open(config as never, environment)
    return { backend, health: new Health({ server, backend, set, log }), refusal: undefined }
  } catch (error) {
    return wrong((error as Error).message)
  }
}

/** MCP_READ_ONLY: a tool that does not declare itself read-only is refused. */
function readOnlyRefusal(tool: AnyTool, settings: Settings): ToolError | undefined {
  if (!settings.MCP_READ_ONLY || tool.annotations?.readOnlyHint === true) return undefined
  return new ToolError('READ_ONLY', `${tool.name} is switched off on this server. Ask the operator if data must be changed`)
}

/** Replaces the handler, so that malformed requests and bad arguments are still reported as such. */
function withRefusal(tool: AnyTool, refusal: ToolError | undefined): AnyTool {
  const handler = (): never => {
    throw refusal
  }
  return refusal === undefined ? tool : { ...tool, handler }
}

/** MCP_TOOLS_ALLOW and MCP_TOOLS_DENY */
export function offered(tool: string, settings: Settings): boolean {
  const { MCP_TOOLS_ALLOW: allow, MCP_TOOLS_DENY: deny } = settings
  return (allow.length === 0 || allow.some((glob) => matchesGlob(glob, tool))) && !deny.some((glob) => matchesGlob(glob, tool))
}
