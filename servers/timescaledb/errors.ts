// Errors of this server: what the edition lacks, what a write level does not admit, and SQLSTATEs that have a meaning here.
import { ToolError } from '../../protocol/index.ts'
import type { ShellCommand } from '../kit/sql/statement-filter.ts'
import { type WriteLevel, writeLevels } from './config.ts'
import type { Features } from './types.ts'

const lockNotAvailable = '55P03'
const insufficientPrivilege = '42501'
const queryCanceled = '57014'
const insideTransaction = '25001'

/** Sizes cannot be read: a chunk is locked or may not be read by the role. The list itself must not fail for that. */
export function isSizeFailure(error: unknown): boolean {
  return error instanceof ToolError && [lockNotAvailable, insufficientPrivilege, queryCanceled].includes(String(error.detail))
}

/** Adds what can be done to PostgreSQL's "cannot run inside a transaction block". */
export function explainTransaction(error: unknown): unknown {
  if (!(error instanceof ToolError) || error.detail !== insideTransaction) return error
  return new ToolError('INVALID_ARGUMENT', error.message, {
    hint: 'the statement without CONCURRENTLY or WITH DATA, or ask the operator to run it',
    detail: insideTransaction,
    cause: error,
  })
}

/** The call that answers `\dt`, `\d metrics`, `SHOW TABLES` and the like. */
export function insteadOf({ wants }: Pick<ShellCommand, 'wants'>): string {
  return wants === 'databases' ? 'tsdb_database_stats {}' : 'tsdb_show_hypertables {}'
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
