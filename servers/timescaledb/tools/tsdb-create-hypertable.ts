// tsdb_create_hypertable: makes a hypertable of an ordinary table, in one transaction.
import { defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { TimescaleBackend } from '../backend.ts'
import { requireLevel } from '../errors.ts'
import { findColumn, inTimeUnits, resolveTable } from '../lib/relations.ts'
import type { Transaction } from '../lib/writer.ts'
import type { Features } from '../types.ts'

const inputSchema = parameters(['table_name'], {
  table_name: { type: 'string', maxLength: 140 },
  time_column: { type: 'string', default: 'time' },
  chunk_time_interval: { type: 'string', default: '7 days', description: 'A number if the column is an integer' },
  if_not_exists: { type: 'boolean', default: true },
  migrate_data: { type: 'boolean', default: false, description: 'Needed if there are rows: moves them, locks the table' },
  dry_run: { type: 'boolean', default: false, description: 'Try and roll back' },
})

type Arguments = FromSchema<typeof inputSchema>

const timeoutMs = 45_000
const integerTypes = ['smallint', 'integer', 'bigint']

// A unique index without the time column cannot be kept across chunks.
const uniqueQuery = `
  SELECT string_agg(quote_ident(i.relname) || ' (' || (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)) || ')', ', ') AS names
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
    lookUp: 'tsdb_show_hypertables {}',
    async handler(args, context) {
      requireLevel(backend.level, 'policy', 'tsdb_create_hypertable')
      const { engine, writer } = backend
      const { signal } = context
      const features = await backend.features(signal)
      const limits = { timeoutMs: engine.limitTimeout(timeoutMs), signal, dryRun: args.dry_run }
      const done = await writer.transaction(limits, (transaction) => convert(transaction, features, args))
      const { table, column, rowsBefore } = done
      if (column === undefined) {
        return report(context, {
          summary: `${table.sql} is a hypertable already; nothing changed`,
          notes: ['tsdb_show_hypertables shows its chunk interval'],
          structured: { hypertable: table.sql, created: false },
        })
      }
      const moved = rowsBefore === 0 ? '' : `, ${rowsBefore} rows moved into chunks`
      return report(context, {
        summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}${table.sql} is now hypertable ${done.hypertable_id}, by ${quoteName(column.name)} (${column.type}) in chunks of ${args.chunk_time_interval}${moved}`,
        notes: done.notices,
        structured: {
          hypertable: table.sql,
          hypertable_id: done.hypertable_id,
          created: done.created,
          time_column: column.name,
          time_type: column.type,
          chunk_time_interval: args.chunk_time_interval,
          rows_before: rowsBefore,
          committed: !args.dry_run,
        },
      })
    },
  })
}

/** `column` is undefined when the table is a hypertable already. */
async function convert(transaction: Transaction, { fn }: Features, args: Arguments) {
  const { ask } = transaction
  const table = await resolveTable(ask, args.table_name)
  const exists = table.timeColumn !== null
  if (exists && args.if_not_exists) return { table, column: undefined, rowsBefore: 0 }
  if (table.kind !== 'a table') throw new ToolError('INVALID_ARGUMENT', `${table.sql} is not an ordinary table`)
  const column = findColumn(table, args.time_column, (name) => ({ time_column: quoteName(name) }))
  const integer = integerTypes.includes(column.type)
  const interval = inTimeUnits('chunk_time_interval', args.chunk_time_interval, integer, column.name)
  const [unique] = await ask<{ names: string | null }>(uniqueQuery, [table.sql, column.name])
  if (unique?.names && !exists) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `every unique index of a hypertable must contain its time column ${quoteName(column.name)}; ${table.sql} has ${unique.names} without it`,
      { hint: `drop that constraint, or make it one on (…, ${quoteName(column.name)}), with tsdb_execute` },
    )
  }
  const someRows = `SELECT FROM ${table.sql}${args.migrate_data ? '' : ' LIMIT 1'}`
  const [counted] = await ask<{ rows: number }>(`SELECT count(*) AS rows FROM (${someRows}) t`)
  const rowsBefore = counted?.rows ?? 0
  if (rowsBefore > 0 && !args.migrate_data && !exists) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `${table.sql} is not empty. Its rows have to be moved into chunks, and the table is locked meanwhile`,
      { retry: { table_name: table.sql, time_column: column.name, migrate_data: true } },
    )
  }
  const cast = integer ? 'bigint' : 'interval'
  const [made] = await ask<{ hypertable_id: number; created: boolean }>(
    `SELECT hypertable_id, created FROM ${fn('create_hypertable')}($1::regclass, ${fn('by_range')}($2::name, $3::${cast}),
      if_not_exists => $4::boolean, migrate_data => $5::boolean)`,
    [table.sql, column.name, interval, String(args.if_not_exists), String(args.migrate_data)],
  )
  return { table, column, ...made, rowsBefore, notices: transaction.notices }
}
