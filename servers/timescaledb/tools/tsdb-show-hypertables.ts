// tsdb_show_hypertables: each hypertable with its columns, chunks, size, compression and policies; then the other tables and views.
import { type Context, defineTool, type FromSchema } from '../../../protocol/index.ts'
import { readCursor, writeCursor } from '../../kit/cursor.ts'
import type { Environment } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { clip } from '../../kit/text.ts'
import { isSizeFailure } from '../errors.ts'
import { describePolicy, readPolicies } from '../lib/policies.ts'
import { sizeOf, userRelations } from '../lib/relations.ts'
import type { Features, Policy, TimescaleBackend } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    schema: { type: 'string' },
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
    cursor: { type: 'string', description: 'From NEXT' },
  },
  additionalProperties: false,
} as const

const maxColumns = 60
const maxColumnChars = 1_500
/** Room for the summary, the headers and the notes. */
const overheadChars = 1_500

// One list: hypertables, then everything else that a query can read.
const relationsQuery = (features: Features, sized: boolean): string => `
  SELECT n.nspname, c.relname, CASE WHEN h.hypertable_name IS NOT NULL THEN 'hypertable' WHEN a.view_name IS NOT NULL THEN 'continuous aggregate'
      ELSE CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END END,
    d.column_name, d.column_type::text, coalesce(d.time_interval::text, d.integer_interval::text), h.num_chunks,
    ${sized ? sizeOf(features) : 'NULL'}, h.compression_enabled, h.num_dimensions,
    (SELECT string_agg(CASE WHEN l.attname ~ '^[a-z_][a-z0-9_$]*$' AND l.attname <> ALL (ARRAY(SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')))
      THEN l.attname ELSE quote_ident(l.attname) END || ' ' || format_type(l.atttypid, l.atttypmod), ', ' ORDER BY l.attnum) FROM (
      SELECT * FROM pg_attribute l WHERE l.attrelid = c.oid AND l.attnum > 0 AND NOT l.attisdropped ORDER BY l.attnum LIMIT ${maxColumns}) l),
    (SELECT count(*) FROM pg_attribute l WHERE l.attrelid = c.oid AND l.attnum > 0 AND NOT l.attisdropped)
  ${userRelations} AND ($1 = '' OR n.nspname = $1) AND ((h.hypertable_name IS NULL)::int, n.nspname, c.relname) > ($2::int, $3::name, $4::name)
  ORDER BY (h.hypertable_name IS NULL)::int, 1, 2 LIMIT $5::int`

export function tsdbShowHypertables(backend: TimescaleBackend, { maxResultChars }: Environment) {
  return defineTool({
    name: 'tsdb_show_hypertables',
    title: 'List hypertables and tables',
    description:
      'List hypertables with columns, time column, chunk interval, chunks, size, compression and policies with their last and next run; then plain tables and views with columns.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { schema_name: 'schema' },
    handler: (args, context) => showHypertables(backend, maxResultChars, args, context),
  })
}

async function showHypertables(
  backend: TimescaleBackend,
  maxResultChars: number,
  args: FromSchema<typeof inputSchema>,
  context: Context,
) {
  const { signal } = context
  const features = await backend.features(signal)
  const [group = '-1', afterSchema = '', afterName = ''] = readCursor(args.cursor)
  const values = [args.schema ?? '', group, afterSchema, afterName, String(args.limit + 1)]
  let sized = true
  const rows = await backend.catalogue(relationsQuery(features, true), values, signal).catch((error: unknown) => {
    if (!isSizeFailure(error)) throw error
    sized = false
    return backend.catalogue(relationsQuery(features, false), values, signal)
  })
  const policies = await readPolicies(backend, signal)
  const relations = rows.slice(0, args.limit).map((row) => toRelation(row, policies))
  const blocks = new Map<boolean, string[]>()
  let chars = 0
  let shown = 0
  for (const relation of relations) {
    const isHypertable = relation.kind === 'hypertable'
    const block = blocks.get(isHypertable) ?? [isHypertable ? hypertableHeader : tableHeader]
    const line = clip(isHypertable ? describeHypertable(relation) : describeTable(relation), maxResultChars - overheadChars)
    if (shown > 0 && chars + line.length > maxResultChars - overheadChars) break
    blocks.set(isHypertable, [...block, line])
    chars += line.length + 1
    shown += 1
  }
  const last = relations[shown - 1]
  const more = shown < rows.length && last !== undefined
  const page = relations.slice(0, shown)
  const hypertables = page.filter(({ kind }) => kind === 'hypertable')
  const tables = page.filter(({ kind }) => kind !== 'hypertable')
  const total = page.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
  return report(context, {
    summary: `${hypertables.length} hypertable${hypertables.length === 1 ? '' : 's'} and ${tables.length} other table${tables.length === 1 ? '' : 's'} or views${more ? ' (of more)' : total === 0 ? '' : `, ${formatBytes(total)} in all`}${args.schema === undefined ? '' : ` in schema ${quoteName(args.schema)}`}`,
    ...(shown === 0 ? {} : { untrusted: [...blocks.values()].flat().join('\n') }),
    notes: [
      ...(hypertables.length === 0 && !more && args.cursor === undefined
        ? ['tsdb_create_hypertable makes a hypertable of an ordinary table']
        : []),
      ...(sized ? [] : ['sizes are left out, because a table is locked or may not be read by this role']),
    ],
    ...(more
      ? {
          next: {
            ...(args.schema === undefined ? {} : { schema: args.schema }),
            limit: args.limit,
            cursor: writeCursor(last.kind === 'hypertable' ? '0' : '1', last.schema, last.name),
          },
        }
      : {}),
    rows: shown,
    structured: {
      hypertables: hypertables.map(({ kind, ...hypertable }) => hypertable),
      tables: tables.map(({ schema, name, kind, size_bytes, columns }) => ({ schema, name, kind, size_bytes, columns })),
    },
  })
}

function toRelation(row: Row, policies: Map<string, Policy[]>) {
  const [schema, name, kind, column, type, interval, chunks, bytes, compression, dimensions, columns, columnCount] = row
  const hidden = Number(columnCount) - maxColumns
  return {
    schema: schema ?? '',
    name: name ?? '',
    kind: kind ?? '',
    time_column: column ?? '',
    time_type: type ?? '',
    chunk_interval: interval ?? null,
    num_chunks: Number(chunks),
    size_bytes: bytes === null || bytes === undefined ? null : Number(bytes),
    compression_enabled: compression === 't',
    dimensions: Number(dimensions),
    columns: clip(`${columns ?? ''}${hidden > 0 ? `, … ${hidden} more` : ''}`, maxColumnChars),
    policies: policies.get(`${quoteName(schema ?? '')}.${quoteName(name ?? '')}`) ?? [],
  }
}

type ListedRelation = ReturnType<typeof toRelation>

const hypertableHeader = 'hypertable\ttime column\tchunk interval\tchunks\tsize\tcompression\tpolicies\tcolumns'
const tableHeader = 'table\tkind\tsize\tcolumns'

function describeHypertable(table: ListedRelation): string {
  return [
    nameCell(table),
    `${quoteName(table.time_column)} ${table.time_type}${table.dimensions > 1 ? ` (+${table.dimensions - 1} more)` : ''}`,
    table.chunk_interval ?? '-',
    table.num_chunks,
    sizeCell(table),
    table.compression_enabled ? 'on' : 'off',
    table.policies.length === 0 ? 'none' : quoteCell(table.policies.map(describePolicy).join('; ')),
    quoteCell(table.columns),
  ].join('\t')
}

function describeTable(table: ListedRelation): string {
  return [nameCell(table), table.kind, sizeCell(table), quoteCell(table.columns)].join('\t')
}

function nameCell({ schema, name }: ListedRelation): string {
  return quoteCell(`${quoteName(schema)}.${quoteName(name)}`)
}

function sizeCell({ size_bytes }: ListedRelation): string {
  return size_bytes === null ? '-' : formatBytes(size_bytes)
}
