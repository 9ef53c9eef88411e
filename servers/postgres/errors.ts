// Errors of this server only: the tool that answers what a shell command asks for, and a size that a lock keeps back.
import { ToolError } from '../../protocol/index.ts'
import type { ShellCommand } from '../kit/sql/statement-filter.ts'
import { visibleJson } from '../kit/text.ts'

/** The call that answers `\dt`, `\d orders`, `SHOW TABLES` and the like. */
export function insteadOf({ wants, table }: Pick<ShellCommand, 'wants' | 'table'>): string {
  if (wants === 'databases') return 'postgres_list_databases {}'
  if (wants === 'columns' && table !== undefined) {
    const [name = '', schema] = table.replaceAll('"', '').split('.').reverse()
    return `postgres_list_tables ${visibleJson({ schema: schema ?? '*', pattern: name, include_columns: true })}`
  }
  return `postgres_list_tables ${visibleJson({ schema: '*' })}`
}

/** Sizes need a lock, if only the weakest, and time: another session's lock or a large catalogue must not make the whole list fail. */
export function isSizeFailure(error: unknown): boolean {
  return error instanceof ToolError && (error.detail === '55P03' || error.detail === '57014')
}
