// What is learned of a target before its cases run: which revisions it accepts, what it offers, which tool may be called.
import { Context, type ContextOptions } from './client/context.ts'
import { Observations } from './client/observations.ts'
import { HttpSession, META } from './client/session-http.ts'
import type { Exchange } from './client/target.ts'
import { Broken, isObject, type Json, type JsonObject, Silence } from './expect.ts'
import { LEGACY_REVISIONS, MODERN, type Revision, type TransportName } from './revisions.ts'

/** A call that may be made: of a tool that is marked read-only, or that the user named. */
export interface NamedCall {
  name: string
  args: JsonObject
}

export interface Callable extends NamedCall {
  tool: JsonObject
  /** How long a call took. */
  ms: number
  /** Whether it sent progress when asked. */
  reportsProgress: boolean
  /** The call failed, one way or another: the cases call it all the same when no other works. */
  isError: boolean
}

export interface Facts {
  /** Every revision the target accepts on this transport, oldest first. */
  revisions: readonly Revision[]
  initializeResult: JsonObject | undefined
  capabilities: JsonObject
  tools: JsonObject[]
  /** Tools marked read-only in any revision. Their names, since 2024-11-05 has no annotations. */
  readOnly: ReadonlySet<string>
  /** The tool that the cases call. */
  callable: Callable | undefined
  /** A tool with an `outputSchema` that may be called. */
  structured: Callable | undefined
  /** A tool that reports progress. */
  progressing: Callable | undefined
  /** A tool whose call takes long enough to do something meanwhile. */
  slow: Callable | undefined
  /** The server handed out a session id at initialization. */
  hasSession: boolean
  /** GET opens a stream of server messages (Streamable HTTP before 2026-07-28). */
  hasGetStream: boolean
}

export const NO_FACTS: Facts = {
  revisions: [],
  initializeResult: undefined,
  capabilities: {},
  tools: [],
  readOnly: new Set(),
  callable: undefined,
  structured: undefined,
  progressing: undefined,
  slow: undefined,
  hasSession: false,
  hasGetStream: false,
}

/** No server is there, or it is not for us: wrong address, wrong path, credentials wanted. */
export class Unreachable extends Error {}

/** A tool was named that the server does not have. */
export class UnknownTool extends Error {}

/** Which tools were found to be of use when the first revision was learned: the others look no further. */
export interface ToolMemory {
  chosen?: ReadonlySet<string>
}

type Probe = Omit<ContextOptions, 'revision' | 'transport' | 'caseId' | 'observed' | 'facts'>

/** How many tools are tried to find one that works, and how long each may take. */
const MOST_TRIED_TOOLS = 8
const TRIAL_MS = 2_000
/** From when on a call is slow. */
export const SLOW_MS = 200

function contextFor(probe: Probe, transport: TransportName, revision: Revision, facts: Facts = NO_FACTS): Context {
  return new Context({ ...probe, transport, revision, caseId: 'learning', observed: new Observations(), facts })
}

/** Finds out which transport answers at the URL, as 2025-11-25 transports §Backwards Compatibility tells a client to. */
export async function detectTransport(probe: Probe): Promise<TransportName> {
  const context = contextFor(probe, 'http', '2025-11-25')
  const seen: string[] = []
  let silent: Silence | undefined
  const tryPost = async (): Promise<boolean> => {
    const session = (await context.begin()) as HttpSession
    const reply = await session.request('initialize', initializeParams('2025-11-25'))
    seen.push(`POST initialize answered ${headOf(reply.exchange)}`)
    return reply.message !== undefined
  }
  const tryGet = async (): Promise<boolean> => {
    const get = await context.open({ method: 'GET', headers: { Accept: 'text/event-stream' } })
    seen.push(`GET answered ${headOf(get)}`)
    return get.status === 200 && get.isEventStream
  }
  const order = probe.url.pathname.endsWith('/sse') ? (['sse', 'http'] as const) : (['http', 'sse'] as const)
  try {
    for (const transport of order) {
      try {
        if (await (transport === 'http' ? tryPost() : tryGet())) return transport
      } catch (error) {
        if (error instanceof Silence) silent = error
        else if (error instanceof Broken) seen.push(error.actual)
        else seen.push(error instanceof Error ? error.message : String(error))
      }
    }
  } finally {
    context.close()
  }
  if (silent !== undefined) throw silent
  throw new Unreachable(`no MCP server at ${probe.url.href}: ${seen.join(', ')}`)
}

function headOf({ status, mediaType, headers }: Exchange): string {
  return `HTTP ${status}${headers.location === undefined ? '' : ` to ${headers.location}`}${mediaType === '' ? '' : ` (${mediaType})`}`
}

/** The server is there at all: it accepts the connection and does not answer 404 or ask for credentials. */
export async function checkReachable(probe: Probe, transport: TransportName): Promise<void> {
  const context = contextFor(probe, transport, '2025-11-25')
  try {
    const exchange = await (transport === 'sse'
      ? context.open({ method: 'GET', headers: { Accept: 'text/event-stream' } })
      : ((await context.begin()) as HttpSession).post({
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: initializeParams('2025-11-25'),
        }))
    if (exchange.status === 401 || exchange.status === 403) {
      throw new Unreachable(`${probe.url.href} answers HTTP ${exchange.status}: give credentials with --header`)
    }
    if (exchange.status === 404 && !isObject(await exchange.json())) throw new Unreachable(`${probe.url.href} answers HTTP 404`)
  } catch (error) {
    if (error instanceof Broken && /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT/.test(error.actual)) {
      throw new Unreachable(`${probe.url.href}: ${error.actual}`)
    }
    if (error instanceof Unreachable || error instanceof Silence) throw error
    // Anything else is for the cases to judge.
  } finally {
    context.close()
  }
}

/** The revisions that the target accepts: those it echoes in `initialize`, and 2026-07-28 if it answers a request of it. */
export async function learnRevisions(probe: Probe, transport: TransportName): Promise<Revision[]> {
  const legacy = await Promise.all(
    LEGACY_REVISIONS.map(async (revision) => {
      const context = contextFor(probe, transport, revision)
      try {
        const result = await context.initialize(await context.begin())
        return result.protocolVersion === revision ? [revision] : []
      } catch {
        return []
      } finally {
        context.close()
      }
    }),
  )
  if (transport === 'sse') return legacy.flat()
  const context = contextFor(probe, transport, MODERN)
  try {
    const reply = await (await context.begin()).request('server/discover')
    const result = reply.message?.result
    const speaks = isObject(result) && Array.isArray(result.supportedVersions) && result.supportedVersions.includes(MODERN)
    return speaks ? [...legacy.flat(), MODERN] : legacy.flat()
  } catch {
    return legacy.flat()
  } finally {
    context.close()
  }
}

/** Everything a run of one revision needs to know. What cannot be learned is left empty: the cases will say why. */
export async function learnFacts(
  probe: Probe,
  transport: TransportName,
  revision: Revision,
  revisions: readonly Revision[],
  calls: readonly NamedCall[],
  knownReadOnly: ReadonlySet<string>,
  memory: ToolMemory = {},
): Promise<Facts> {
  const context = contextFor(probe, transport, revision)
  const facts: Facts = { ...NO_FACTS, revisions, readOnly: knownReadOnly }
  try {
    const session = await context.connect()
    facts.initializeResult = session.initializeResult
    if (revision === MODERN) facts.initializeResult = await session.result('server/discover')
    if (isObject(facts.initializeResult?.capabilities)) facts.capabilities = facts.initializeResult.capabilities
    if (session instanceof HttpSession) {
      facts.hasSession = session.sessionId !== undefined
      if (revision !== MODERN) {
        const get = await session.listen()
        facts.hasGetStream = get.status === 200 && get.isEventStream
        get.close()
      }
    }
    facts.tools = await session.tools()
    const marked = facts.tools.filter((tool) => isObject(tool.annotations) && tool.annotations.readOnlyHint === true)
    facts.readOnly = new Set([...knownReadOnly, ...marked.map((tool) => String(tool.name))])
    await chooseTools(context, facts, calls, memory)
  } catch {
    // Left as far as it came.
  } finally {
    context.close()
  }
  return facts
}

async function chooseTools(context: Context, facts: Facts, calls: readonly NamedCall[], memory: ToolMemory): Promise<void> {
  const named = calls.flatMap((call) => {
    const tool = facts.tools.find((item) => item.name === call.name)
    return tool === undefined ? [] : [{ ...call, tool }]
  })
  const free = facts.tools
    .filter((tool) => facts.readOnly.has(String(tool.name)) && isCallableEmpty(tool))
    .map((tool) => ({ name: String(tool.name), args: {}, tool }))
    .filter(({ name }) => !named.some((call) => call.name === name) && (memory.chosen?.has(name) ?? true))
    .slice(0, MOST_TRIED_TOOLS)
  const tried: Callable[] = []
  for (const candidate of [...named, ...free]) {
    const limitMs = named.includes(candidate) ? context.timeoutMs : Math.min(context.timeoutMs, TRIAL_MS)
    const callable = await tryTool(context, candidate, limitMs)
    if (callable === undefined) continue
    // Slow once may be chance.
    const again = callable.ms >= SLOW_MS ? await tryTool(context, candidate, limitMs) : undefined
    tried.push({ ...callable, ms: Math.min(callable.ms, again?.ms ?? callable.ms) })
  }
  const working = tried.filter((call) => !call.isError)
  facts.callable = working[0] ?? tried[0]
  facts.structured = working.find((call) => isObject(call.tool.outputSchema))
  facts.progressing = working.find((call) => call.reportsProgress)
  facts.slow = working.find((call) => call.ms >= SLOW_MS)
  const chosen = [facts.callable, facts.structured, facts.progressing, facts.slow].flatMap((call) =>
    call === undefined ? [] : [call.name],
  )
  memory.chosen ??= new Set(chosen)
}

/** The tool's schema asks for nothing. */
function isCallableEmpty(tool: JsonObject): boolean {
  const schema = tool.inputSchema
  return isObject(schema) && !(Array.isArray(schema.required) && schema.required.length > 0) && (schema.minProperties ?? 0) === 0
}

async function tryTool(
  context: Context,
  call: NamedCall & { tool: JsonObject },
  timeoutMs: number,
): Promise<Callable | undefined> {
  try {
    const session = await context.connect()
    const started = performance.now()
    const params = { name: call.name, arguments: call.args, _meta: { progressToken: 'learning' } }
    const reply = await session.request('tools/call', params, { headers: parameterHeaders(call.tool, call.args), timeoutMs })
    const result = reply.message?.result
    const isError = !isObject(result) || result.isError === true
    const reportsProgress = reply.messages.some((message) => isObject(message) && message.method === 'notifications/progress')
    return { ...call, ms: performance.now() - started, reportsProgress, isError }
  } catch (error) {
    // A tool that says nothing is left alone; one that answers wrongly is for the cases to judge.
    return error instanceof Silence || error instanceof Broken
      ? undefined
      : { ...call, ms: 0, reportsProgress: false, isError: true }
  }
}

/** The properties of a schema that are mirrored into headers (2026-07-28), by header name. */
export function mirroredProperties(tool: JsonObject): { header: string; property: string; type: Json | undefined }[] {
  const schema = isObject(tool.inputSchema) ? tool.inputSchema : {}
  const properties = isObject(schema.properties) ? schema.properties : {}
  return Object.entries(properties).flatMap(([property, value]) =>
    isObject(value) && typeof value['x-mcp-header'] === 'string'
      ? [{ header: `Mcp-Param-${value['x-mcp-header']}`, property, type: value.type }]
      : [],
  )
}

export function parameterHeaders(tool: JsonObject, args: JsonObject): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  for (const { header, property } of mirroredProperties(tool)) {
    const value = args[property]
    if (value !== undefined && value !== null) headers[header] = String(value)
  }
  return headers
}

export function initializeParams(revision: string): JsonObject {
  return { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'mcp-conformance', version: '1' } }
}

export const SERVER_INFO = `${META}serverInfo`
