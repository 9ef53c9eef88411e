// Errors of this server: what the edition lacks, what a write level does not admit, and SQLSTATEs that have a meaning here.
import { ToolError } from '../../protocol/index.ts'
import { isServerError } from '../kit/sql/errors.ts'
import { type WriteLevel, writeLevels } from './config.ts'
import type { Features } from './types.ts'

const lockNotAvailable = '55P03'
const insufficientPrivilege = '42501'
const queryCanceled = '57014'
const insideTransaction = '25001'

/** SQLSTATE of an error of PostgreSQL, also where it was made a ToolError. */
export function sqlState(error: unknown): string | undefined {
  if (isServerError(error)) return error.code
  if (!(error instanceof ToolError)) return undefined
  return typeof error.detail === 'string' ? error.detail : sqlState(error.cause)
}

/** Sizes cannot be read: a chunk is locked or may not be read by the role. The list itself must not fail for that. */
export function isSizeFailure(error: unknown): boolean {
  return [lockNotAvailable, insufficientPrivilege, queryCanceled].includes(sqlState(error) ?? '')
}

/** Replaces PostgreSQL's "cannot run inside a transaction block" by what can be done about it. */
export function explainTransaction(error: unknown): unknown {
  if (sqlState(error) !== insideTransaction) return error
  return new ToolError(
    'INVALID_ARGUMENT',
    `tsdb_execute runs every statement in a transaction, and this one cannot run in one: ${(error as Error).message}`,
    {
      hint: 'the statement without CONCURRENTLY or WITH DATA, or ask the operator to run it',
      detail: insideTransaction,
      cause: error,
    },
  )
}

/** For what only the Community edition has. @throws ToolError that says so */
export function requireCommunity(features: Features, what: string): void {
  if (features.license !== 'apache') return
  throw new ToolError(
    'UPSTREAM_ERROR',
    `${what} needs the Community (TSL) edition of TimescaleDB; this server runs ${features.version} of the Apache edition. Ask the operator`,
  )
}

/** @throws ToolError READ_ONLY when this server's write level is below `need` */
export function requireLevel(have: WriteLevel, need: 'policy' | 'dml' | 'ddl', tool: string, why?: string): void {
  if (writeLevels.indexOf(have) >= writeLevels.indexOf(need)) return
  if (have === 'off') throw new ToolError('READ_ONLY', `${tool} is disabled on this server (write level "off"). Ask the operator`)
  throw new ToolError(
    'READ_ONLY',
    `${why ?? 'this'} needs write level "${need}", and this server has "${have}". Ask the operator (TSDB_WRITE_LEVEL)`,
  )
}
