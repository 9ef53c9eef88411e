// postgres_list_tables: tables, views and their columns, a page at a time.
import { type Context, nearest, ToolError } from '../../../protocol/index.ts'
import { readCursor, writeCursor } from '../../kit/cursor.ts'
import { formatBytes, report } from '../../kit/report.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { arrayLiteral, quoteName } from '../../kit/sql/hints.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'
import { type Column, describeColumn, listColumns } from '../lib/columns.ts'

export interface ListTablesArguments {
  schema: string
  database?: string | undefined
  pattern?: string | undefined
  include_columns: boolean
  limit: number
  cursor?: string | undefined
}

interface Table {
  oid: string
  schema: string
  name: string
  kind: string
  est_rows: number | null
  total_bytes: number | null
  comment: string | null
  partitions?: number
  columns?: Column[]
}

const userSchema = `n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname NOT IN ('information_schema', 'timescaledb_information', 'timescaledb_experimental')`

// Partitions and the chunks of hypertables are not listed one by one: their parent stands for them.
const tablesQuery = (withSizes: boolean): string => `
  WITH t AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition
      AND CASE WHEN $1 = '*' THEN ${userSchema} ELSE n.nspname = $1 END
      AND c.relname LIKE $2 AND (n.nspname, c.relname) > ($3::name, $4::name)
    ORDER BY 2, 3 LIMIT $5::int)
  SELECT t.oid, t.nspname, t.relname, t.relkind,
    CASE WHEN t.relkind = 'p' THEN (SELECT sum(greatest(l.reltuples, 0)) FROM pg_partition_tree(t.oid) p JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf)
      WHEN t.relkind IN ('r','m') AND t.reltuples >= 0 THEN t.reltuples END::bigint,
    ${withSizes ? `CASE WHEN t.relkind = 'p' THEN (SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(t.oid) p) WHEN t.relkind IN ('r','m') THEN pg_total_relation_size(t.oid) END` : 'NULL'},
    obj_description(t.oid, 'pg_class'),
    CASE WHEN t.relkind = 'p' THEN (SELECT count(*) FROM pg_partition_tree(t.oid) p WHERE p.isleaf) END
  FROM t ORDER BY 2, 3`

const hypertablesQuery = (withSizes: boolean): string => `
  SELECT c.oid, count(i.inhrelid), sum(greatest(l.reltuples, 0))::bigint, ${withSizes ? 'sum(pg_total_relation_size(i.inhrelid))' : 'NULL'}
  FROM timescaledb_information.hypertables h JOIN pg_namespace n ON n.nspname = h.hypertable_schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = h.hypertable_name
  LEFT JOIN pg_inherits i ON i.inhparent = c.oid LEFT JOIN pg_class l ON l.oid = i.inhrelid
  WHERE c.oid = ANY ($1::oid[]) GROUP BY 1`

const schemasQuery = `
  SELECT n.nspname, count(c.oid) FROM pg_namespace n
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition
  WHERE ${userSchema} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200`

const kinds: Readonly<Record<string, string>> = { r: 'table', p: 'partitioned', v: 'view', m: 'matview', f: 'foreign' }
const overheadChars = 1_000

export async function listTables(backend: PostgresBackend, maxResultChars: number, args: ListTablesArguments, context: Context) {
  const { engine, label } = backend
  const { signal } = context
  const database = await engine.resolveDatabase(args.database, signal)
  const [afterSchema = '', afterName = ''] = readCursor(args.cursor)
  const values = [args.schema, toLike(args.pattern ?? '*'), afterSchema, afterName, String(args.limit + 1)]
  const { rows, sized } = await withOrWithoutSizes((sizes) => engine.catalogue(database, tablesQuery(sizes), values, signal))
  const where = `${args.schema === '*' ? 'all schemas' : `schema ${quoteName(args.schema)}`} of database ${quoteName(database)}`
  if (rows.length === 0 && args.cursor === undefined) return nothingHere(backend, database, args, where, context)
  const tables = rows.slice(0, args.limit).map(toTable)
  await markHypertables(backend, database, tables, sized, signal)
  if (args.include_columns) await listColumns(engine, database, tables, signal)

  const lines: string[] = [['table', 'kind', 'est_rows', 'size', 'comment'].join('\t')]
  let chars = (lines[0] ?? '').length
  let shown = 0
  for (const table of tables) {
    const text = describe(table)
    if (shown > 0 && chars + text.length > maxResultChars - overheadChars) break
    lines.push(text.slice(0, maxResultChars - overheadChars))
    chars += text.length + 1
    shown += 1
  }
  const last = tables[shown - 1]
  const more = shown < rows.length && last !== undefined
  return report(context, {
    summary: `${label}${shown} table${shown === 1 ? '' : 's'}${more ? ' (of more)' : ''} in ${where}`,
    untrusted: lines.join('\n'),
    notes: sized ? [] : ['sizes are left out, because another session holds a lock on one of the tables'],
    ...(more ? { next: { ...definedOnly(args), cursor: writeCursor(last.schema, last.name) } } : {}),
    rows: shown,
    structured: { database, tables: tables.slice(0, shown).map(({ oid: _oid, ...table }) => table) },
  })
}

function toTable([oid, schema, name, kind, rows, bytes, comment, partitions]: Row): Table {
  return {
    oid: oid ?? '',
    schema: schema ?? '',
    name: name ?? '',
    kind: kinds[kind ?? ''] ?? 'table',
    est_rows: rows === null || rows === undefined ? null : Number(rows),
    total_bytes: bytes === null || bytes === undefined ? null : Number(bytes),
    comment: comment ?? null,
    ...(partitions === null || partitions === undefined ? {} : { partitions: Number(partitions) }),
  }
}

function describe({ schema, name, kind, est_rows, total_bytes, comment, partitions, columns = [] }: Table): string {
  const line = [
    quoteCell(`${quoteName(schema)}.${quoteName(name)}`),
    partitions === undefined ? kind : `${kind} (${partitions} ${kind === 'hypertable' ? 'chunks' : 'partitions'})`,
    est_rows === null ? '-' : `~${est_rows}`,
    total_bytes === null ? '-' : formatBytes(total_bytes),
    comment === null ? '' : quoteCell(comment.slice(0, 300)),
  ].join('\t')
  return [line, ...columns.map((column) => `  ${describeColumn(column)}`)].join('\n')
}

/** Sizes need a lock, if only the weakest; a table that is being altered must not make the whole list fail. */
async function withOrWithoutSizes(run: (sizes: boolean) => Promise<Row[]>): Promise<{ rows: Row[]; sized: boolean }> {
  try {
    return { rows: await run(true), sized: true }
  } catch (error) {
    if (!(error instanceof ToolError) || !/55P03|57014/.test(error.message)) throw error
    return { rows: await run(false), sized: false }
  }
}

async function markHypertables(
  { engine }: PostgresBackend,
  database: string,
  tables: readonly Table[],
  sized: boolean,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await engine.catalogue(database, "SELECT to_regclass('timescaledb_information.hypertables')", [], signal)
  if (row?.[0] === null || row?.[0] === undefined) return
  const oids = arrayLiteral(tables.map(({ oid }) => oid))
  const found = await engine.catalogue(database, hypertablesQuery(sized), [oids], signal)
  const byOid = new Map(found.map((row) => [row[0] ?? '', row]))
  for (const table of tables) {
    const row = byOid.get(table.oid)
    if (row === undefined) continue
    table.kind = 'hypertable'
    table.partitions = Number(row[1])
    table.est_rows = Number(row[2] ?? 0)
    if (sized) table.total_bytes = (table.total_bytes ?? 0) + Number(row[3] ?? 0)
  }
}

/** An empty answer says what else there is. @throws ToolError NOT_FOUND for a schema that does not exist */
async function nothingHere(
  { engine, label }: PostgresBackend,
  database: string,
  args: ListTablesArguments,
  where: string,
  context: Context,
) {
  const rows = await engine.catalogue(database, schemasQuery, [], context.signal)
  const schemas = rows.map(([name, count]) => ({ name: name ?? '', tables: Number(count) }))
  const names = schemas.map(({ name }) => name)
  const known = args.schema === '*' || args.schema.startsWith('pg_') || args.schema === 'information_schema'
  if (!known && !names.includes(args.schema)) {
    const near = nearest(args.schema, names, 5)
    throw new ToolError(
      'NOT_FOUND',
      `schema "${args.schema.slice(0, 80)}" does not exist in database ${quoteName(database)}. Schemas: ${(near.length > 0 ? near : names.slice(0, 20)).map(quoteName).join(', ')}`,
      { hint: JSON.stringify({ schema: near[0] ?? names[0] ?? '*' }) },
    )
  }
  const pattern = args.pattern === undefined ? '' : ` that match ${JSON.stringify(args.pattern)}`
  return report(context, {
    summary: `${label}no tables${pattern} in ${where}. Its schemas and their tables:`,
    untrusted: [['schema', 'tables'].join('\t'), ...schemas.map(({ name, tables }) => `${quoteCell(name)}\t${tables}`)].join(
      '\n',
    ),
    rows: 0,
    structured: { database, tables: [], schemas },
  })
}

/** A glob of * and ? as a LIKE pattern. */
export function toLike(glob: string): string {
  return glob
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_')
}

function definedOnly(args: ListTablesArguments): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined))
}
