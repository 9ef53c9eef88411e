// Runs the cases against one target: learns what it is, picks the cases that apply, runs them, notices when the target dies.
import { addressOf, appliesTo, type Case } from './case.ts'
import { CASES } from './cases/index.ts'
import { Context } from './client/context.ts'
import { Observations } from './client/observations.ts'
import type { Exchange } from './client/target.ts'
import { checkReachable, detectTransport, learnRevisions, type Probe } from './detect.ts'
import { Broken, Failure, isObject, Misdirected, Silence, Skip, show } from './expect.ts'
import { learnFacts, type ToolMemory, UnknownTool } from './facts.ts'
import { LIMITS } from './limits.ts'
import { type Need, unmet } from './needs.ts'
import { maskBytes } from './privacy.ts'
import { conforms } from './report/summary.ts'
import { MODERN, type Revision, type TransportName } from './revisions.ts'
import { type CaseResult, type Counts, type Facts, type Level, type NamedCall, NO_FACTS, type RunReport } from './types.ts'

export interface RunOptions {
  /** Address of the server: its SSE URL or its MCP endpoint. */
  url: string | URL
  /** Default: found out. */
  transport?: TransportName
  /** Default: every revision the server accepts. */
  revisions?: readonly Revision[]
  /** Sent with every request to the target's origin. */
  headers?: Record<string, string>
  /** Tools that may be called although they are not marked read-only, with the arguments to call them with. */
  calls?: readonly NamedCall[]
  /** Only cases whose id begins with one of these. */
  only?: readonly string[]
  /** Also the cases that wait for a keep-alive interval. */
  slow?: boolean
  /** Time limit of one answer. Default 5,000 ms. */
  timeoutMs?: number
  /** Cases that run at the same time. Default 8. */
  concurrency?: number
  /** The cases to run. Default: all of them. */
  cases?: readonly Case[]
  /** Shows what tools return in the report, instead of its length, type and shape. */
  showResults?: boolean
  /** Called with each result as it comes. */
  onResult?: (result: CaseResult, done: number, total: number) => void
  /** Called with what was learned of the target, before the first case. */
  onStart?: (about: { transport: TransportName; revisions: readonly Revision[]; total: number }) => void
  /** Ends the run: what has been tested so far is reported, with `aborted` set. */
  signal?: AbortSignal
}

const DEFAULT_TIMEOUT_MS = 5_000
const DEFAULT_CONCURRENCY = 8
const SHOWN_EXCHANGES = 3
const SHORTEST_SECRET = 4

/**
 * Tests one server. Rejects with `Unreachable` when no server is there (refused, 404, credentials wanted), and with
 * `UnknownTool` when `calls` names a tool it does not have; a server that is there and then goes silent or dies gives a report with
 * `aborted` set. Rejects with the signal's reason when it is aborted before the first case.
 */
export async function runConformance(options: RunOptions): Promise<RunReport> {
  const run = new Run(options)
  return run.report()
}

class Run {
  readonly #options: RunOptions
  readonly #url: URL
  readonly #headers: Record<string, string>
  readonly #results: CaseResult[] = []
  #total = 0
  #silences = 0
  #aborted: string | undefined
  /** Rejects when the run is interrupted. */
  readonly #abort: Promise<never>
  #server: { name: string; version: string } | undefined

  constructor(options: RunOptions) {
    this.#options = options
    this.#abort = aborted(options.signal)
    this.#abort.catch(() => undefined)
    this.#url = new URL(options.url)
    this.#headers = { ...options.headers }
    const { username, password } = this.#url
    if (username === '' && password === '') return
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    this.#headers.Authorization ??= `Basic ${Buffer.from(credentials).toString('base64')}`
    this.#url.username = ''
    this.#url.password = ''
  }

  async report(): Promise<RunReport> {
    const startedAt = new Date()
    const started = performance.now()
    const probe = this.#probe()
    let transport = this.#options.transport
    let isSilent = false
    try {
      if (transport === undefined) transport = await detectTransport(probe)
      else await checkReachable(probe, transport)
    } catch (error) {
      if (!(error instanceof Silence)) throw error
      // It accepts connections and says nothing: the cases will report it.
      transport ??= this.#url.pathname.endsWith('/sse') ? 'sse' : 'http'
      isSilent = true
    }
    const accepted = isSilent ? [] : await learnRevisions(probe, transport)
    this.#options.signal?.throwIfAborted()
    const revisions =
      this.#options.revisions ?? (accepted.length > 0 ? accepted : [transport === 'sse' ? '2024-11-05' : '2025-11-25'])
    await this.#runAll(transport, revisions, isSilent ? undefined : accepted)
    await this.#confirmAlive(transport, revisions)
    return {
      target: this.#url.href,
      ...(this.#server === undefined ? {} : { server: this.#server }),
      transport,
      revision: revisions.at(-1) ?? '2025-11-25',
      revisions,
      startedAt: startedAt.toISOString(),
      ms: Math.round(performance.now() - started),
      summary: summarize(this.#results),
      ...(this.#aborted === undefined ? {} : { aborted: this.#aborted }),
      cases: this.#results,
    }
  }

  /** `accepted` is undefined when the server says nothing, so that nothing can be learned of it. */
  async #runAll(
    transport: TransportName,
    revisions: readonly Revision[],
    accepted: readonly Revision[] | undefined,
  ): Promise<void> {
    const selected = new Map<Revision, Case[]>()
    const seen = new Set<string>()
    // What is run once is run with the newest revision, of which most is known.
    for (const revision of [...revisions].reverse()) {
      const era = revision === MODERN ? MODERN : 'with sessions'
      const cases = this.#select(transport, revision).filter((item) => !(item.once && seen.has(`${era} ${item.id}`)))
      for (const item of cases) seen.add(`${era} ${item.id}`)
      selected.set(revision, cases)
      this.#total += cases.length
    }
    this.#options.onStart?.({ transport, revisions, total: this.#total })
    let readOnly: ReadonlySet<string> = new Set()
    // Newest first: annotations, which say what may be called, are not in every revision.
    const learned = new Map<Revision, Facts>()
    const memory: ToolMemory = {}
    for (const revision of accepted === undefined ? [] : [...revisions].reverse()) {
      const needs = new Set<Need>((selected.get(revision) ?? []).flatMap((item) => [...(item.needs ?? []), ...(item.uses ?? [])]))
      const { calls = [] } = this.#options
      const facts = await learnFacts(this.#probe(), transport, revision, {
        revisions: accepted ?? [],
        calls,
        readOnly,
        needs,
        memory,
      })
      readOnly = facts.readOnly
      this.#server ??= serverInfo(facts.initializeResult)
      learned.set(revision, facts)
    }
    this.#checkNames([...learned.values()])
    for (const [revision, cases] of [...selected].reverse()) {
      const observed = new Observations()
      const facts = learned.get(revision) ?? NO_FACTS
      const runOne = (item: Case): Promise<void> => this.#runCase(item, transport, revision, facts, observed)
      await inParallel(
        cases.filter((item) => !item.last),
        this.#options.concurrency ?? DEFAULT_CONCURRENCY,
        runOne,
      )
      for (const item of cases.filter((item) => item.last)) await runOne(item)
    }
  }

  /** A misspelt tool must not quietly lead to skips. */
  #checkNames(learned: readonly Facts[]): void {
    const names = new Set(learned.flatMap((facts) => facts.tools.map((tool) => tool.name)))
    const unknown = this.#options.calls?.find((call) => !names.has(call.name))
    if (unknown !== undefined && names.size > 0) throw new UnknownTool(`the server has no tool ${unknown.name}`)
  }

  #select(transport: TransportName, revision: Revision): Case[] {
    const { only, slow = false, cases = CASES } = this.#options
    return cases.filter(
      (item) =>
        appliesTo(item, revision, transport) &&
        (slow || item.slow !== true) &&
        (only === undefined || only.some((prefix) => item.id.startsWith(prefix))),
    )
  }

  async #runCase(item: Case, transport: TransportName, revision: Revision, facts: Facts, observed: Observations): Promise<void> {
    const started = performance.now()
    const result: CaseResult = {
      id: item.id,
      level: item.level,
      revision,
      status: 'pass',
      message: '',
      quote: item.quote,
      url: addressOf(item, revision),
      ms: 0,
      ...(item.breaks === undefined ? {} : { breaks: item.breaks }),
    }
    if (this.#options.signal?.aborted) this.#aborted ??= `interrupted: ${this.#options.signal.reason}`
    const reason = this.#aborted === undefined ? unmet(item.needs, facts) : this.#aborted.split(':')[0]
    if (reason === undefined) await this.#execute(item, this.#context(item.id, transport, revision, facts, observed), result)
    else Object.assign(result, { status: 'skip', message: reason })
    result.ms = Math.round(performance.now() - started)
    this.#results.push(result)
    this.#options.onResult?.(result, this.#results.length, this.#total)
  }

  async #execute(item: Case, context: Context, result: CaseResult): Promise<void> {
    const limitMs = context.timeoutMs * LIMITS.answersPerCase + (item.slow === true ? 60_000 : 0)
    let timer: NodeJS.Timeout | undefined
    try {
      const limit = new Promise<never>((_, reject) => {
        // Each answer has a time limit of its own: what takes this long is a server that answers, but slowly.
        timer = setTimeout(() => reject(new Skip(`not finished within ${limitMs} ms, though the server answered`)), limitMs)
      })
      await Promise.race([limit, this.#abort, (async () => item.run(context))()])
      this.#silences = 0
    } catch (error) {
      if (this.#options.signal?.aborted) Object.assign(result, { status: 'skip', message: 'interrupted' })
      else if (error instanceof Skip) Object.assign(result, { status: 'skip', message: error.message })
      else {
        const { showResults = false } = this.#options
        const cause = causeOf(error, context.exchanges)
        Object.assign(result, failureOf(error, showResults), cause === undefined ? {} : { cause })
        result.exchanges = telling(context.exchanges).map((exchange) => {
          const sent = exchange.sent.toString()
          const received = exchange.received.toString()
          const mayHoldResults = exchange.method === 'GET' || sent.includes('tools/call')
          return {
            sent: this.#redact(sent),
            received: this.#redact(showResults ? received : maskBytes(received, mayHoldResults)),
          }
        })
        if (error instanceof Silence || error instanceof Broken) await this.#suspect(context)
      }
    } finally {
      clearTimeout(timer)
      context.close()
    }
  }

  /** Several silences in a row: is anybody there? */
  async #suspect(context: Context): Promise<void> {
    this.#silences += 1
    if (this.#silences < LIMITS.silences || this.#aborted !== undefined) return
    const problem = await this.#answers(context.transport, context.revision)
    if (problem === undefined) this.#silences = 0
    else this.#aborted = `the server no longer answers: ${problem}`
  }

  /** A server that has died of the last cases is found here. */
  async #confirmAlive(transport: TransportName, revisions: readonly Revision[]): Promise<void> {
    if (this.#aborted !== undefined) return
    const problem = await this.#answers(transport, revisions.at(-1) ?? '2025-11-25')
    if (problem !== undefined) this.#aborted = `the server no longer answers after the last case: ${problem}`
  }

  /** Why the server does not answer at all; `undefined` when it does, however wrongly. */
  async #answers(transport: TransportName, revision: Revision): Promise<string | undefined> {
    const context = this.#context('alive', transport, revision, NO_FACTS, new Observations())
    try {
      await context.connect()
      return undefined
    } catch (error) {
      return error instanceof Silence || error instanceof Broken ? error.message : undefined
    } finally {
      context.close()
    }
  }

  #context(caseId: string, transport: TransportName, revision: Revision, facts: Facts, observed: Observations): Context {
    return new Context({ ...this.#probe(), caseId, transport, revision, facts, observed })
  }

  /** Reports are kept and passed on: what the user sends in headers may be a credential. */
  #redact(text: string): string {
    const secrets = Object.values(this.#headers).filter((value) => value.length >= SHORTEST_SECRET)
    return secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text)
  }

  #probe(): Probe {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = this.#options
    return { url: this.#url, headers: this.#headers, timeoutMs, ...(signal === undefined ? {} : { signal }) }
  }
}

/** The last exchanges, and the stream on which their answers came. */
function telling(exchanges: readonly Exchange[]): Exchange[] {
  const last = exchanges.slice(-SHOWN_EXCHANGES)
  const stream = exchanges.findLast((exchange) => exchange.method === 'GET')
  return stream === undefined || last.includes(stream) ? last : [stream, ...last]
}

/** What the failure has in common with others: no answer, a broken connection, an HTTP status that is an error. */
function causeOf(error: unknown, exchanges: readonly Exchange[]): string | undefined {
  const last = exchanges.at(-1)
  if (last === undefined || !(error instanceof Failure)) return undefined
  const what = `${last.method} ${last.url.pathname}`
  if (error instanceof Silence) return `${what} gets no answer in time`
  if (error instanceof Misdirected) return 'responses with the ids of other requests'
  if (error instanceof Broken) return `${what} ends in a broken connection`
  return last.status >= 400 && error.actual.includes(`HTTP ${last.status}`) ? `${what} answers HTTP ${last.status}` : undefined
}

/** Name and version, from the result of `initialize` or, since 2026-07-28, from its `_meta`. */
function serverInfo(result: unknown): { name: string; version: string } | undefined {
  const meta = isObject(result) && isObject(result._meta) ? result._meta : {}
  const info = isObject(result) ? (result.serverInfo ?? meta['io.modelcontextprotocol/serverInfo']) : undefined
  return isObject(info) ? { name: String(info.name), version: String(info.version) } : undefined
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
}

function failureOf(error: unknown, withResults: boolean): Partial<CaseResult> {
  if (error instanceof Failure) {
    const actual = show(error.value, withResults)
    return { status: 'fail', message: `expected ${error.expected}, got ${actual}`, expected: error.expected, actual }
  }
  // A fault of the suite is a failure too: it must not be mistaken for a pass.
  return { status: 'fail', message: `the suite itself failed: ${error instanceof Error ? error.stack : String(error)}` }
}

function summarize(results: readonly CaseResult[]): RunReport['summary'] {
  const count = (level?: Level): Counts => {
    const counts = { pass: 0, fail: 0, skip: 0 }
    for (const result of results) if (level === undefined || result.level === level) counts[result.status] += 1
    return counts
  }
  const levels = { MUST: count('MUST'), SHOULD: count('SHOULD'), MAY: count('MAY'), INTEROP: count('INTEROP') }
  return { ...count(), levels }
}

/** 0, or 1 when a MUST failed or the server went silent or died; with `strict` any failure counts. */
export function exitCodeOf(report: RunReport, strict = false): 0 | 1 {
  return conforms(report, strict) ? 0 : 1
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.max(1, width) }, worker))
}
