// Errors of this server only: the tool that answers what a shell command asks for.
import type { ShellCommand } from '../kit/sql/statement-filter.ts'
import { visibleJson } from '../kit/text.ts'

/** The call that answers `\dt`, `\d orders`, `SHOW TABLES` and the like. */
export function insteadOf({ wants, table }: ShellCommand): string {
  if (wants === 'databases') return 'postgres_list_databases {}'
  if (wants === 'columns' && table !== undefined) {
    const [name = '', schema] = table.replaceAll('"', '').split('.').reverse()
    return `postgres_list_tables ${visibleJson({ schema: schema ?? '*', pattern: name, include_columns: true })}`
  }
  return `postgres_list_tables ${visibleJson({ schema: '*' })}`
}
