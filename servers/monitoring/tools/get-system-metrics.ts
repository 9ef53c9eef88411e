// get_system_metrics: several charts at once, each with now, min, avg and max of its dimensions, and the alerts that are raised.
import { setMaxListeners } from 'node:events'
import { type Context, type FromSchema, nearest, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { MonitoringBackend } from '../backend.ts'
import { type Chart, summarise } from '../lib/chart.ts'
import { reportMetrics } from '../lib/metrics-report.ts'
import type { Alert, ContextInfo, Netdata, Source } from '../lib/netdata.ts'
import type { metricsSchema } from '../tools.ts'

export type MetricsArguments = FromSchema<typeof metricsSchema>

/** One chart's result: what it shows, or why there is none. */
export type ChartResult = { readonly id: string } & ({ readonly chart: Chart } | { readonly error: ToolError })

export const defaultCharts = ['system.cpu', 'system.ram', 'system.load', 'system.io', 'system.net', 'disk.space']

/** For everything together; the requests go four at a time. */
const deadlineMs = 8_000
/** "Now" is the mean of the last seconds: one second alone is noise. */
const nowSeconds = 5

export async function getSystemMetrics(
  backend: MonitoringBackend,
  environment: Environment,
  args: MetricsArguments,
  context: Context,
) {
  const netdata = backend.netdata()
  const node = args.node === undefined || args.node.trim() === '' ? undefined : args.node.trim()
  const afterSeconds = Math.max(1, Math.abs(args.after))
  const ids = [...new Set((args.charts?.length ? args.charts : defaultCharts).map((id) => id.trim()).filter((id) => id !== ''))]
  const late = new ToolError('TIMEOUT', `Netdata did not answer within ${deadlineMs} ms`, {
    hint: 'fewer charts, or a shorter "after"',
  })
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(late), deadlineMs)
  const signal = AbortSignal.any([context.signal, stop.signal])
  setMaxListeners(0, signal) // as many requests listen to it as there are charts times four
  try {
    // Alone and first: it tells at once when nobody answers, and it is remembered for a minute.
    const contexts = await netdata.contexts(node, signal).catch((error: unknown) => {
      if (isFatal(error)) throw error
      return undefined
    })
    const [results, alerts] = await Promise.all([
      Promise.all(ids.map((id) => readChart(netdata, { id, node, afterSeconds, points: args.points, contexts }, signal))),
      args.include_alerts ? readAlerts(netdata, node, signal) : undefined,
    ])
    context.signal.throwIfAborted()
    const failures = results.flatMap((result) => ('error' in result ? [result.error] : []))
    const suggestions = await suggest(netdata, node, results, contexts, signal)
    if (failures.length === results.length) throw allFailed(results, failures, suggestions)
    return reportMetrics(
      { results, alerts, suggestions, node, afterSeconds, points: args.points, asked: args.charts?.length ? 'named' : 'default' },
      environment,
      context,
    )
  } catch (error) {
    throw error instanceof ToolError && error.message === 'no such node'
      ? await unknownNode(netdata, node ?? '', context.signal)
      : error
  } finally {
    clearTimeout(timer)
  }
}

interface ChartRequest {
  readonly id: string
  readonly node: string | undefined
  readonly afterSeconds: number
  readonly points: number
  readonly contexts: ReadonlyMap<string, ContextInfo> | undefined
}

/** Never rejects: one failing chart must not take the others with it. */
async function readChart(netdata: Netdata, request: ChartRequest, signal: AbortSignal): Promise<ChartResult> {
  const { id, contexts } = request
  // disk.util is a context, disk_util.sda a chart of it; system.cpu is both. Which of them a name is, the list of contexts says.
  const sources: Source[] =
    contexts === undefined
      ? [
          { kind: 'context', id },
          { kind: 'chart', id },
        ]
      : [{ kind: contexts.has(id) ? 'context' : 'chart', id }]
  let error = new ToolError('NOT_FOUND', 'no such chart')
  for (const source of sources) {
    try {
      return { id, chart: await readSource(netdata, source, request, signal) }
    } catch (thrown) {
      if (!(thrown instanceof ToolError)) throw thrown
      error = thrown
      if (error.code !== 'NOT_FOUND') break
    }
  }
  return { id, error }
}

async function readSource(netdata: Netdata, source: Source, request: ChartRequest, signal: AbortSignal): Promise<Chart> {
  const { id, node, afterSeconds, points, contexts } = request
  const ask = (method: 'average' | 'min' | 'max', seconds: number, count: number) =>
    netdata.data({ source, node, afterSeconds: seconds, points: count, method }, signal)
  // First one alone: an unknown name costs one request, not four.
  const average = await ask('average', afterSeconds, Math.max(points, 1))
  const [min, max, now, units] = await Promise.all([
    ask('min', afterSeconds, 1),
    ask('max', afterSeconds, 1),
    ask('average', Math.min(nowSeconds, afterSeconds), 1),
    contexts?.get(id)?.units ?? netdata.chartUnits(node, id, signal).catch(() => undefined),
  ])
  return summarise({ average, min, max, now, units, points })
}

async function readAlerts(
  netdata: Netdata,
  node: string | undefined,
  signal: AbortSignal,
): Promise<readonly Alert[] | ToolError> {
  try {
    return await netdata.alerts(node, signal)
  } catch (error) {
    if (error instanceof ToolError) return error
    throw error
  }
}

/** The nearest existing names for those that were not found. */
async function suggest(
  netdata: Netdata,
  node: string | undefined,
  results: readonly ChartResult[],
  contexts: ReadonlyMap<string, ContextInfo> | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const unknown = results.filter((result) => 'error' in result && result.error.code === 'NOT_FOUND').map(({ id }) => id)
  if (unknown.length === 0) return new Map()
  const charts = await netdata.charts(node, signal).catch(() => [])
  const names = [...new Set([...(contexts?.keys() ?? []), ...charts])]
  return new Map(unknown.map((id) => [id, nearest(id, names)]))
}

function allFailed(
  results: readonly ChartResult[],
  failures: readonly ToolError[],
  suggestions: ReadonlyMap<string, readonly string[]>,
): ToolError {
  const [first] = failures as [ToolError]
  const worst = failures.find(({ code }) => code !== 'NOT_FOUND')
  if (worst !== undefined) return worst
  const similar = [...new Set([...suggestions.values()].flat())].slice(0, 5)
  const names = results.map(({ id }) => `"${clip(cleanText(id), 80)}"`).join(', ')
  const message = `no Netdata chart or context ${names}.${similar.length === 0 ? '' : ` Similar: ${similar.join(', ')}`}`
  return new ToolError('NOT_FOUND', message, {
    hint: JSON.stringify({ charts: similar.length === 0 ? ['system.cpu'] : similar.slice(0, 2) }),
    cause: first,
  })
}

async function unknownNode(netdata: Netdata, node: string, signal: AbortSignal): Promise<ToolError> {
  const nodes = await netdata.nodes(signal)
  const known = [...new Set([...nearest(node, nodes), ...nodes])].slice(0, 5).map(cleanText)
  return new ToolError(
    'NOT_FOUND',
    `Netdata has no node "${clip(cleanText(node), 80)}". Known: ${known.join(', ') || 'only its own'}`,
    {
      hint: known[0] === undefined ? 'leave out "node"' : JSON.stringify({ node: known[0] }),
    },
  )
}

/** Would every other request of this call fail in the same way? */
function isFatal(error: unknown): boolean {
  if (!(error instanceof ToolError)) return true
  return !['TOO_LARGE', 'UPSTREAM_ERROR'].includes(error.code) || /web page/.test(error.message)
}
