// The interfaces of this server's backend and of what its tools pass to each other.
import type { Backend } from '../kit/definition.ts'
import type { SqlEngine } from '../kit/sql/engine.ts'
import type { Named } from '../kit/sql/identifiers.ts'
import type { WriteLevel } from './config.ts'
import type { Writer } from './lib/writer.ts'

export interface TimescaleBackend extends Backend {
  readonly engine: SqlEngine
  readonly writer: Writer
  readonly level: WriteLevel
  readonly allowDestructive: boolean
  /** What this TimescaleDB has; read again once a minute. @throws ToolError when the extension is missing */
  features(signal: AbortSignal): Promise<Features>
}

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
