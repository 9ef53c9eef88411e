// tsdb_show_hypertables: each hypertable with its columns, chunks, size, compression and policies; then the other tables and views.
import { defineTool } from '../../../protocol/index.ts'
import { readCursor, writeCursor } from '../../kit/cursor.ts'
import { parameters } from '../../kit/definition.ts'
import { counted, formatBytes, report } from '../../kit/report.ts'
import { orWithoutSizes } from '../../kit/sql/errors.ts'
import { type Named, qualified, quoteName } from '../../kit/sql/identifiers.ts'
import { type Column, listing, size, totalSize } from '../../kit/sql/table.ts'
import { clip, fitLines } from '../../kit/text.ts'
import type { TimescaleBackend } from '../backend.ts'
import { describePolicy, withPolicies } from '../lib/policies.ts'
import { fromRelations, ofUsers, sizeOf } from '../lib/relations.ts'
import type { Features, Policy } from '../types.ts'

const maxColumns = 60
const maxColumnChars = 1_500
/** Room for the summary, the headers and the notes. */
const overheadChars = 1_500

// One list: hypertables, then everything else that a query can read.
const relationsQuery = (features: Features, sized: boolean): string => `
  SELECT n.nspname AS schema, c.relname AS name, CASE WHEN h.hypertable_name IS NOT NULL THEN 'hypertable' WHEN a.view_name IS NOT NULL THEN 'continuous aggregate'
      ELSE CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END END AS kind,
    d.column_name AS time_column, d.column_type AS time_type, coalesce(d.time_interval::text, d.integer_interval::text) AS chunk_interval, h.num_chunks,
    (${sized ? sizeOf(features) : 'NULL'})::bigint AS size_bytes, h.compression_enabled, h.num_dimensions AS dimensions, coalesce(p.policies, '[]') AS policies,
    (SELECT json_agg(json_build_object('name', l.attname, 'type', format_type(l.atttypid, l.atttypmod)) ORDER BY l.attnum) FROM (
      SELECT * FROM pg_attribute l WHERE l.attrelid = c.oid AND l.attnum > 0 AND NOT l.attisdropped ORDER BY l.attnum LIMIT ${maxColumns}) l) AS columns,
    (SELECT count(*) FROM pg_attribute l WHERE l.attrelid = c.oid AND l.attnum > 0 AND NOT l.attisdropped) AS column_count
  ${fromRelations} ${withPolicies} ${ofUsers} AND ($1 = '' OR n.nspname = $1)
    AND ((h.hypertable_name IS NULL)::int, n.nspname, c.relname) > ($2::int, $3::name, $4::name)
  ORDER BY (h.hypertable_name IS NULL)::int, 1, 2 LIMIT $5::int`

interface Row extends Named {
  kind: string
  time_column: string
  time_type: string
  chunk_interval: string | null
  num_chunks: number
  size_bytes: number | null
  compression_enabled: boolean
  dimensions: number
  policies: Policy[]
  columns: Column[] | null
  column_count: number
}

type Listed = Omit<Row, 'columns'> & { columns: string }

export function tsdbShowHypertables(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_show_hypertables',
    title: 'List hypertables and tables',
    description:
      'List hypertables with columns, time column, chunk interval, chunks, size, compression and policies with their last and next run; then plain tables and views with columns.',
    inputSchema: parameters([], {
      schema: { type: 'string' },
      limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
      cursor: { type: 'string', description: 'From NEXT' },
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { schema_name: 'schema' },
    async handler(args, context) {
      const { engine } = backend
      const maxChars = engine.environment.maxResultChars - overheadChars
      const ask = engine.asker(context.signal)
      const features = await backend.features(context.signal)
      const [group = '-1', afterSchema = '', afterName = ''] = readCursor(args.cursor)
      const values = [args.schema ?? '', group, afterSchema, afterName, String(args.limit + 1)]
      const { rows, sized } = await orWithoutSizes((withSizes) => ask<Row>(relationsQuery(features, withSizes), values))
      const all = rows.slice(0, args.limit).map((row) => ({ ...row, columns: describeColumns(row) }))
      const lines = all.map((relation) => cellsOf(relation).join('\t'))
      const page = all.slice(0, fitLines(lines, maxChars).length)
      const last = page.at(-1)
      const more = page.length < rows.length && last !== undefined
      const hypertables = page.filter(({ kind }) => kind === 'hypertable')
      const tables = page.filter(({ kind }) => kind !== 'hypertable')
      const total = totalSize(page)
      const lists = [
        ...(hypertables.length > 0 ? [listing(hypertableHeader, hypertables.map(cellsOf))] : []),
        ...(tables.length > 0 ? [listing(tableHeader, tables.map(cellsOf))] : []),
      ]
      return report(context, {
        summary: `${counted(hypertables.length, 'hypertable')} and ${counted(tables.length, 'other table')} or views${more ? ' (of more)' : total === 0 ? '' : `, ${formatBytes(total)} in all`}${args.schema === undefined ? '' : ` in schema ${quoteName(args.schema)}`}`,
        ...(page.length === 0 ? {} : { untrusted: clip(lists.join('\n'), maxChars) }),
        notes: [
          hypertables.length === 0 &&
            !more &&
            args.cursor === undefined &&
            'tsdb_create_hypertable makes a hypertable of an ordinary table',
          !sized && 'sizes are left out, because a table is locked or may not be read by this role',
        ],
        next: more ? { ...args, cursor: writeCursor(last.kind === 'hypertable' ? '0' : '1', last.schema, last.name) } : undefined,
        rows: page.length,
        structured: {
          hypertables: hypertables.map(({ kind, ...hypertable }) => hypertable),
          tables: tables.map(({ schema, name, kind, size_bytes, columns }) => ({ schema, name, kind, size_bytes, columns })),
        },
      })
    },
  })
}

function describeColumns({ columns, column_count }: Row): string {
  const hidden = column_count - maxColumns
  const shown = (columns ?? []).map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ')
  return clip(`${shown}${hidden > 0 ? `, … ${hidden} more` : ''}`, maxColumnChars)
}

const hypertableHeader = ['hypertable', 'time column', 'chunk interval', 'chunks', 'size', 'compression', 'policies', 'columns']
const tableHeader = ['table', 'kind', 'size', 'columns']

function cellsOf(table: Listed): (string | number | null)[] {
  if (table.kind !== 'hypertable') return [qualified(table), table.kind, size(table.size_bytes), table.columns]
  const more = table.dimensions > 1 ? ` (+${table.dimensions - 1} more)` : ''
  return [
    qualified(table),
    `${quoteName(table.time_column)} ${table.time_type}${more}`,
    table.chunk_interval,
    table.num_chunks,
    size(table.size_bytes),
    table.compression_enabled ? 'on' : 'off',
    table.policies.map(describePolicy).join('; ') || 'none',
    table.columns,
  ]
}
