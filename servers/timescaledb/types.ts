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

/** A table or view, with what it has if it is a hypertable. */
export interface Table extends Relation {
  /** Such as `a table`. */
  readonly kind: string
  /** The hypertable under it, where it is a continuous aggregate. */
  readonly source: string | null
  /** Null for what is not a hypertable. */
  readonly timeColumn: string | null
  readonly timeType: string
  /** The time column is an integer. */
  readonly integerTime: boolean
  /** The function that returns the current time of an integer time column, if one is set. */
  readonly integerNow: string | null
  readonly compression: boolean
  readonly columns: readonly Column[]
}

export interface Hypertable extends Table {
  readonly timeColumn: string
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
