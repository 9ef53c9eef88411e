// What postgres_query and tsdb_query have in common: their arguments, and the result that says exactly what it left out.
import { type Context, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { counted, formatBytes, report } from '../report.ts'
import { clip, visibleJson } from '../text.ts'
import type { QueryResult, SqlEngine } from './engine.ts'
import { quoteName } from './identifiers.ts'
import { wireLimits } from './protocol-guard.ts'
import { type ShownPart, toTable } from './table.ts'
import { existingValues } from './value-hints.ts'

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

export interface QueryArguments
  extends FromSchema<{ type: 'object'; properties: typeof queryProperties; required: readonly ['query'] }> {
  database?: string | undefined
}

export const maxCellChars = 1_000
/** Room for the summary, the boundary and the notes. */
const overheadChars = 1_200

/** @param label stands before the summary */
export async function runQuery(engine: SqlEngine, label: string, args: QueryArguments, context: Context) {
  const { query, database, max_rows: maxRows, timeout_ms: timeoutMs } = args
  const { signal } = context
  const values = toParameters(args.params)
  const result = await engine.query({ text: query, values, database, maxRows, timeoutMs, signal })
  const maxChars = engine.environment.maxResultChars - overheadChars
  const table = toTable(result.columns, result.rows, { maxChars, maxCellChars })
  const cut = result.cut ?? (table.shown < result.rows.length ? 'bytes' : result.more ? 'rows' : undefined)
  const limit = engine.limitTimeout(timeoutMs)
  const existing = isEmpty(result) ? await existingValues(query, values, engine.lookup(result.database, signal)) : []
  const listed = existing.map(
    ({ column, values: found }) => `values of ${column}: ${found.map((value) => visibleJson(clip(value, 60))).join(', ')}`,
  )
  const more = cut === undefined ? '' : ` (of more; cut at ${cut === 'rows' ? `max_rows=${maxRows}` : 'the size limit'})`
  return report(context, {
    summary: `${label}${counted(table.shown, 'row')}${more} in ${result.durationMs} ms, database ${quoteName(result.database)}, read-only`,
    ...(result.columns.length > 0 ? { untrusted: [table.text, ...listed].join('\n') } : {}),
    notes: [
      ...existing.map(
        ({ column, wanted }) => `no row has ${visibleJson(wanted)} in ${column}; the values that exist are listed with the data`,
      ),
      ...(cut === undefined ? [] : [cutNotes[cut](maxRows)]),
      ...table.cut.slice(0, 1).map((first) => cellNote(result, table.cut.length, first)),
      ...(limit < timeoutMs ? [`timeout_ms was ${limit}, the most that this server's own limit leaves`] : []),
    ],
    truncated: cut !== undefined,
    rows: table.shown,
    structured: {
      database: result.database,
      columns: result.columns.map(({ name, type }) => ({ name, type })),
      rows: table.rows,
      row_count: table.shown,
      duration_ms: result.durationMs,
      ...(existing.length === 0
        ? {}
        : { existing_values: Object.fromEntries(existing.map(({ column, values: found }) => [column, found])) }),
    },
  })
}

const cutNotes = {
  flood: () =>
    `the rows are so large that reading stopped after ${formatBytes(wireLimits.floodBytes)}; the last row may be incomplete. Select fewer columns, or parts of them with left(column, 1000)`,
  bytes: () =>
    'more rows exist than fit in one result. Select fewer columns, shorten long ones with left(column, 200), or aggregate',
  rows: (maxRows: number) =>
    `more rows exist. Aggregate or filter in SQL${maxRows < 1000 ? ', or raise max_rows (max 1000)' : ', or page with ORDER BY and a WHERE beyond the last key'}`,
}

/**
 * PostgreSQL reads the text of a parameter by the type that the statement gives it.
 * @throws ToolError INVALID_ARGUMENT for an integer that JSON could not carry exactly
 */
export function toParameters(params: QueryArguments['params'] = []): (string | null)[] {
  return params.map((param, i) => {
    if (typeof param === 'number' && Number.isInteger(param) && !Number.isSafeInteger(param)) {
      throw new ToolError('INVALID_ARGUMENT', `params[${i}] is beyond 2^53, where a JSON number loses digits`, {
        hint: `the number as a string in params, such as "9007199254740993", for $${i + 1}`,
      })
    }
    return param === null ? null : String(param)
  })
}

/** No row, or only zeros and NULLs, as count(*) and sum() give for no row. */
function isEmpty({ rows, fields = [] }: QueryResult): boolean {
  return fields.length > 0 && rows.length < 2 && rows.every((row) => row.every((cell) => cell === null || cell === '0'))
}

/** The text of every type goes on at a character of `::text`; EXPLAIN and SHOW have no columns that could be named. */
function cellNote({ tag, columns }: QueryResult, count: number, { column, chars }: ShownPart): string {
  const what = count === 1 ? '1 value is cut' : `${count} values are cut`
  const name = columns[column]?.name ?? ''
  if (!/^SELECT/.test(tag ?? 'SELECT') || name === '?column?') return `${what} after ${chars} characters`
  return `${what}; ${count === 1 ? 'it' : 'the first'} goes on with substr((${quoteName(name)})::text, ${chars + 1}, 1000)`
}
