// n8n_get_database_statistics: gathers the parts, each of which may be missing without taking the others with it.
import { type Context, ToolError, type ToolOutput } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import type { N8nBackend } from '../backend.ts'
import type { Storage } from '../lib/database.ts'
import { countExecutions, type ExecutionTotals } from '../lib/execution-totals.ts'
import { type JsonObject, object } from '../lib/json.ts'
import { describe, structuredOf, summaryOf } from '../lib/statistics-report.ts'
import { countWorkflows, type WorkflowTotals } from '../lib/workflow-totals.ts'

export interface StatisticsArguments {
  readonly window_hours: number
  readonly refresh: boolean
}

export interface Statistics {
  readonly windowHours: number
  readonly host: string
  readonly workflows: WorkflowTotals | undefined
  readonly executions: ExecutionTotals | undefined
  readonly storage: Storage | undefined
  /** n8n's own figures of seven days: total, failed, failureRate, averageRunTime, timeSaved. */
  readonly insights: Readonly<Record<string, number>> | undefined
  readonly warnings: readonly string[]
}

/** After this, no further page is asked for. */
const gatherMs = 30_000
/** Left for the request that is under way, and for the answer. */
const reserveMs = 12_000
/** For the summary and the notes. */
const reservedChars = 1_000

export async function databaseStatistics(
  backend: N8nBackend,
  environment: Environment,
  args: StatisticsArguments,
  context: Context,
): Promise<ToolOutput> {
  const { statistics, ageMs } = await backend.statistics.get(args.window_hours, args.refresh, context.signal, () =>
    gather(backend, environment, args.window_hours, context.signal),
  )
  const age = ageMs === 0 ? [] : [`these figures are ${Math.round(ageMs / 1000)} s old; refresh asks again`]
  const { body, left } = fit(describe(statistics), environment.maxResultChars - reservedChars)
  const long = left === 0 ? [] : [`${left} lines did not fit into a result`]
  const complete = left === 0 && statistics.workflows?.complete !== false && statistics.executions?.complete !== false
  return report(context, {
    summary: summaryOf(statistics),
    untrusted: body,
    notes: [...statistics.warnings, ...long, ...age],
    truncated: !complete,
    structured: structuredOf(statistics),
  })
}

/** As many lines as there is room for, the most asked for being the first. */
function fit(lines: readonly string[], maxChars: number): { body: string; left: number } {
  let chars = 0
  const end = lines.findIndex((line) => (chars += line.length + 1) > maxChars)
  const shown = end === -1 ? lines : lines.slice(0, end)
  return { body: shown.join('\n'), left: lines.length - shown.length }
}

async function gather(
  backend: N8nBackend,
  environment: Environment,
  windowHours: number,
  signal: AbortSignal,
): Promise<Statistics> {
  const { api, database, unreadable, host } = backend
  const end = Date.now() + Math.max(1_000, Math.min(gatherMs, environment.toolTimeoutMs - reserveMs))
  const timeLeft = (): boolean => Date.now() < end
  const warnings: string[] = unreadable === undefined ? [] : [unreadable]
  const refused: ToolError[] = []

  /** A part that the key may not read is left out, with a warning; anything else that goes wrong is the answer. */
  const allowed = async <T>(name: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'FORBIDDEN') throw error
      refused.push(error)
      warnings.push(`${name} left out: ${error.message}`)
      return undefined
    }
  }
  /** The database is an extra: without it the API answers. */
  const optional = async <T>(work: (() => Promise<T>) | undefined): Promise<T | undefined> => {
    if (work === undefined) return undefined
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ToolError) || signal.aborted) throw error
      const warning = `n8n's database could not be read: ${error.message}`
      if (!warnings.includes(warning)) warnings.push(warning)
      return undefined
    }
  }

  const exact = await optional(database === undefined ? undefined : () => database.executions(windowHours, signal))
  const storage = await optional(database === undefined || exact === undefined ? undefined : () => database.storage(signal))
  const workflows = await allowed('workflows', () => countWorkflows(api, signal, timeLeft))
  const executions = exact ?? (await allowed('executions', () => countExecutions(api, windowHours, signal, timeLeft)))
  const [first] = refused
  if (workflows === undefined && executions === undefined && first !== undefined) throw first
  const insights = timeLeft() ? numbersOf(await api.insights(signal).catch(() => ignore(signal))) : undefined
  if (workflows?.complete === false) warnings.push(incompleteWorkflows(workflows))
  if (executions?.complete === false)
    warnings.push(`only the newest ${executions.total} executions were counted, back to ${executions.since}; ask for fewer hours`)
  return { windowHours, host, workflows, executions, storage, insights, warnings }
}

/** Figures that only some versions and licences have: their absence is no failure, but a caller who has left is. */
function ignore(signal: AbortSignal): undefined {
  signal.throwIfAborted()
  return undefined
}

function incompleteWorkflows({ total, tooLarge }: WorkflowTotals): string {
  return tooLarge > 0
    ? `${tooLarge} of ${total} workflows are larger than 4 MiB; their state and nodes are not counted`
    : `only ${total} workflows were counted; there are more`
}

function numbersOf(insights: JsonObject | undefined): Record<string, number> | undefined {
  const values = Object.entries(insights ?? {}).flatMap(([name, metric]): [string, number][] => {
    const { value } = object(metric)
    return typeof value === 'number' ? [[name, value]] : []
  })
  return values.length === 0 ? undefined : Object.fromEntries(values)
}
