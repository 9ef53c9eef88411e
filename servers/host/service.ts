// One server inside a process: its backend, its tools, the middlewares of every call, and its transports.
import {
  type Access,
  type AnyTool,
  type Handler,
  type HttpOptions,
  httpSse,
  type RefusedReason,
  Server,
  streamableHttp,
  ToolError,
} from '../../protocol/index.ts'
import type { AnyServer, Backend, Environment, Log } from '../kit/definition.ts'
import { matchesGlob } from '../kit/names.ts'
import type { Audit } from './audit/trail.ts'
import { Health } from './health.ts'
import { concurrency, deadline, rateLimit } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { Settings } from './settings.ts'

export interface Service {
  readonly name: string
  readonly title: string
  readonly toolNames: readonly string[]
  readonly health: Health
  readonly sse: Handler
  readonly mcp: Handler
  close(): Promise<void>
}

export interface ServiceParts {
  definition: AnyServer
  /** Undefined when its variables are wrong: the server is listed and says so. */
  config: object | undefined
  settings: Settings
  environment: Environment
  access: Access
  audit: Audit
  metrics: Metrics
  log: Log
}

export function createService(parts: ServiceParts): Service {
  const { definition, settings, environment, audit, metrics, log, access } = parts
  const { name, title, instructions } = definition
  const { backend, health, refusal } = openBackend(parts)
  const tools = definition
    .tools(backend as never, environment)
    .filter((tool) => offered(tool.name, settings))
    .map((tool) => withRefusal(tool, refusal ?? readOnlyRefusal(tool, settings)))
  const server = new Server({
    name,
    title,
    version: environment.version,
    instructions,
    tools,
    structuredContent: settings.MCP_STRUCTURED_CONTENT,
    middleware: [
      audit.middleware(name, () => backend?.upstream, settings.MCP_READ_ONLY),
      metrics.middleware(name),
      ...(settings.MCP_RATE_LIMIT > 0 ? [rateLimit(settings.MCP_RATE_LIMIT)] : []),
      deadline(settings.MCP_TOOL_TIMEOUT_MS),
      concurrency(settings.MCP_MAX_CONCURRENCY, settings.MCP_MAX_QUEUE),
    ],
    onInternalError: (error, about) => log.error('internal error', { ...about, error }),
  })
  const http: HttpOptions = {
    access,
    maxBodyBytes: settings.MCP_MAX_BODY_BYTES,
    maxSessions: settings.MCP_MAX_SESSIONS,
    basePath: settings.MCP_BASE_PATH ?? '',
    onRefused: ({ reason, req, caller, status }) => {
      metrics.count('mcp_server_refused_total', { server: name, reason })
      const remote = req.socket.remoteAddress ?? ''
      log.warn('refused', { server: name, reason, status, remote, principal: caller?.principal })
      if (audited.has(reason))
        audit.denied({ reason, server: name, principal: caller?.principal, user: caller?.user, remote, status })
    },
  }
  return {
    name,
    title,
    toolNames: tools.map((tool) => tool.name),
    health,
    sse: httpSse(server, http),
    mcp: streamableHttp(server, http),
    close: async () => backend?.close(),
  }
}

/** Refusals that concern permissions go into the audit trail; the others are client errors and only logged and counted. */
const audited: ReadonlySet<RefusedReason> = new Set<RefusedReason>(['host', 'origin', 'credentials', 'session'])

function openBackend({ definition, config, environment, log }: ServiceParts): {
  backend: Backend | undefined
  health: Health
  refusal: ToolError | undefined
} {
  const off = (state: 'misconfigured' | 'not_configured', is: string, remedy: string) => ({
    backend: undefined,
    health: new Health(undefined, { state, message: remedy }),
    refusal: new ToolError('UPSTREAM_UNREACHABLE', `the ${definition.name} server is ${is}: ${remedy}. Ask the operator`),
  })
  const wrong = () => off('misconfigured', 'not configured correctly', 'its log says what is wrong')
  if (config === undefined) return wrong()
  const missing = definition.missing(config as never)
  if (missing !== undefined) return off('not_configured', 'not configured', missing)
  try {
    const backend = definition.open(config as never, environment)
    return { backend, health: new Health(backend), refusal: undefined }
  } catch (error) {
    log.error('configuration refused', { server: definition.name, error })
    return wrong()
  }
}

/** MCP_READ_ONLY: a tool that does not declare itself read-only is refused. */
function readOnlyRefusal(tool: AnyTool, settings: Settings): ToolError | undefined {
  if (!settings.MCP_READ_ONLY || tool.annotations?.readOnlyHint === true) return undefined
  return new ToolError('READ_ONLY', `${tool.name} is switched off on this server. Ask the operator if data must be changed`)
}

/** Replaces the handler, so that malformed requests and bad arguments are still reported as such. */
function withRefusal(tool: AnyTool, refusal: ToolError | undefined): AnyTool {
  if (refusal === undefined) return tool
  return {
    ...tool,
    handler() {
      throw refusal
    },
  }
}

function offered(tool: string, settings: Settings): boolean {
  const { MCP_TOOLS_ALLOW: allow, MCP_TOOLS_DENY: deny } = settings
  return (allow.length === 0 || allow.some((glob) => matchesGlob(glob, tool))) && !deny.some((glob) => matchesGlob(glob, tool))
}
