// Errors of this server: what the edition lacks, and what a write level does not admit.
import { ToolError } from '../../protocol/index.ts'
import type { ShellCommand } from '../kit/sql/statement-filter.ts'
import { type WriteLevel, writeLevels } from './config.ts'
import type { Features } from './types.ts'

/** The call that answers `\dt`, `\d metrics`, `SHOW TABLES` and the like. */
export function insteadOf({ wants }: ShellCommand): string {
  return wants === 'databases' ? 'tsdb_database_stats {}' : 'tsdb_show_hypertables {}'
}

/** For what only the Community edition has. @throws ToolError that says so */
export function requireCommunity(features: Features, what: string): void {
  if (!features.apache) return
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
