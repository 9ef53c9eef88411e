// What the tools of the timescaledb server share.
import type { Named } from '../kit/sql/identifiers.ts'
import type { Column } from '../kit/sql/table.ts'

export interface Features {
  readonly version: string
  readonly apache: boolean
  /** The name with the extension's schema, so that it can be called under any search path. */
  fn(name: string): string
}

export interface Relation extends Named {
  /** Quoted and with its schema, as it goes into SQL and into a regclass parameter. */
  readonly sql: string
}

export interface Hypertable extends Relation {
  readonly timeColumn: string
  readonly timeType: string
  /** The time column is an integer. */
  readonly integerTime: boolean
  /** The function that returns the current time of an integer time column, if one is set. */
  readonly integerNow: string | null
  readonly compression: boolean
  readonly columns: readonly Column[]
}

/** A background job that TimescaleDB runs for a hypertable. */
export interface Policy {
  job_id: number
  policy: string
  every: string | null
  config: Record<string, unknown> | null
  next_start: string | null
  last_status: string | null
  last_start: string | null
  /** Message of the newest failed run, while the last run is a failed one. */
  last_error: string | null
}
