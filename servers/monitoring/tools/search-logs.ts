// search_logs: from the arguments to a page of log lines, or to the table of a metric query.
import { type Context, type FromSchema, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { formatBytes } from '../../kit/report.ts'
import type { MonitoringBackend } from '../backend.ts'
import { adviseSelector, exampleHint, explainNothing } from '../lib/advice.ts'
import { follow } from '../lib/live-tail.ts'
import { hasSelector, looksMetric, selectorsOf } from '../lib/logql.ts'
import type { Entry, Loki, Range, Series } from '../lib/loki.ts'
import { fetchPage, maxEntries, type Page, type PageQuery } from '../lib/paging.ts'
import { rangeOf, secondsOf } from '../lib/range.ts'
import { reportLogs, reportSeries } from '../lib/search-report.ts'
import { formatSpan } from '../lib/time.ts'
import type { searchSchema } from '../tools.ts'

export type SearchArguments = FromSchema<typeof searchSchema>

export interface Search {
  readonly args: SearchArguments
  readonly range: Range
  /** As it was asked in the end: Loki's own limits, or long lines, may have lowered the limit. */
  query: PageQuery
  readonly notes: string[]
  scannedBytes: number
}

/** Left for the summary, the notes and the next page's arguments. */
const overheadChars = 1_500

export async function searchLogs(backend: MonitoringBackend, environment: Environment, args: SearchArguments, context: Context) {
  const loki = backend.loki()
  const { signal } = context
  const { limit, direction, skip, follow_seconds: followSeconds } = args
  const notes: string[] = []
  const range = rangeOf(args, backend.limits.maxHours, notes)
  if (followSeconds > 0 && (args.end !== undefined || looksMetric(args.query))) {
    const what = args.end === undefined ? 'a metric query cannot be followed' : '"end" and "follow_seconds" exclude each other'
    throw new ToolError('INVALID_ARGUMENT', what, { hint: 'the same call without follow_seconds' })
  }
  if (!hasSelector(args.query)) {
    throw await adviseSelector(loki, args.query, 'LogQL needs a stream selector in braces', range, signal)
  }
  await guard(loki, args.query, range, backend.limits.maxQueryBytes, signal)

  const search: Search = { args, range, query: { ...range, limit, direction, skip, most: maxEntries }, notes, scannedBytes: 0 }
  const maxChars = (environment.maxResultChars - overheadChars) / (followSeconds > 0 ? 2 : 1)
  const { page, series } = await run(loki, search, signal)
  if (series !== undefined) return reportSeries(search, series, maxChars, context)
  const history = async (part: Range, during: AbortSignal): Promise<readonly Entry[]> => {
    const forward = { query: args.query, limit: search.query.limit, direction: 'forward', stepSeconds: 1 } as const
    const result = await loki.query({ ...forward, ...part }, during)
    return result.kind === 'logs' ? result.entries : []
  }
  const following = { query: args.query, from: range.end, seconds: followSeconds, limit, maxChars }
  const followed = followSeconds === 0 ? undefined : await follow(backend.tail, history, following, context)
  if (page.entries.length === 0 && skip === 0 && (followed?.entries.length ?? 0) === 0) {
    // Only an explanation: when it fails, the answer is still that there is nothing.
    const why = await explainNothing(loki, args.query, range, signal).catch(() => undefined)
    signal.throwIfAborted()
    if (why !== undefined) notes.push(why)
  }
  return reportLogs(search, page, followed, maxChars, context)
}

/** A page of lines; or the series, when the query turns out to be a metric query, which only Loki can tell. */
async function run(
  loki: Loki,
  search: Search,
  signal: AbortSignal,
): Promise<{ page: Page; series: readonly Series[] | undefined }> {
  const { args, range } = search
  const stepSeconds = args.step ?? Math.max(1, Math.ceil(secondsOf(range) / 100))
  let series: readonly Series[] | undefined
  const fetch = async (part: Range, limit: number): Promise<readonly Entry[]> => {
    const result = await loki.query({ query: args.query, ...part, limit, direction: args.direction, stepSeconds }, signal)
    search.scannedBytes += result.scannedBytes
    if (result.kind === 'logs') return result.entries
    series = result.series
    return []
  }
  for (;;) {
    try {
      const page = await fetchPage(search.query, fetch)
      if (page.entries.length === 0 && (series?.length ?? 0) === 0) {
        // Loki 3.7 answers a bad regular expression with an empty success when labels are to be kept apart, and with an error otherwise.
        const { query, direction } = args
        await loki.query({ query, ...range, limit: 1, direction, stepSeconds, mixed: true }, signal)
      }
      return { page, series }
    } catch (error) {
      const lowered = lower(search, error)
      if (lowered === undefined) throw await explained(loki, search, error, signal)
      search.query = lowered
    }
  }
}

/** The same page with fewer lines, where that would help; undefined where it would not. */
function lower({ args, query, notes }: Search, error: unknown): PageQuery | undefined {
  if (!(error instanceof ToolError)) return undefined
  const { limit } = query
  // "max entries limit per query exceeded, limit > max_entries_limit_per_query (1001 > 500)"
  const most = Number(/max entries limit[^(]*\(\d+ > (\d+)\)/.exec(error.message)?.[1] ?? 0)
  if (most > 1 && most < query.most) {
    if (limit >= most) notes.push(`this Loki gives at most ${most} lines at once: "limit" was set to ${most - 1}`)
    return { ...query, most, limit: Math.min(limit, most - 1) }
  }
  if (error.code !== 'TOO_LARGE' || limit === 1 || looksMetric(args.query)) return undefined
  const fewer = Math.max(1, Math.floor(limit / 10))
  notes.push(`the lines are long: "limit" was set to ${fewer} from ${limit}`)
  return { ...query, limit: fewer, most: Math.max(fewer + 1, Math.floor(query.most / 10)) }
}

/** Loki's error with what to do about it, where more is known than it says. */
async function explained(loki: Loki, { args, range }: Search, error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof ToolError)) return error
  const { code, message } = error
  const hinted = (hint: string): ToolError => new ToolError(code, message, { hint, cause: error })
  if (/empty-compatible value/.test(message)) {
    const why = 'the selector must name a label that is not empty; {} and {x=~".*"} match every stream'
    return adviseSelector(loki, args.query, why, range, signal)
  }
  if (code === 'TIMEOUT' || (code === 'UPSTREAM_ERROR' && /HTTP 50/.test(message)))
    return hinted('fewer hours, or a narrower selector')
  if (code === 'TOO_LARGE')
    return hinted(looksMetric(args.query) ? 'a larger "step", or sum by (…) for fewer series' : 'a narrower filter')
  if (/maximum resolution|maximum of series/.test(message)) return hinted('a larger "step", or sum by (…) for fewer series')
  if (/parse error/.test(message)) return hinted(exampleHint)
  return error
}

/** @throws ToolError when the index says that the query would read more than the operator allows */
async function guard(loki: Loki, query: string, range: Range, maxBytes: number, signal: AbortSignal): Promise<void> {
  if (maxBytes === 0) return
  const selectors = selectorsOf(query).slice(0, 5)
  const estimates = await Promise.all(
    // An older Loki, or a proxy that hides the index, has no estimate; the query's own limits then remain.
    selectors.map(({ text }) => loki.estimateBytes(text, range, signal).catch(() => undefined)),
  )
  signal.throwIfAborted()
  const bytes = estimates.reduce<number>((sum, estimate) => sum + (estimate ?? 0), 0)
  if (bytes <= maxBytes) return
  const fits = Math.max(0.01, Math.floor(((secondsOf(range) / 3600) * maxBytes * 80) / bytes) / 100)
  throw new ToolError(
    'TOO_LARGE',
    `this would make Loki read ${formatBytes(bytes)} of logs in ${formatSpan(secondsOf(range))}; ${formatBytes(maxBytes)} are allowed`,
    { hint: `more labels in the selector, or about {"hours":${fits}}` },
  )
}
