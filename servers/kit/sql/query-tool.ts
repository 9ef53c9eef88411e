// What postgres_query and tsdb_query have in common: their arguments, and the result that says exactly what it left out.
import type { Context, ToolResult } from '../../../protocol/index.ts'
import { formatBytes, report } from '../report.ts'
import type { QueryResult, SqlEngine } from './engine.ts'
import { quoteName } from './hints.ts'
import { wireLimits } from './session.ts'
import { type Table, toTable } from './table.ts'

export interface QueryArguments {
  query: string
  database?: string | undefined
  params?: (string | number | boolean | null)[] | undefined
  max_rows: number
  timeout_ms: number
}

/** Schemas of the arguments that both tools have. */
export const queryProperties = {
  query: {
    type: 'string',
    minLength: 1,
    maxLength: 100_000,
    description: 'One statement; $1, $2 … for params',
    examples: ['SELECT 1'],
  },
  params: { type: 'array', maxItems: 100, items: { type: ['string', 'number', 'boolean', 'null'] } },
  max_rows: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  timeout_ms: { type: 'integer', minimum: 100, maximum: 60_000, default: 15_000 },
} as const

export const maxCellChars = 1_000
/** Room for the summary, the boundary and the notes. */
const overheadChars = 1_200

export async function runQuery(
  engine: SqlEngine,
  maxResultChars: number,
  label: string,
  args: QueryArguments,
  context: Context,
): Promise<ToolResult<Record<string, unknown>>> {
  const { query, database, max_rows: maxRows, timeout_ms: timeoutMs } = args
  const result = await engine.query({
    text: query,
    values: toParameters(args.params),
    database,
    maxRows,
    timeoutMs,
    signal: context.signal,
  })
  const table = toTable(result.columns, result.rows, { maxChars: maxResultChars - overheadChars, maxCellChars })
  const truncated = result.more || table.shown < result.rows.length
  const limit = engine.limitTimeout(timeoutMs)
  return report(context, {
    summary: `${label}${summarise(result, table, maxRows)} in ${result.durationMs} ms, database ${quoteName(result.database)}, read-only`,
    ...(result.columns.length > 0 ? { untrusted: table.text } : {}),
    notes: [
      ...notesOn(result, table, maxRows),
      ...(limit < timeoutMs ? [`timeout_ms was ${limit}, the most that this server's own limit leaves`] : []),
    ],
    truncated,
    rows: table.shown,
    structured: {
      database: result.database,
      columns: result.columns,
      rows: table.rows,
      row_count: table.shown,
      duration_ms: result.durationMs,
    },
  })
}

/** PostgreSQL reads the text of a parameter by the type that the statement gives it. */
export function toParameters(params: QueryArguments['params'] = []): (string | null)[] {
  return params.map((param) => (param === null ? null : String(param)))
}

function summarise({ rows, more, cut }: QueryResult, { shown }: Table, maxRows: number): string {
  const count = `${shown} row${shown === 1 ? '' : 's'}`
  if (shown < rows.length || cut !== undefined) return `${count} (of more; cut at the size limit)`
  return more ? `${count} (of more; cut at max_rows=${maxRows})` : count
}

function notesOn(result: QueryResult, table: Table, maxRows: number): string[] {
  const notes: string[] = []
  const bySize = table.shown < result.rows.length || result.cut !== undefined
  if (result.cut === 'flood') {
    notes.push(
      `the rows are so large that reading stopped after ${formatBytes(wireLimits.floodBytes)}; the last row may be incomplete. Select fewer columns, or parts of them with left(column, 1000)`,
    )
  } else if (bySize) {
    notes.push(
      'more rows exist than fit in one result. Select fewer columns, shorten long ones with left(column, 200), or aggregate',
    )
  } else if (result.more) {
    notes.push(
      `more rows exist. Aggregate or filter in SQL${maxRows < 1000 ? ', or raise max_rows (max 1000)' : ', or page with ORDER BY and a WHERE beyond the last key'}`,
    )
  }
  if (table.cutCells > 0) {
    notes.push(
      `${table.cutCells} value${table.cutCells === 1 ? ' is' : 's are'} cut after ${table.cellChars} characters; read on with substr(column, ${table.cellChars + 1}, 1000)`,
    )
  }
  return notes
}
