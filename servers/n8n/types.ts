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

/** In the form of the JSON of results. */
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
  readonly node_count: number
  readonly sticky_notes: number
  /** ISO 8601 as n8n gives it, or empty. */
  readonly updated_at: string
}

export interface Edge {
  readonly from: string
  readonly to: string
  /** Which output and input, where that is not the first of either: `true`, `output 1`, `ai_tool`, `input 1`. */
  readonly label: string
}

/** What follows has the form of the JSON of n8n_get_database_statistics. */
export interface WorkflowRuns {
  readonly workflow_id: string
  /** The database knows it, the API does not. */
  readonly name: string | null
  readonly runs: number
  readonly failed: number
  /** Of the runs that ended. */
  readonly avg_ms: number
  readonly max_ms: number
}

export interface ExecutionTotals {
  /** Executions of the window that were counted. */
  readonly total: number
  /** All of the window were counted. */
  readonly complete: boolean
  /** ISO 8601: the counted ones reach back to here. */
  readonly since: string
  readonly by_status: Readonly<Record<string, number>>
  readonly by_mode: Readonly<Record<string, number>>
  readonly avg_ms: number | null
  readonly p95_ms: number | null
  /** Now, whenever they began; null where n8n does not say. */
  readonly running: number | null
  readonly waiting: number | null
  /** The worst first. */
  readonly top_failing: readonly WorkflowRuns[]
  /** By their average, the slowest first. */
  readonly slowest: readonly WorkflowRuns[]
  readonly last_success_at: string | null
  readonly last_error_at: string | null
}

export interface Storage {
  readonly database_bytes: number
  readonly execution_entity_bytes: number | null
  readonly execution_data_bytes: number | null
  readonly oldest_execution: string | null
  /** Estimate of PostgreSQL's; null until the table was analysed. */
  readonly rows_est: number | null
  /** Deleted, but not yet removed by n8n's pruning. */
  readonly awaiting_pruning: number
  /** With their indexes and what is stored beside them, the largest first. */
  readonly largest_tables: readonly { name: string; bytes: number; rows_est: number | null }[]
}
