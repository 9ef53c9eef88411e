// Counts the executions of a time window by the API, newest first, up to a limit: how many, how they ended, how long they took.
import { ToolError } from '../../../protocol/index.ts'
import type { WorkflowRuns } from '../types.ts'
import type { N8nApi } from './api.ts'
import { type JsonObject, text } from './json.ts'
import { count } from './workflow-totals.ts'

/** n8n's largest page. */
const pageSize = 250
const maxExecutions = 2_000
export const topCount = 5

export const failedStatuses: ReadonlySet<string> = new Set(['error', 'crashed'])

/** `total`, `since` and all figures are of the executions that were counted; `complete`: of the whole window. */
export type ExecutionTotals = Awaited<ReturnType<typeof countExecutions>>

/** @param timeLeft false when no more pages may be asked for */
export async function countExecutions(api: N8nApi, windowHours: number, signal: AbortSignal, timeLeft: () => boolean) {
  const start = Date.now() - windowHours * 3_600_000
  const runs: Run[] = []
  let complete = false
  let oldest = Date.now()
  let pages = 0
  for await (const page of api.executions(undefined, { limit: pageSize, signal }, runOf)) {
    runs.push(...page.entries.filter(({ started }) => started >= start))
    for (const { started } of page.entries) if (!Number.isNaN(started)) oldest = Math.min(oldest, started)
    complete = page.next === undefined || oldest < start
    if (complete || ++pages === maxExecutions / pageSize || !timeLeft()) break
  }
  const running = await countStatus(api, 'running', signal)
  const waiting = await countStatus(api, 'waiting', signal)
  const since = new Date(complete ? start : oldest).toISOString()
  // How many are running and waiting now, whenever they began; null where n8n does not say.
  return { ...totalsOf(runs), complete, since, running, waiting }
}

type Run = ReturnType<typeof runOf>

function runOf(execution: JsonObject) {
  const status = text(execution.status) || 'unknown'
  const started = Date.parse(text(execution.startedAt))
  const stopped = Date.parse(text(execution.stoppedAt))
  const hasFailed = failedStatuses.has(status)
  return {
    workflowId: text(execution.workflowId),
    status,
    mode: text(execution.mode) || 'unknown',
    started,
    hasFailed,
    at: Number.isNaN(stopped) ? started : stopped,
    /** How long it took; none for a run that neither succeeded nor failed. */
    ms: stopped >= started && (hasFailed || status === 'success') ? [stopped - started] : [],
  }
}

function totalsOf(runs: readonly Run[]) {
  const byStatus = new Map<string, number>()
  const byMode = new Map<string, number>()
  const byWorkflow = new Map<string, Run[]>()
  for (const run of runs) {
    count(byStatus, run.status)
    count(byMode, run.mode)
    const others = byWorkflow.get(run.workflowId)
    if (others === undefined) byWorkflow.set(run.workflowId, [run])
    else others.push(run)
  }
  const all = [...byWorkflow].map(([workflow_id, own]): WorkflowRuns => {
    const ms = own.flatMap((run) => run.ms)
    const failed = own.filter(({ hasFailed }) => hasFailed).length
    return { workflow_id, name: null, runs: own.length, failed, avg_ms: average(ms) ?? 0, max_ms: Math.max(0, ...ms) }
  })
  const ended = all.filter(({ workflow_id }) => byWorkflow.get(workflow_id)?.some(({ ms }) => ms.length > 0))
  const durations = runs.flatMap(({ ms }) => ms).sort((a, b) => a - b)
  return {
    total: runs.length,
    by_status: Object.fromEntries(byStatus),
    by_mode: Object.fromEntries(byMode),
    avg_ms: average(durations),
    p95_ms: durations[Math.ceil(durations.length * 0.95) - 1] ?? null,
    top_failing: all
      .filter(({ failed }) => failed > 0)
      .sort((a, b) => b.failed - a.failed || a.runs - b.runs)
      .slice(0, topCount),
    slowest: ended.sort((a, b) => b.avg_ms - a.avg_ms).slice(0, topCount),
    last_success_at: newest(runs.filter(({ status }) => status === 'success')),
    last_error_at: newest(runs.filter(({ hasFailed }) => hasFailed)),
  }
}

/** When the newest of these stopped. */
function newest(runs: readonly Run[]): string | null {
  return runs.length === 0 ? null : new Date(Math.max(...runs.map(({ at }) => at))).toISOString()
}

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.round(values.reduce((sum, value) => sum + value, 0) / values.length)
}

/** How many there are now, up to one page of them. Older versions of n8n do not know every status. */
async function countStatus(api: N8nApi, status: 'running' | 'waiting', signal: AbortSignal): Promise<number | null> {
  try {
    const { value } = await api.executions(status, { limit: pageSize, signal }, () => undefined).next()
    return value?.entries.length ?? null
  } catch (error) {
    if (error instanceof ToolError && error.code === 'INVALID_ARGUMENT') return null
    throw error
  }
}
