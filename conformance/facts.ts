// What is learned of a target before its cases run: what it offers, and which tools may be called with which arguments.
import type { Context } from './client/context.ts'
import type { Session } from './client/session.ts'
import { HttpSession } from './client/session-http.ts'
import { type Probe, probeContext } from './detect.ts'
import { Broken, isObject, Silence } from './expect.ts'
import { LIMITS } from './limits.ts'
import type { Need } from './needs.ts'
import { MODERN, type Revision, type TransportName } from './revisions.ts'
import { parameterHeaders, sampleArguments, textParameters, waitingArguments } from './tool-schema.ts'
import { type Callable, type Facts, type NamedCall, NO_FACTS } from './types.ts'

/** A tool was named that the server does not have. */
export class UnknownTool extends Error {}

/** Which tools were found to be of use when the first revision was learned: the others look no further. */
export interface ToolMemory {
  chosen?: readonly NamedCall[]
  slow?: NamedCall
  echo?: { name: string; property: string }
}

interface Learning {
  revisions: readonly Revision[]
  calls: readonly NamedCall[]
  /** Tools that are marked read-only in a newer revision. */
  readOnly: ReadonlySet<string>
  /** What the cases of this revision need. */
  needs: ReadonlySet<Need>
  memory: ToolMemory
}

type Candidate = Pick<Callable, 'name' | 'args' | 'tool' | 'mayVary'>

const ECHOED = 'conformance-7f3a'

/** Everything a run of one revision needs to know. What cannot be learned is left empty: the cases will say why. */
export async function learnFacts(probe: Probe, transport: TransportName, revision: Revision, how: Learning): Promise<Facts> {
  const context = probeContext(probe, transport, revision)
  const facts: Facts = { ...NO_FACTS, revisions: how.revisions, readOnly: how.readOnly }
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
    facts.readOnly = new Set([...how.readOnly, ...marked.map((tool) => String(tool.name))])
    await chooseTools(context, facts, how)
  } catch {
    // Left as far as it came.
  } finally {
    context.close()
  }
  return facts
}

async function chooseTools(context: Context, facts: Facts, { calls, memory, needs }: Learning): Promise<void> {
  const withTool = (call: NamedCall): Candidate[] => {
    const tool = facts.tools.find((item) => item.name === call.name)
    if (tool === undefined) return []
    const args = call.args ?? sampleArguments(tool.inputSchema) ?? {}
    const mayVary =
      facts.readOnly.has(call.name) || calls.some(({ name, args: given }) => name === call.name && given === undefined)
    return [{ name: call.name, args, tool, mayVary }]
  }
  const named = calls.flatMap(withTool)
  const free = (memory.chosen?.flatMap(withTool) ?? sampled(facts))
    .filter(({ name }) => !named.some((call) => call.name === name))
    .slice(0, LIMITS.triedTools)
  const tried: Callable[] = []
  for (const candidate of [...named, ...free]) {
    const callable = await tryTool(context, candidate, named.includes(candidate) ? context.timeoutMs : LIMITS.trialMs)
    if (callable !== undefined) tried.push(callable)
  }
  const working = tried.filter((call) => !call.isError)
  facts.callables = [...working, ...tried.filter((call) => call.isError)]
  facts.callable = facts.callables[0]
  facts.structured = working.find((call) => isObject(call.tool.outputSchema))
  facts.progressing = working.find((call) => call.reportsProgress)
  facts.slow = working.find((call) => call.ms >= LIMITS.slowMs)
  const mayVary = working.filter((call) => call.mayVary)
  if (facts.slow === undefined && needs.has('slow-tool')) {
    const variants = memory.slow === undefined ? mayVary.flatMap(waiting) : withTool(memory.slow)
    facts.slow = await first(variants, async (variant) => {
      const call = await tryTool(context, variant, LIMITS.trialMs)
      return call !== undefined && !call.isError && call.ms >= LIMITS.slowMs ? call : undefined
    })
    if (facts.slow !== undefined) memory.slow = { name: facts.slow.name, args: facts.slow.args }
  }
  if (needs.has('echo-tool')) {
    const pairs = mayVary.flatMap((callable) =>
      textParameters(callable.tool.inputSchema).map((property) => ({ callable, property })),
    )
    const known = memory.echo
    const candidates = pairs.filter(
      ({ callable, property }) => known === undefined || (callable.name === known.name && property === known.property),
    )
    facts.echo = await first(candidates, async (pair) => ((await echoes(context, pair)) ? pair : undefined))
    if (facts.echo !== undefined) memory.echo = { name: facts.echo.callable.name, property: facts.echo.property }
  }
  const chosen = [
    facts.callable,
    facts.structured,
    facts.progressing,
    working.find((call) => call === facts.slow),
    facts.echo?.callable,
  ]
  memory.chosen ??= [...new Set(chosen)].filter((call) => call !== undefined).map(({ name, args }) => ({ name, args }))
}

/** The read-only tools with arguments made from their schemas, those that need none first. */
function sampled(facts: Facts): Candidate[] {
  return facts.tools
    .filter((tool) => facts.readOnly.has(String(tool.name)))
    .flatMap((tool) => {
      const args = sampleArguments(tool.inputSchema)
      return args === undefined ? [] : [{ name: String(tool.name), args, tool, mayVary: true }]
    })
    .sort((a, b) => Object.keys(a.args).length - Object.keys(b.args).length)
}

function waiting(call: Callable): Candidate[] {
  return waitingArguments(call.tool.inputSchema, call.args).map((args) => ({ ...call, args }))
}

async function first<T, R>(items: readonly T[], find: (item: T) => Promise<R | undefined>): Promise<R | undefined> {
  for (const item of items.slice(0, LIMITS.triedTools)) {
    const found = await find(item)
    if (found !== undefined) return found
  }
  return undefined
}

async function echoes(context: Context, { callable, property }: { callable: Callable; property: string }): Promise<boolean> {
  try {
    const args = { ...callable.args, [property]: ECHOED }
    const { message } = await callOnce(await context.connect(), { ...callable, args }, LIMITS.trialMs)
    return isObject(message?.result) && message.result.isError !== true && JSON.stringify(message.result).includes(ECHOED)
  } catch {
    return false
  }
}

async function callOnce(session: Session, { name, args, tool }: Candidate, timeoutMs: number) {
  const params = { name, arguments: args, _meta: { progressToken: `learning-${session.newId()}` } }
  const started = performance.now()
  const reply = await session.request('tools/call', params, { headers: parameterHeaders(tool, args), timeoutMs })
  return { message: reply.message, messages: reply.messages, ms: performance.now() - started }
}

async function tryTool(context: Context, call: Candidate, timeoutMs: number): Promise<Callable | undefined> {
  try {
    const session = await context.connect()
    const { message, messages, ms } = await callOnce(session, call, Math.min(timeoutMs, context.timeoutMs))
    // Slow once may be chance, or the start of a process for this session.
    const again = ms >= LIMITS.slowMs ? await callOnce(session, call, timeoutMs) : undefined
    const isError = !isObject(message?.result) || message.result.isError === true
    const reportsProgress = messages.some((item) => isObject(item) && item.method === 'notifications/progress')
    return { ...call, ms: Math.min(ms, again?.ms ?? ms), reportsProgress, isError }
  } catch (error) {
    // A tool that says nothing is left alone; one that answers wrongly is for the cases to test.
    if (error instanceof Silence || error instanceof Broken) return undefined
    return { ...call, ms: 0, reportsProgress: false, isError: true }
  }
}
