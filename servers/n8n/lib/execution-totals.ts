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
  readonly #byWorkflow = new Map<string, WorkflowRuns & { ended: number; totalMs: number }>()
  readonly #durations: number[] = []
  readonly #last = new Map<string, number>()
  #total = 0

  add({ workflowId, status, mode, started, stopped }: Times): void {
    this.#total += 1
    count(this.#byStatus, status)
    count(this.#byMode, mode)
    const failed = failedStatuses.has(status)
    const runs = this.#byWorkflow.get(workflowId) ?? {
      ...{ workflowId, runs: 0, failed: 0, averageMs: 0, maxMs: 0 },
      ...{ ended: 0, totalMs: 0 },
    }
    this.#byWorkflow.set(workflowId, runs)
    runs.runs += 1
    if (failed) runs.failed += 1
    const end = Number.isNaN(stopped) ? started : stopped
    const kind = failed ? 'error' : status
    this.#last.set(kind, Math.max(this.#last.get(kind) ?? 0, end))
    const ms = stopped - started
    if (!(ms >= 0) || (!failed && status !== 'success')) return
    this.#durations.push(ms)
    runs.ended += 1
    runs.totalMs += ms
    runs.averageMs = Math.round(runs.totalMs / runs.ended)
    runs.maxMs = Math.max(runs.maxMs, ms)
  }

  result(complete: boolean, since: string, running: number | undefined, waiting: number | undefined): ExecutionTotals {
    const sorted = this.#durations.sort((a, b) => a - b)
    const all = [...this.#byWorkflow.values()]
    const last = (kind: string): string | undefined => {
      const at = this.#last.get(kind)
      return at === undefined ? undefined : new Date(at).toISOString()
    }
    return {
      source: 'api',
      total: this.#total,
      complete,
      since,
      byStatus: this.#byStatus,
      byMode: this.#byMode,
      averageMs: sorted.length === 0 ? undefined : Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length),
      p95Ms: sorted[Math.ceil(sorted.length * 0.95) - 1],
      running,
      waiting,
      failing: all
        .filter(({ failed }) => failed > 0)
        .sort((a, b) => b.failed - a.failed || a.runs - b.runs)
        .slice(0, topCount),
      slowest: all
        .filter(({ ended }) => ended > 0)
        .sort((a, b) => b.averageMs - a.averageMs)
        .slice(0, topCount),
      lastSuccess: last('success'),
      lastError: last('error'),
    }
  }
}

/** How many there are now, up to one page of them. Older versions of n8n do not know every status. */
async function countStatus(api: N8nApi, status: ExecutionStatus, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await api.executions(status, { limit: pageSize }, () => undefined, signal)).entries.length
  } catch (error) {
    if (error instanceof ToolError && error.code === 'INVALID_ARGUMENT') return undefined
    throw error
  }
}
