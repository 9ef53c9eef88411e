// tsdb_create_hypertable: makes a hypertable of an ordinary table, in one transaction.
import { type Context, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { visibleJson } from '../../kit/text.ts'
import { requireLevel } from '../errors.ts'
import { columnsOf, findColumn, resolveTable } from '../lib/relations.ts'
import type { Features, TimescaleBackend, Transaction } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    table_name: { type: 'string', maxLength: 140 },
    time_column: { type: 'string', default: 'time' },
    chunk_time_interval: { type: 'string', default: '7 days', description: 'A number if the column is an integer' },
    if_not_exists: { type: 'boolean', default: true },
    migrate_data: { type: 'boolean', default: false, description: 'Needed if there are rows: moves them, locks the table' },
    dry_run: { type: 'boolean', default: false, description: 'Try and roll back' },
  },
  required: ['table_name'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

const timeoutMs = 45_000
const integerTypes = ['smallint', 'integer', 'bigint']

const hypertableQuery = 'SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_schema = $1 AND hypertable_name = $2'

// A unique index without the time column cannot be kept across chunks.
const uniqueQuery = `
  SELECT string_agg(quote_ident(i.relname) || ' (' || (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)) || ')', ', ')
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  WHERE x.indrelid = pg_catalog.to_regclass($1) AND x.indisunique
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = x.indrelid AND a.attname = $2 AND a.attnum = ANY (x.indkey))`

export function tsdbCreateHypertable(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_create_hypertable',
    title: 'Make a hypertable',
    description: 'Turn an existing table into a hypertable, chunked by its time column.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table: 'table_name', hypertable: 'table_name', time_column_name: 'time_column' },
    handler: (args, context) => createHypertable(backend, args, context),
  })
}

async function createHypertable(backend: TimescaleBackend, args: Arguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_create_hypertable')
  const { engine, writer } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const done = await writer.transaction(
    { timeoutMs: engine.limitTimeout(timeoutMs), signal },
    (transaction) => convert(transaction, features, args),
    () => !args.dry_run,
  )
  const { table, column } = done
  if (column === undefined) {
    return report(context, {
      summary: `${table.sql} is a hypertable already; nothing changed`,
      notes: ['tsdb_show_hypertables shows its chunk interval'],
      structured: { hypertable: table.sql, created: false },
    })
  }
  const rows = done.rowsBefore === 0 ? '' : `, ${done.rowsBefore} rows moved into chunks`
  return report(context, {
    summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}${table.sql} is now hypertable ${done.id}, by ${quoteName(column.name)} (${column.type}) in chunks of ${args.chunk_time_interval}${rows}`,
    notes: done.notices,
    structured: {
      hypertable: table.sql,
      hypertable_id: Number(done.id),
      created: done.created,
      time_column: column.name,
      time_type: column.type,
      chunk_time_interval: args.chunk_time_interval,
      rows_before: done.rowsBefore,
      committed: !args.dry_run,
    },
  })
}

/** `column` is undefined when the table is a hypertable already. */
async function convert(transaction: Transaction, features: Features, args: Arguments) {
  const table = await resolveTable(transaction.ask, args.table_name)
  const [existing] = await transaction.row(hypertableQuery, [table.schema, table.name])
  if (existing !== undefined && args.if_not_exists) {
    return { table, column: undefined, id: '', created: false, rowsBefore: 0, notices: [] }
  }
  if (table.kind !== 'r') throw new ToolError('INVALID_ARGUMENT', `${table.sql} is not an ordinary table`)
  const column = findColumn(await columnsOf(transaction.ask, table), args.time_column, table)
  const integer = integerTypes.includes(column.type)
  const interval = chunkInterval(args.chunk_time_interval, integer, column.name)
  const [unique] = await transaction.row(uniqueQuery, [table.sql, column.name])
  if (unique !== null && unique !== undefined && existing === undefined) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `every unique index of a hypertable must contain its time column ${quoteName(column.name)}; ${table.sql} has ${unique} without it`,
      { hint: `drop that constraint, or make it one on (…, ${quoteName(column.name)}), with tsdb_execute` },
    )
  }
  const [hasRows] = await transaction.row(`SELECT EXISTS (SELECT 1 FROM ${table.sql})`)
  if (hasRows === 't' && !args.migrate_data && existing === undefined) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `${table.sql} is not empty. Its rows have to be moved into chunks, and the table is locked meanwhile`,
      { hint: visibleJson({ ...args, table_name: table.sql, time_column: column.name, migrate_data: true }) },
    )
  }
  const [rowsBefore] = hasRows === 't' ? await transaction.row(`SELECT count(*) FROM ${table.sql}`) : ['0']
  const cast = integer ? 'bigint' : 'interval'
  const flags = [String(args.if_not_exists), String(args.migrate_data)]
  // by_range() since 2.13; before, and as an alias ever since, the time column was an argument of its own.
  const text = features.has('by_range')
    ? `SELECT hypertable_id, created FROM ${features.fn('create_hypertable')}($1::regclass, ${features.fn('by_range')}($2::name, $3::${cast}), if_not_exists => $4::boolean, migrate_data => $5::boolean)`
    : `SELECT hypertable_id, created FROM ${features.fn('create_hypertable')}($1::regclass, $2::name, chunk_time_interval => $3::${cast}, if_not_exists => $4::boolean, migrate_data => $5::boolean)`
  const [id, created] = await transaction.row(text, [table.sql, column.name, interval, ...flags])
  return { table, column, id: id ?? '', created: created === 't', rowsBefore: Number(rowsBefore), notices: transaction.notices }
}

function chunkInterval(text: string, integer: boolean, column: string): string {
  const isNumber = /^\d+$/.test(text.trim())
  if (isNumber === integer) return text.trim()
  throw new ToolError(
    'INVALID_ARGUMENT',
    integer
      ? `the column ${quoteName(column)} is an integer, so chunk_time_interval must be a number of its units`
      : 'chunk_time_interval must be an interval',
    { hint: visibleJson({ chunk_time_interval: integer ? '100000' : '7 days' }) },
  )
}
