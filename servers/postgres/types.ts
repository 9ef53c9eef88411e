// What the tools of the postgres server share.
import type { Backend } from '../kit/definition.ts'
import type { SqlEngine } from '../kit/sql/engine.ts'

export interface PostgresBackend extends Backend {
  readonly engine: SqlEngine
  /** Stands before every result: `[sample database] `, or nothing. */
  readonly label: string
}

export interface Column {
  name: string
  type: string
  nullable: boolean
  primary_key: boolean
  references: string | null
  default: string | null
  comment: string | null
}
