// One process: reads the configuration, listens, and shuts down in order. service.ts makes one server, routes.ts the routing table.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isatty } from 'node:tty'
import packageJson from '../../package.json' with { type: 'json' }
import { limitPipelining } from '../../protocol/index.ts'
import type { AnyServer } from '../kit/definition.ts'
import { createRedact } from '../kit/redact.ts'
import { lockAudit } from './audit/lock.ts'
import { Audit } from './audit/trail.ts'
import { hasColours, type Row, reasonsOf, renderTable, tableWidth, wrap } from './columns.ts'
import type { Env } from './config.ts'
import { loadConfiguration } from './load.ts'
import { createLog } from './log.ts'
import { Metrics } from './metrics.ts'
import { createRouter } from './routes.ts'
import { createCombinedEndpoint, createService, type Service } from './service.ts'
import { basePathOf, principals } from './settings.ts'
import { renewableAccess } from './tokens.ts'

/** sysexits.h EX_CONFIG: the configuration is wrong, and a restart will not help. */
export const exitConfig = 78

export interface ServeOptions {
  env: Env
  /** Set when a person runs the command: demonstration defaults apply, and a table is printed. */
  command?: true
  /** What was read from a file `.env`, in one line. */
  envFile?: string | undefined
}

const maxConnections = 2_048
const httpOptions = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  /** How often Node checks these two. */
  connectionsCheckingInterval: 2_000,
  /** Longer than the idle timeout of common load balancers (60 s), so that the load balancer closes first. */
  keepAliveTimeout: 65_000,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
}
/** A probe takes milliseconds of CPU: callers that wait for the start are answered first. */
const firstProbeMs = 20

/** Serves the definitions until SIGTERM or SIGINT. Exits with 78 when the configuration is wrong, with 1 when the port cannot be had. */
export async function serve(definitions: readonly AnyServer[], { env, command, envFile }: ServeOptions): Promise<void> {
  const loaded = loadConfiguration(definitions, env, { demo: command === true })
  const { settings, servers, fatal, notes, secrets } = loaded
  if (settings === undefined) return reportProblems(fatal, notes)
  process.stderr.on('error', () => {}) // the server outlives the reader of its log
  const redact = createRedact(secrets)
  // On a terminal a person reads: the log is text unless LOG_FORMAT is set, and records of the audit trail go to a file or nowhere.
  const textLog = command !== undefined && isatty(2) && !env.LOG_FORMAT
  const log = createLog({ level: settings.LOG_LEVEL, format: textLog ? 'text' : settings.LOG_FORMAT, redact })
  const unrecorded = command !== undefined && isatty(1) && settings.AUDIT_FILE === undefined && !settings.AUDIT_REQUIRED
  const taken = settings.AUDIT_FILE === undefined ? undefined : await lockAudit(settings.AUDIT_FILE, log)
  if (taken !== undefined) return reportProblems([taken], notes)
  const { version } = packageJson
  let audit: Audit
  try {
    audit = new Audit({ settings, nowhere: unrecorded, version, redact, log })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return reportProblems([`AUDIT_FILE: cannot be written (${code}); expected a file in a folder this user may write`], notes)
  }
  for (const note of notes) log.warn(note)
  if (envFile !== undefined) log.info(envFile)

  const access = renewableAccess(env, settings, log, redact)
  const environment = {
    version,
    maxResultChars: settings.MCP_MAX_RESULT_CHARS,
    toolTimeoutMs: settings.MCP_TOOL_TIMEOUT_MS,
    readOnly: settings.MCP_READ_ONLY,
    ca: loaded.ca,
    log,
  }
  const shared = { settings, environment, access, audit, metrics: new Metrics() }
  const services = servers.map(({ definition, reading }) => createService(shared, definition, reading))
  const twice = sharedTool(services)
  if (twice !== undefined) return reportProblems([twice], notes)
  const [only] = services
  const combined = services.length === 1 && only !== undefined ? only : createCombinedEndpoint(shared, services)
  audit.start(
    services.map(({ name }) => name),
    redact({ settings, servers: servers.map(({ reading }) => reading.config) }),
  )

  let stopping = false
  const router = createRouter({ ...shared, services, combined, stopping: () => stopping })
  const server = createServer(httpOptions, limitPipelining(router))
  server.maxConnections = maxConnections

  const { MCP_SHUTDOWN_GRACE_MS: graceMs } = settings
  const stop = async (signal: string): Promise<void> => {
    if (stopping) process.exit(130) // a second signal ends the process at once
    stopping = true
    log.info('stopping', { signal, grace_ms: graceMs })
    server.close()
    const endpoints = [...new Set([combined, ...services])]
    await Promise.all(endpoints.flatMap(({ sse, mcp }) => [sse.close(graceMs), mcp.close(graceMs)]))
    server.closeIdleConnections()
    await Promise.allSettled(services.map((service) => service.close()))
    audit.close()
    process.exit(0)
  }
  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  process.on('uncaughtException', (error) => {
    // The state of the process is unknown: log the error and let the supervisor start a new process.
    log.error('uncaught exception', { error })
    audit.close()
    process.exit(1)
  })

  server.on('error', (error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'is in use; set MCP_PORT to another' : `cannot be listened on (${error.code})`
    process.stderr.write(`port ${settings.MCP_PORT} of ${settings.MCP_HOST} ${why}\n`)
    process.exit(1)
  })
  server.listen(settings.MCP_PORT, settings.MCP_HOST, () => {
    const url = `${urlOf(server.address() as AddressInfo)}${basePathOf(settings)}`
    log.info('listening', { url, servers: services.map(({ name }) => name), version, node: process.version })
    const lines = [
      services.length === 1 ? '' : `All tools: ${url}/mcp and /sse.`,
      principals(settings).length > 0
        ? 'Callers need the token.'
        : 'No token is set: every program on this machine may call these tools.',
      unrecorded ? 'Calls are not recorded on a terminal; to keep an audit trail, set AUDIT_FILE.' : '',
      'To connect a client: octet connect CLIENT. Stop with Ctrl-C.',
    ]
    setTimeout(async () => {
      if (stopping) return
      await Promise.all(services.map(({ health }) => health.check()))
      for (const { health } of services) health.watch()
      if (command !== undefined) printTable(url, services, lines)
    }, firstProbeMs)
  })
}

/** The problem of two servers with a tool of one name: at the address of all tools one of them could not be called. */
function sharedTool(services: readonly Service[]): string | undefined {
  const owners = new Map<string, string>()
  for (const { name, tools } of services) {
    for (const tool of tools) {
      const other = owners.get(tool.name)
      if (other !== undefined) return `${other} and ${name} both have a tool "${tool.name}"; serve them in two processes`
      owners.set(tool.name, name)
    }
  }
  return undefined
}

function reportProblems(problems: readonly string[], notes: readonly string[]): void {
  const lines = [
    `${problems.length} problem${problems.length === 1 ? '' : 's'} in the configuration:`,
    ...problems.map((problem) => `  - ${problem}`),
  ]
  process.stderr.write(`${[...lines, ...notes.map((note) => `  note: ${note}`)].join('\n')}\n`)
  process.exit(exitConfig)
}

/** Prints the table of `octet start` with these lines below it. */
function printTable(url: string, services: readonly Service[], lines: readonly string[]): void {
  const rows = services.map(({ name, tools, health: { state } }): Row => {
    const mark = state.state === 'ok' ? undefined : state.state === 'not_configured' ? 'off' : 'bad'
    const cells = [name, `${url}/${name}/sse`, state.state.replace('_', ' '), String(tools.length)]
    return { cells, notes: reasonsOf(state), mark }
  })
  const table = renderTable(['server', 'SSE URL', 'state', 'tools'], rows, hasColours(process.stderr))
  const below = lines.filter((line) => line !== '').flatMap((line) => wrap(line, tableWidth))
  process.stderr.write(`\n${table}\n\n${below.join('\n')}\n`)
}

function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '::' || address === '0.0.0.0' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}
