// tsdb_create_hypertable: from an ordinary table to a hypertable, in one transaction.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import type { TimescaleBackend } from '../backend.ts'
import type { Features } from '../lib/features.ts'
import { columnsOf, findColumn, type Relation, resolveTable } from '../lib/relations.ts'
import { requireLevel } from '../lib/statement-class.ts'
import type { Transaction } from '../lib/writer.ts'

export interface CreateHypertableArguments {
  table_name: string
  time_column: string
  chunk_time_interval: string
  if_not_exists: boolean
  migrate_data: boolean
  dry_run: boolean
}

const timeoutMs = 45_000
const integerTypes = ['smallint', 'integer', 'bigint']

// A unique index without the time column cannot be kept across chunks.
const uniqueQuery = `
  SELECT string_agg(quote_ident(i.relname) || ' (' || (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
      WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)) || ')', ', ')
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
  WHERE x.indrelid = to_regclass($1) AND x.indisunique
    AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attname = $2 AND a.attnum = ANY (x.indkey))`

export async function createHypertable(backend: TimescaleBackend, args: CreateHypertableArguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_create_hypertable')
  const { engine, writer } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const table = await resolveTable(engine, args.table_name, signal)
  if (table.kind !== 'r') throw new ToolError('INVALID_ARGUMENT', `${table.sql} is not an ordinary table`)
  const column = findColumn(await columnsOf(engine, table, signal), args.time_column, table)
  const integer = integerTypes.includes(column.type)
  const interval = chunkInterval(args.chunk_time_interval, integer, column.name)
  const database = await engine.resolveDatabase(undefined, signal)
  const existing = await engine.catalogue(
    database,
    'SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_schema = $1 AND hypertable_name = $2',
    [table.schema, table.name],
    signal,
  )
  if (existing.length > 0 && args.if_not_exists) {
    return report(context, {
      summary: `${table.sql} is a hypertable already; nothing changed`,
      notes: ['tsdb_show_hypertables tells its chunk interval'],
      structured: { hypertable: table.sql, created: false },
    })
  }
  const [[unique] = [null]] = await engine.catalogue(database, uniqueQuery, [table.sql, column.name], signal)
  if (unique !== null && unique !== undefined && existing.length === 0) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `every unique index of a hypertable must contain its time column ${quoteName(column.name)}; ${table.sql} has ${unique} without it`,
      { hint: `drop that constraint, or make it one on (…, ${quoteName(column.name)}), with tsdb_execute` },
    )
  }
  const done = await writer.transaction(
    { timeoutMs: engine.limitTimeout(timeoutMs), signal },
    (transaction) => convert(transaction, features, table, column.name, interval, integer, args),
    () => !args.dry_run,
  )
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

async function convert(
  transaction: Transaction,
  features: Features,
  table: Relation,
  column: string,
  interval: string,
  integer: boolean,
  args: CreateHypertableArguments,
) {
  const [hasRows] = await transaction.row(`SELECT EXISTS (SELECT 1 FROM ${table.sql})`)
  if (hasRows === 't' && !args.migrate_data) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `${table.sql} is not empty. Its rows have to be moved into chunks, which locks the table while it lasts`,
      {
        hint: JSON.stringify({ table_name: table.sql, time_column: column, migrate_data: true }),
      },
    )
  }
  const [rowsBefore] = hasRows === 't' ? await transaction.row(`SELECT count(*) FROM ${table.sql}`) : ['0']
  const cast = integer ? 'bigint' : 'interval'
  const flags = [String(args.if_not_exists), String(args.migrate_data)]
  // by_range() since 2.13; before, and as an alias ever since, the time column was an argument of its own.
  const text = features.has('by_range')
    ? `SELECT hypertable_id, created FROM ${features.fn('create_hypertable')}($1::regclass, ${features.fn('by_range')}($2::name, $3::${cast}), if_not_exists => $4::boolean, migrate_data => $5::boolean)`
    : `SELECT hypertable_id, created FROM ${features.fn('create_hypertable')}($1::regclass, $2::name, chunk_time_interval => $3::${cast}, if_not_exists => $4::boolean, migrate_data => $5::boolean)`
  const [id, created] = await transaction.row(text, [table.sql, column, interval, ...flags])
  return {
    id: id ?? '',
    created: created === 't',
    rowsBefore: Number(rowsBefore),
    notices: transaction.notices.map(({ severity, message }) => `${severity}: ${message}`),
  }
}

function chunkInterval(text: string, integer: boolean, column: string): string {
  const isNumber = /^\d+$/.test(text.trim())
  if (isNumber === integer) return text.trim()
  throw new ToolError(
    'INVALID_ARGUMENT',
    integer
      ? `the column ${quoteName(column)} counts, so chunk_time_interval must be a number of its units`
      : 'chunk_time_interval must be a length of time',
    { hint: JSON.stringify({ chunk_time_interval: integer ? '100000' : '7 days' }) },
  )
}
