// A type that several files of this server share.

/** In the form of the JSON of n8n_get_database_statistics. */
export interface WorkflowRuns {
  readonly workflow_id: string
  /** The database knows it, the API does not. As it is stored. */
  readonly name: string | null
  readonly runs: number
  readonly failed: number
  /** Of the runs that ended. */
  readonly avg_ms: number
  readonly max_ms: number
}
