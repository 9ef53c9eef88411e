// Counts by the API, page by page: over all workflows, of which only numbers and names are kept, and over the executions of a time window,
// newest first, up to a limit.
import { ToolError } from '../../../protocol/index.ts'
import { oneLine } from '../../kit/text.ts'
import type { WorkflowRuns } from '../types.ts'
import type { N8nApi } from './api.ts'
import { type JsonObject, objects, text } from './json.ts'
import type { Redactor } from './redact.ts'
import { factsOf, isNote } from './workflow.ts'

const pageSize = 100
const maxPages = 50
const staleMs = 90 * 86_400_000
/** Limit of each map: types and tags of a real n8n are few. */
const maxKeys = 2_000
const topTypes = 10
const topTags = 5
const maxTriggers = 50
/** Of executions: n8n's largest. */
const largestPage = 250
const maxExecutions = 2_000
export const topCount = 5

/** `workflows` and `nodes` have the form of the result's JSON. */
export type WorkflowTotals = Awaited<ReturnType<typeof countWorkflows>>

/** @param timeLeft false when no more pages may be asked for */
export async function countWorkflows(api: N8nApi, inName: Redactor['inName'], signal: AbortSignal, timeLeft: () => boolean) {
  const workflows = { total: 0, complete: false, active: 0, archived: 0, never_updated_90d: 0 }
  const nodes = { total: 0, disabled: 0, sticky_notes: 0 }
  const byTrigger = new Map<string, number>()
  const byTag = new Map<string, number>()
  const byType = new Map<string, number>()
  /** By id, for the executions. */
  const names = new Map<string, string>()
  /** Workflows of more than 4 MiB, whose state and nodes are not counted. */
  let tooLarge = 0

  const add = (workflow: JsonObject): void => {
    const facts = factsOf(workflow, inName)
    workflows.total += 1
    names.set(facts.id, oneLine(facts.name))
    if (facts.archived) workflows.archived += 1
    else if (facts.active) workflows.active += 1
    if (Date.parse(facts.updated_at) < Date.now() - staleMs) workflows.never_updated_90d += 1
    for (const trigger of facts.triggers) count(byTrigger, trigger)
    for (const tag of facts.tags) count(byTag, oneLine(tag))
    nodes.sticky_notes += facts.sticky_notes
    for (const node of objects(workflow.nodes)) {
      if (isNote(node)) continue
      nodes.total += 1
      if (node.disabled === true) nodes.disabled += 1
      count(byType, oneLine(text(node.type)))
    }
  }

  let pages = 0
  for await (const page of api.workflows({}, { limit: pageSize, signal }, add)) {
    tooLarge += page.tooLarge
    workflows.total += page.tooLarge
    workflows.complete = page.next === undefined && tooLarge === 0
    if (++pages === maxPages || !timeLeft()) break
  }
  return {
    workflows: {
      ...workflows,
      inactive: workflows.total - workflows.active - workflows.archived,
      by_trigger: Object.fromEntries(top(byTrigger, maxTriggers)),
      top_tags: top(byTag, topTags).map(([tag, n]) => ({ tag, workflows: n })),
    },
    nodes: {
      ...nodes,
      distinct_types: byType.size,
      top_types: top(byType, topTypes).map(([type, n]) => ({ type, nodes: n })),
      ...kindsOf(byType),
    },
    names,
    tooLarge,
  }
}

function kindsOf(byType: ReadonlyMap<string, number>) {
  const kinds = { code_nodes: 0, http_nodes: 0, ai_nodes: 0, community_types: [] as string[] }
  for (const [type, n] of byType) {
    if (/^n8n-nodes-base\.(code|function|functionItem)$/.test(type)) kinds.code_nodes += n
    else if (type === 'n8n-nodes-base.httpRequest') kinds.http_nodes += n
    else if (type.startsWith('@n8n/n8n-nodes-langchain.')) kinds.ai_nodes += n
    else if (!type.startsWith('n8n-nodes-base.') && !type.startsWith('@n8n/')) kinds.community_types.push(type)
  }
  return kinds
}

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
  for await (const page of api.executions(undefined, { limit: largestPage, signal }, runOf)) {
    runs.push(...page.entries.filter(({ started }) => started >= start))
    for (const { started } of page.entries) if (!Number.isNaN(started)) oldest = Math.min(oldest, started)
    complete = page.next === undefined || oldest < start
    if (complete || ++pages === maxExecutions / largestPage || !timeLeft()) break
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
    const { value } = await api.executions(status, { limit: largestPage, signal }, () => undefined).next()
    return value?.entries.length ?? null
  } catch (error) {
    if (error instanceof ToolError && error.code === 'INVALID_ARGUMENT') return null
    throw error
  }
}

function count(map: Map<string, number>, key: string): void {
  if (map.has(key) || map.size < maxKeys) map.set(key, (map.get(key) ?? 0) + 1)
}

/** The most frequent first. */
export function top(counts: Iterable<readonly [string, number]>, most: number): (readonly [string, number])[] {
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], 'en')).slice(0, most)
}
