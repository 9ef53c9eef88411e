// Types that several files of this server share. They have the form of the JSON of n8n_get_database_statistics.

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
