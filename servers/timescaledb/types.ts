// The interfaces of this server's backend and of what its tools pass to each other.
import type { Backend } from '../kit/definition.ts'
import type { SqlEngine } from '../kit/sql/engine.ts'
import type { Outcome } from '../kit/sql/statement.ts'
import type { WriteLevel } from './config.ts'

/** Runs one of our own queries, whose columns become the members of objects. @throws ToolError */
export type Ask = <T>(text: string, values?: readonly (string | null)[]) => Promise<T[]>

export interface TimescaleBackend extends Backend {
  readonly engine: SqlEngine
  readonly writer: TransactionRunner
  readonly level: WriteLevel
  readonly allowDestructive: boolean
  /** What this TimescaleDB has; read again once a minute. @throws ToolError when the extension is missing */
  features(signal: AbortSignal): Promise<Features>
  /** As the reading role, with nothing but pg_catalog in the search path. */
  catalogue(signal: AbortSignal): Ask
  /** As the reading role, under its search path. */
  asRole(signal: AbortSignal): Ask
}

export interface Features {
  readonly version: string
  readonly apache: boolean
  /** The name with the extension's schema, so that it can be called under any search path. */
  fn(name: string): string
}

export interface WriteLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What the caller wrote, for error messages. */
  readonly query?: string
}

export interface TransactionRunner {
  /** Runs `work` in a transaction; commits it, or rolls back when `commit` returns false or anything fails. @throws ToolError */
  transaction<T>(limits: WriteLimits, work: (transaction: Transaction) => Promise<T>, commit?: (result: T) => boolean): Promise<T>
  /** One statement that PostgreSQL refuses to run inside a transaction, such as CALL refresh_continuous_aggregate. @throws ToolError */
  alone(limits: WriteLimits, text: string, values?: readonly (string | null)[]): Promise<Outcome & { notices: string[] }>
}

export interface Transaction {
  /** Runs one statement of the transaction, by the extended protocol. */
  run(text: string, values?: readonly (string | null)[]): Promise<Outcome>
  /** As the writing role, under its search path. */
  readonly ask: Ask
  /** The server's notices so far, as `SEVERITY: message`. */
  readonly notices: string[]
}

export interface Relation {
  readonly schema: string
  readonly name: string
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

export interface Column {
  readonly name: string
  readonly type: string
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
