// Types that several files of this server share.

export interface Page<T> {
  readonly entries: readonly T[]
  /** n8n's cursor of the following page. */
  readonly next: string | undefined
  /** The page size in the end: smaller than wanted when a page of that size was too large. */
  readonly limit: number
  /** Entries that were skipped because one alone is larger than an answer may be. */
  readonly tooLarge: number
}

export interface WorkflowFilter {
  readonly active?: boolean | undefined
  /** A pattern of SQL's LIKE for a part of the name, case-sensitive on PostgreSQL. */
  readonly name?: string | undefined
  readonly projectId?: string | undefined
}

export interface WorkflowFacts {
  readonly id: string
  readonly name: string
  readonly active: boolean
  readonly archived: boolean
  readonly tags: readonly string[]
  readonly triggers: readonly string[]
  /** When the triggers run, such as `every 15 minutes`. */
  readonly schedules: readonly string[]
  /** Without sticky notes. */
  readonly nodeCount: number
  readonly noteCount: number
  /** ISO 8601 as n8n gives it, or empty. */
  readonly updatedAt: string
}

export interface Edge {
  readonly from: string
  readonly to: string
  /** Which output and input, where that is not the first of either: `true`, `output 1`, `ai_tool`, `input 1`. */
  readonly label: string
}

export interface WorkflowTotals {
  total: number
  active: number
  archived: number
  /** Not changed for 90 days. */
  stale: number
  readonly byTrigger: Map<string, number>
  readonly byTag: Map<string, number>
  nodes: number
  disabledNodes: number
  /** Sticky notes, which are not counted as nodes. */
  notes: number
  readonly byType: Map<string, number>
  /** id → name, for the executions. */
  readonly names: Map<string, string>
  /** Every workflow that this key sees has been counted. */
  complete: boolean
  /** Workflows of more than 4 MiB, whose nodes are not counted. */
  tooLarge: number
}

export interface WorkflowRuns {
  readonly workflowId: string
  /** Known where the database is read. */
  readonly name?: string | undefined
  runs: number
  failed: number
  /** Of the runs that ended. */
  averageMs: number
  maxMs: number
}

export interface ExecutionTotals {
  readonly source: 'api' | 'database'
  /** Executions of the window that were counted. */
  readonly total: number
  /** All of the window were counted. */
  readonly complete: boolean
  /** ISO 8601: the counted ones reach back to here. */
  readonly since: string
  readonly byStatus: ReadonlyMap<string, number>
  readonly byMode: ReadonlyMap<string, number>
  readonly averageMs: number | undefined
  readonly p95Ms: number | undefined
  /** Now, whenever they began; undefined where n8n does not say. */
  readonly running: number | undefined
  readonly waiting: number | undefined
  /** The worst first. */
  readonly failing: readonly WorkflowRuns[]
  /** By their average, the slowest first. */
  readonly slowest: readonly WorkflowRuns[]
  readonly lastSuccess: string | undefined
  readonly lastError: string | undefined
}

export interface Storage {
  readonly databaseBytes: number
  /** Tables with their indexes and what is stored beside them, the largest first. */
  readonly tables: readonly { name: string; bytes: number; rows: number | undefined }[]
  readonly executionEntityBytes: number | undefined
  readonly executionDataBytes: number | undefined
  /** Estimate of PostgreSQL's; undefined until the table was analysed. */
  readonly executionRows: number | undefined
  readonly oldestExecution: string | undefined
  /** Deleted, but not yet removed by n8n's pruning. */
  readonly awaitingPruning: number
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
