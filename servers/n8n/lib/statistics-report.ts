// The statistics as text for a model and as JSON for a program.
import { formatBytes } from '../../kit/report.ts'
import type { Statistics } from '../tools/n8n-get-database-statistics.ts'
import { plural } from '../tools/n8n-get-workflow.ts'
import { short } from '../tools/n8n-list-workflows.ts'
import { type ExecutionTotals, failedStatuses, type WorkflowRuns } from './execution-totals.ts'
import { top, type WorkflowTotals } from './workflow-totals.ts'

const topTypes = 10
const topTags = 5
const topTriggers = 8

export function summaryOf({ host, windowHours, workflows, executions }: Statistics): string {
  const parts = [
    workflows === undefined ? '' : `${plural(workflows.total, 'workflow')}, ${workflows.active} active`,
    executions === undefined ? '' : `${plural(executions.total, 'execution')} in ${windowHours} h, ${failureText(executions)}`,
  ]
  return `n8n at ${host}: ${parts.filter((part) => part !== '').join('; ')}`
}

export function describe(statistics: Statistics): string[] {
  const { workflows, executions, storage, insights } = statistics
  return [
    ...(executions === undefined ? [] : describeExecutions(executions, workflows)),
    ...(workflows === undefined ? [] : describeWorkflows(workflows)),
    ...(storage === undefined
      ? []
      : [
          `storage: database ${formatBytes(storage.databaseBytes)}, oldest execution ${storage.oldestExecution ?? 'none'}, ${storage.awaitingPruning} deleted ones not yet removed`,
          `largest tables: ${storage.tables.map(({ name, bytes, rows }) => `${name} ${formatBytes(bytes)}${rows === undefined ? '' : ` (~${rows} rows)`}`).join(', ')}`,
        ]),
    ...(insights === undefined
      ? []
      : [
          `n8n's own insights, 7 days: ${Object.entries(insights)
            .map(([name, value]) => `${name} ${value}`)
            .join(', ')}`,
        ]),
  ]
}

function describeExecutions(executions: ExecutionTotals, workflows: WorkflowTotals | undefined): string[] {
  const { total, byStatus, byMode, averageMs, p95Ms, running, waiting, failing, slowest } = executions
  const name = (runs: WorkflowRuns): string => runs.name ?? workflows?.names.get(runs.workflowId) ?? ''
  const source = executions.source === 'database' ? "n8n's database, exact, of all users" : 'the API, as this key sees them'
  return [
    `executions from ${source}, since ${short(executions.since)}: ${total}${executions.complete ? '' : ' (not all)'}`,
    ...(total === 0 ? [] : [`by status: ${counts(top(byStatus, 10))}; by mode: ${counts(top(byMode, 10))}`]),
    ...(averageMs === undefined ? [] : [`duration: average ${duration(averageMs)}, 95% below ${duration(p95Ms ?? averageMs)}`]),
    `now: ${running ?? 'unknown'} running, ${waiting ?? 'unknown'} waiting; last success ${executions.lastSuccess ?? 'none'}, last error ${executions.lastError ?? 'none'}`,
    ...(failing.length === 0
      ? []
      : [
          'failing most:\tid\tname\tfailed\truns',
          ...failing.map((each) => `\t${each.workflowId}\t${name(each)}\t${each.failed}\t${each.runs}`),
        ]),
    ...(slowest.length === 0
      ? []
      : [
          'slowest:\tid\tname\taverage\tlongest',
          ...slowest.map((each) => `\t${each.workflowId}\t${name(each)}\t${duration(each.averageMs)}\t${duration(each.maxMs)}`),
        ]),
  ]
}

function describeWorkflows(totals: WorkflowTotals): string[] {
  const { total, active, archived, stale, byTrigger, byTag, nodes, disabledNodes, byType } = totals
  const kinds = nodeKinds(totals)
  const special = `${kinds.code} code, ${kinds.http} HTTP, ${kinds.ai} AI, ${disabledNodes} disabled`
  return [
    `workflows: ${total}${totals.complete ? '' : ' (not all)'}: ${active} active, ${total - active - archived} inactive, ${archived} archived; ${stale} not changed for 90 days`,
    ...(byTrigger.size === 0 ? [] : [`by trigger: ${counts(top(byTrigger, topTriggers))}`]),
    ...(byTag.size === 0 ? [] : [`top tags: ${counts(top(byTag, topTags))}`]),
    `nodes: ${nodes} of ${plural(byType.size, 'type')}; ${special}`,
    ...(byType.size === 0
      ? []
      : [`top types: ${counts(top(byType, topTypes).map(([type, n]) => [type.replace('n8n-nodes-base.', ''), n]))}`]),
    ...(kinds.community.length === 0 ? [] : [`community types: ${kinds.community.slice(0, 20).join(', ')}`]),
  ]
}

export function structuredOf(statistics: Statistics): Record<string, unknown> {
  const { workflows, executions, storage, insights, windowHours, host } = statistics
  return {
    source: executions?.source ?? 'api',
    // n8n tells its version only to those who have logged in.
    instance: { url_host: host, healthy: true },
    ...(workflows === undefined ? {} : structuredWorkflows(workflows)),
    ...(executions === undefined ? {} : { executions: structuredExecutions(executions, windowHours, workflows) }),
    ...(insights === undefined ? {} : { insights }),
    ...(storage === undefined
      ? {}
      : {
          storage: {
            database_bytes: storage.databaseBytes,
            execution_entity_bytes: storage.executionEntityBytes ?? null,
            execution_data_bytes: storage.executionDataBytes ?? null,
            oldest_execution: storage.oldestExecution ?? null,
            rows_est: storage.executionRows ?? null,
            awaiting_pruning: storage.awaitingPruning,
            largest_tables: storage.tables.map(({ name, bytes, rows }) => ({ name, bytes, rows_est: rows ?? null })),
          },
        }),
  }
}

function structuredWorkflows(totals: WorkflowTotals): Record<string, unknown> {
  const kinds = nodeKinds(totals)
  return {
    workflows: {
      total: totals.total,
      complete: totals.complete,
      active: totals.active,
      inactive: totals.total - totals.active - totals.archived,
      archived: totals.archived,
      never_updated_90d: totals.stale,
      by_trigger: Object.fromEntries(top(totals.byTrigger, 50)),
      top_tags: top(totals.byTag, topTags).map(([tag, n]) => ({ tag, workflows: n })),
    },
    nodes: {
      total: totals.nodes,
      distinct_types: totals.byType.size,
      top_types: top(totals.byType, topTypes).map(([type, n]) => ({ type, nodes: n })),
      code_nodes: kinds.code,
      http_nodes: kinds.http,
      ai_nodes: kinds.ai,
      community_types: kinds.community,
      disabled: totals.disabledNodes,
    },
  }
}

function structuredExecutions(executions: ExecutionTotals, hours: number, workflows: WorkflowTotals | undefined) {
  const runs = (each: WorkflowRuns) => ({
    workflow_id: each.workflowId,
    name: each.name ?? workflows?.names.get(each.workflowId) ?? null,
    runs: each.runs,
    failed: each.failed,
    avg_ms: each.averageMs,
    max_ms: each.maxMs,
  })
  return {
    window_hours: hours,
    since: executions.since,
    sampled: !executions.complete,
    complete: executions.complete,
    total: executions.total,
    by_status: Object.fromEntries(executions.byStatus),
    by_mode: Object.fromEntries(executions.byMode),
    failure_rate: failureRate(executions) ?? null,
    avg_ms: executions.averageMs ?? null,
    p95_ms: executions.p95Ms ?? null,
    running: executions.running ?? null,
    waiting: executions.waiting ?? null,
    top_failing: executions.failing.map(runs),
    slowest: executions.slowest.map(runs),
    last_success_at: executions.lastSuccess ?? null,
    last_error_at: executions.lastError ?? null,
  }
}

function nodeKinds({ byType }: WorkflowTotals) {
  const kinds = { code: 0, http: 0, ai: 0, community: [] as string[] }
  for (const [type, n] of byType) {
    if (/^n8n-nodes-base\.(code|function|functionItem)$/.test(type)) kinds.code += n
    else if (type === 'n8n-nodes-base.httpRequest') kinds.http += n
    else if (type.startsWith('@n8n/n8n-nodes-langchain.')) kinds.ai += n
    else if (!type.startsWith('n8n-nodes-base.') && !type.startsWith('@n8n/')) kinds.community.push(type)
  }
  return kinds
}

/** Of the runs that came to an end by themselves. */
function failureRate({ byStatus }: ExecutionTotals): number | undefined {
  const failed = [...failedStatuses].reduce((sum, status) => sum + (byStatus.get(status) ?? 0), 0)
  const ended = failed + (byStatus.get('success') ?? 0)
  return ended === 0 ? undefined : failed / ended
}

function failureText(executions: ExecutionTotals): string {
  const rate = failureRate(executions)
  return rate === undefined ? 'none ended' : `${(rate * 100).toFixed(1)}% failed`
}

function counts(pairs: readonly (readonly [string, number])[]): string {
  return pairs.map(([name, n]) => `${name} ${n}`).join(', ')
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}
