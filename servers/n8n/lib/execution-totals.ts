// Counts the executions of a time window by the API, newest first, up to a limit: how many, how they ended, how long they took.
import { ToolError } from '../../../protocol/index.ts'
import type { ExecutionTotals, WorkflowRuns } from '../types.ts'
import type { ExecutionStatus, N8nApi } from './api.ts'
import { type JsonObject, text } from './json.ts'
import { count } from './workflow-totals.ts'

/** n8n's largest page. */
const pageSize = 250
const maxExecutions = 2_000
const maxPages = maxExecutions / pageSize
export const topCount = 5

export const failedStatuses: ReadonlySet<string> = new Set(['error', 'crashed'])

/** @param timeLeft false when no more pages may be asked for */
export async function countExecutions(
  api: N8nApi,
  windowHours: number,
  signal: AbortSignal,
  timeLeft: () => boolean,
): Promise<ExecutionTotals> {
  const start = Date.now() - windowHours * 3_600_000
  const tally = new Tally()
  let cursor: string | undefined
  let complete = false
  let oldest = Date.now()
  for (let pages = 0; pages < maxPages && (pages === 0 || timeLeft()); pages += 1) {
    const page = await api.executions(undefined, { limit: pageSize, cursor }, timesOf, signal)
    for (const each of page.entries) {
      if (each.started >= start) tally.add(each)
      if (!Number.isNaN(each.started)) oldest = Math.min(oldest, each.started)
    }
    complete = page.next === undefined || oldest < start
    if (complete) break
    cursor = page.next
  }
  const running = await countStatus(api, 'running', signal)
  const waiting = await countStatus(api, 'waiting', signal)
  return tally.result(complete, new Date(complete ? start : oldest).toISOString(), running, waiting)
}

interface Times {
  readonly workflowId: string
  readonly status: string
  readonly mode: string
  readonly started: number
  readonly stopped: number
}

function timesOf(execution: JsonObject): Times {
  return {
    workflowId: text(execution.workflowId),
    status: text(execution.status) || 'unknown',
    mode: text(execution.mode) || 'unknown',
    started: Date.parse(text(execution.startedAt)),
    stopped: Date.parse(text(execution.stoppedAt)),
  }
}

class Tally {
  readonly #byStatus = new Map<string, number>()
  readonly #byMode = new Map<string, number>()
  readonly #byWorkflow = new Map<string, { runs: number; failed: number; durations: number[] }>()
  /** When the newest execution of each outcome stopped. */
  readonly #last = new Map<string, number>()
  #total = 0

  add({ workflowId, status, mode, started, stopped }: Times): void {
    this.#total += 1
    count(this.#byStatus, status)
    count(this.#byMode, mode)
    const failed = failedStatuses.has(status)
    const workflow = this.#byWorkflow.get(workflowId) ?? { runs: 0, failed: 0, durations: [] }
    this.#byWorkflow.set(workflowId, workflow)
    workflow.runs += 1
    if (failed) workflow.failed += 1
    const kind = failed ? 'error' : status
    this.#last.set(kind, Math.max(this.#last.get(kind) ?? 0, Number.isNaN(stopped) ? started : stopped))
    if (stopped >= started && (failed || status === 'success')) workflow.durations.push(stopped - started)
  }

  result(complete: boolean, since: string, running: number | null, waiting: number | null): ExecutionTotals {
    const all = [...this.#byWorkflow].map(([workflow_id, { runs, failed, durations }]): WorkflowRuns => {
      const avg_ms = Math.round(average(durations) ?? 0)
      return { workflow_id, name: null, runs, failed, avg_ms, max_ms: Math.max(0, ...durations) }
    })
    const durations = [...this.#byWorkflow.values()].flatMap((workflow) => workflow.durations).sort((a, b) => a - b)
    const ended = all.filter(({ workflow_id }) => this.#byWorkflow.get(workflow_id)?.durations.length !== 0)
    const last = (kind: string): string | null => {
      const at = this.#last.get(kind)
      return at === undefined ? null : new Date(at).toISOString()
    }
    const avgMs = average(durations)
    return {
      total: this.#total,
      complete,
      since,
      by_status: Object.fromEntries(this.#byStatus),
      by_mode: Object.fromEntries(this.#byMode),
      avg_ms: avgMs === undefined ? null : Math.round(avgMs),
      p95_ms: durations[Math.ceil(durations.length * 0.95) - 1] ?? null,
      running,
      waiting,
      top_failing: all
        .filter(({ failed }) => failed > 0)
        .sort((a, b) => b.failed - a.failed || a.runs - b.runs)
        .slice(0, topCount),
      slowest: ended.sort((a, b) => b.avg_ms - a.avg_ms).slice(0, topCount),
      last_success_at: last('success'),
      last_error_at: last('error'),
    }
  }
}

function average(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** How many there are now, up to one page of them. Older versions of n8n do not know every status. */
async function countStatus(api: N8nApi, status: ExecutionStatus, signal: AbortSignal): Promise<number | null> {
  try {
    return (await api.executions(status, { limit: pageSize }, () => undefined, signal)).entries.length
  } catch (error) {
    if (error instanceof ToolError && error.code === 'INVALID_ARGUMENT') return null
    throw error
  }
}
