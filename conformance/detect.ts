// Which transport and which revisions a target speaks, and whether an MCP server is there at all.
import { Context, type ContextOptions, initializeParams } from './client/context.ts'
import { Observations } from './client/observations.ts'
import type { HttpSession } from './client/session-http.ts'
import type { Exchange } from './client/target.ts'
import { Broken, isObject, Silence } from './expect.ts'
import { LIMITS } from './limits.ts'
import { LEGACY_REVISIONS, MODERN, type Revision, type TransportName } from './revisions.ts'
import { NO_FACTS } from './types.ts'

/** No server is there, or it is not for us: wrong address, wrong path, credentials wanted. */
export class Unreachable extends Error {}

export type Probe = Omit<ContextOptions, 'revision' | 'transport' | 'caseId' | 'observed' | 'facts'>

const MESSAGE = /"jsonrpc"|"protocolVersion"|"serverInfo"|^event: ?endpoint/m

export function probeContext(probe: Probe, transport: TransportName, revision: Revision): Context {
  return new Context({ ...probe, transport, revision, caseId: 'probe', observed: new Observations(), facts: NO_FACTS })
}

/**
 * Finds out which transport answers at the URL, as 2025-11-25 transports §Backwards Compatibility tells a client to. An answer that is
 * recognisably of MCP is enough, however wrong: the cases report what is wrong with it.
 */
export async function detectTransport(probe: Probe): Promise<TransportName> {
  const context = probeContext(probe, 'http', '2025-11-25')
  const seen: string[] = []
  const statuses: number[] = []
  let silent: Silence | undefined
  const note = (what: string, exchange: Exchange): void => {
    statuses.push(exchange.status)
    seen.push(`${what} answered ${headOf(exchange)}`)
  }
  const order = probe.url.pathname.endsWith('/sse') ? (['sse', 'http'] as const) : (['http', 'sse'] as const)
  try {
    for (const transport of order) {
      try {
        const exchange = await (transport === 'http' ? postInitialize(context) : getStream(context))
        note(transport === 'http' ? 'POST initialize' : 'GET', exchange)
        // After a silent POST, only an endpoint event tells HTTP+SSE from the GET stream of Streamable HTTP.
        if (transport === 'sse' && exchange.status === 200 && exchange.isEventStream && silent === undefined) return 'sse'
        if (await looksLikeMcp(context, exchange)) return transport
      } catch (error) {
        if (error instanceof Silence) silent = error
        else seen.push(error instanceof Broken ? error.actual : error instanceof Error ? error.message : String(error))
      }
    }
  } finally {
    context.close()
  }
  if (silent !== undefined) throw silent
  throw refusal(probe, statuses) ?? new Unreachable(`no MCP server at ${probe.url.href}: ${seen.join(', ')}`)
}

async function postInitialize(context: Context): Promise<Exchange> {
  const session = (await context.begin()) as HttpSession
  return session.post(session.build('initialize', initializeParams('2025-11-25'), 1))
}

function getStream(context: Context): Promise<Exchange> {
  return context.open({ method: 'GET', headers: { Accept: 'text/event-stream' } })
}

/** Whether the response holds a JSON-RPC message or an endpoint event, whatever its status, type and id. */
async function looksLikeMcp(context: Context, exchange: Exchange): Promise<boolean> {
  const body = exchange.isEventStream ? exchange.events().ends(context.timeoutMs) : exchange.body()
  const done = body.then(
    () => true,
    () => true,
  )
  for (let waited = 0; waited <= context.timeoutMs; waited += LIMITS.graceMs) {
    if (MESSAGE.test(exchange.received.toString())) return true
    if (await Promise.race([done, context.pause(LIMITS.graceMs)])) break
  }
  return MESSAGE.test(exchange.received.toString())
}

/** Credentials are wanted: said as such, with the option that gives them. */
function refusal({ url, headers }: Probe, statuses: readonly number[]): Unreachable | undefined {
  const status = statuses.find((code) => code === 401 || code === 403)
  if (status === undefined) return undefined
  const isGiven = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')
  const advice = isGiven
    ? 'it does not accept the Authorization header that was given'
    : `give credentials with --header 'Authorization: Bearer TOKEN'`
  return new Unreachable(`${url.href} answers HTTP ${status}: ${advice}`)
}

function headOf({ status, mediaType, headers }: Exchange): string {
  return `HTTP ${status}${headers.location === undefined ? '' : ` to ${headers.location}`}${mediaType === '' ? '' : ` (${mediaType})`}`
}

/** The server is there at all: it accepts the connection and does not answer 404 or ask for credentials. */
export async function checkReachable(probe: Probe, transport: TransportName): Promise<void> {
  const context = probeContext(probe, transport, '2025-11-25')
  try {
    const exchange = await (transport === 'sse' ? getStream(context) : postInitialize(context))
    const problem = refusal(probe, [exchange.status])
    if (problem !== undefined) throw problem
    if (exchange.status === 404 && !isObject(await exchange.json())) throw new Unreachable(`${probe.url.href} answers HTTP 404`)
  } catch (error) {
    if (error instanceof Broken && /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT/.test(error.actual)) {
      throw new Unreachable(`${probe.url.href}: ${error.actual}`)
    }
    if (error instanceof Unreachable || error instanceof Silence) throw error
    // Anything else is reported by the cases.
  } finally {
    context.close()
  }
}

/** The revisions that the target accepts: those it echoes in `initialize`, and 2026-07-28 if it answers a request of it. */
export async function learnRevisions(probe: Probe, transport: TransportName): Promise<Revision[]> {
  const candidates = transport === 'sse' ? LEGACY_REVISIONS : [...LEGACY_REVISIONS, MODERN]
  const accepted = await Promise.all(
    candidates.map(async (revision) => {
      const context = probeContext(probe, transport, revision)
      try {
        const session = await context.begin()
        if (revision !== MODERN) return (await context.initialize(session)).protocolVersion === revision
        const { supportedVersions } = await session.result('server/discover')
        return Array.isArray(supportedVersions) && supportedVersions.includes(MODERN)
      } catch {
        return false
      } finally {
        context.close()
      }
    }),
  )
  return candidates.filter((_, index) => accepted[index])
}
