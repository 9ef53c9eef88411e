// Resolves the names that a caller gives as PostgreSQL does, by to_regclass under the role's search path. Every identifier that goes into DDL
// comes from here, quoted anew from the catalogue, never from the caller's text.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { nearestTables } from '../../kit/sql/hints.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { visibleJson } from '../../kit/text.ts'
import type { Ask, Column, Features, Hypertable, Relation } from '../types.ts'

/** FROM and WHERE of a query on what callers can read: `c` and `n` of the catalogue, `h` where it is a hypertable. Chunks, partitions and what belongs
 * to extensions are left out. */
export const userRelations = `
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN timescaledb_information.hypertables h ON h.hypertable_schema = n.nspname AND h.hypertable_name = c.relname
  LEFT JOIN timescaledb_information.dimensions d ON d.hypertable_schema = n.nspname AND d.hypertable_name = c.relname AND d.dimension_number = 1
  LEFT JOIN timescaledb_information.continuous_aggregates a ON a.view_schema = n.nspname AND a.view_name = c.relname
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
    AND (h.hypertable_name IS NOT NULL OR NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'))`

/** Size of `c`. Approximate for hypertables where that function exists (2.14): the exact one opens every chunk. */
export function sizeOf(features: Features): string {
  const size = features.fn(features.has('hypertable_approximate_size') ? 'hypertable_approximate_size' : 'hypertable_size')
  return `CASE WHEN h.hypertable_name IS NOT NULL THEN ${size}(c.oid::regclass)
      WHEN c.relkind = 'p' THEN (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t)
      WHEN c.relkind IN ('r', 'm') THEN pg_total_relation_size(c.oid) END`
}

const relationQuery = `
  SELECT n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r','p','v','m','f')`

const tableNamesQuery = `
  SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p') AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)' AND NOT c.relispartition LIMIT 3000`

const hypertableQuery = `
  SELECT d.column_name, d.column_type::pg_catalog.text, d.time_interval IS NULL, d.integer_now_func, h.compression_enabled
  FROM timescaledb_information.hypertables h JOIN timescaledb_information.dimensions d
    ON d.hypertable_schema = h.hypertable_schema AND d.hypertable_name = h.hypertable_name AND d.dimension_number = 1
  WHERE h.hypertable_schema = $1 AND h.hypertable_name = $2`

const aggregateQuery = `
  SELECT pg_catalog.format('%I.%I', hypertable_schema, hypertable_name) FROM timescaledb_information.continuous_aggregates
  WHERE view_schema = $1 AND view_name = $2`

const hypertableNamesQuery =
  'SELECT hypertable_schema, hypertable_name FROM timescaledb_information.hypertables ORDER BY 1, 2 LIMIT 3000'

const columnsQuery = `
  SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const currentSchemaQuery = 'SELECT pg_catalog.current_schema()'

const kinds: Readonly<Record<string, string>> = {
  r: 'a table',
  p: 'a partitioned table',
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
}

/** An identifier that needs no quotes: a new view's. */
const plainName = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/

/** Parts of `schema.name`, `"Schema"."Name"` or `name`; `text` unless it was quoted. @throws ToolError INVALID_ARGUMENT */
function splitName(text: string): { name: string; quoted: boolean }[] {
  const parts: { name: string; quoted: boolean }[] = []
  let rest = text.trim()
  while (rest !== '') {
    const match = /^(?:"((?:[^"]|"")+)"|([^".]+))(?:\.(?=.)|$)/.exec(rest)
    if (match === null) throw badName(text)
    const [whole, quoted, plain = ''] = match
    parts.push(
      quoted === undefined ? { name: plain.trim(), quoted: false } : { name: quoted.replaceAll('""', '"'), quoted: true },
    )
    rest = rest.slice(whole.length)
  }
  if (parts.length === 0 || parts.length > 2 || text.includes('\0')) throw badName(text)
  return parts
}

/** The relation that the name means in SQL; where SQL finds none, the one whose name is spelled exactly so. */
async function findRelation(ask: Ask, text: string): Promise<(Relation & { kind: string }) | undefined> {
  const parts = splitName(text)
  const folded = parts.map(({ name, quoted }) => quoteAlways(quoted ? name : foldCase(name))).join('.')
  const exact = parts.map(({ name }) => quoteAlways(name)).join('.')
  for (const spelling of new Set([folded, exact])) {
    const [row] = await ask(relationQuery, [spelling])
    if (row !== undefined) return { ...relation(row[0] ?? '', row[1] ?? ''), kind: row[2] ?? '' }
  }
  return undefined
}

/** The name of something that is to be created. @throws ToolError INVALID_ARGUMENT for what needs quotes */
export async function newName(ask: Ask, text: string): Promise<Relation> {
  const parts = splitName(text).map(({ name }) => foldCase(name))
  if (!parts.every((part) => plainName.test(part))) throw badName(text)
  const schema = parts.length === 2 ? parts[0] : (await ask(currentSchemaQuery))[0]?.[0]
  if (schema === null || schema === undefined) {
    throw new ToolError('INVALID_ARGUMENT', `no schema of the search path exists for ${visibleJson(text)}`, {
      hint: 'write schema.name',
    })
  }
  return relation(schema, parts.at(-1) ?? '')
}

/** @throws ToolError NOT_FOUND with the nearest tables */
export async function resolveTable(ask: Ask, text: string): Promise<Relation & { kind: string }> {
  const found = await findRelation(ask, text)
  if (found !== undefined) return found
  throw notFound(
    'table',
    text,
    nearestTables(lastPart(text), await ask(tableNamesQuery)),
    'tsdb_show_hypertables lists the tables',
  )
}

/** @throws ToolError NOT_FOUND with the nearest hypertables, or with what the relation is instead */
export async function resolveHypertable(ask: Ask, text: string): Promise<Hypertable> {
  const found = await findRelation(ask, text)
  if (found !== undefined) {
    const names = [found.schema, found.name]
    const [row] = await ask(hypertableQuery, names)
    if (row !== undefined) return toHypertable(found, row)
    const [[source] = [null]] = await ask(aggregateQuery, names)
    if (source !== null && source !== undefined) {
      throw new ToolError('NOT_FOUND', `${found.sql} is a continuous aggregate on ${source}, not a hypertable`, {
        hint: `${visibleJson({ hypertable: source })} for the data under it; its own chunks: tsdb_query ${visibleJson({ query: `SELECT show_chunks(${quoteLiteral(found.sql)})` })}`,
      })
    }
  }
  const names = await ask(hypertableNamesQuery)
  const near = nearestTables(lastPart(text), names)
  if (found === undefined) throw notFound('hypertable', text, near, 'tsdb_show_hypertables lists the hypertables and tables')
  const time = (await columnsOf(ask, found)).find(({ type }) => /^(?:timestamp|date)/.test(type))
  const listed = names.slice(0, 5).map(([schema, name]) => relation(schema ?? '', name ?? '').sql)
  throw new ToolError(
    'NOT_FOUND',
    `${found.sql} is ${kinds[found.kind]}, not a hypertable${listed.length > 0 ? `. Hypertables: ${listed.join(', ')}${names.length > 5 ? ', …' : ''}` : ''}`,
    time === undefined || found.kind !== 'r'
      ? {}
      : { hint: `tsdb_create_hypertable ${visibleJson({ table_name: found.sql, time_column: time.name, migrate_data: true })}` },
  )
}

/** The columns of a relation. */
export async function columnsOf(ask: Ask, { sql }: Relation): Promise<Column[]> {
  return (await ask(columnsQuery, [sql])).map(([name, type]) => ({ name: name ?? '', type: type ?? '' }))
}

/** The column as it stands in the catalogue. @throws ToolError NOT_FOUND with the nearest columns */
export function findColumn(columns: readonly Column[], text: string, table: Relation): Column {
  const wanted = /^"(.*)"$/s.exec(text.trim())?.[1]?.replaceAll('""', '"') ?? text.trim()
  const found = columns.find(({ name }) => name === wanted) ?? columns.find(({ name }) => name === foldCase(wanted))
  if (found !== undefined) return found
  const names = columns.map(({ name }) => name)
  const near = nearest(wanted, names, 5)
  throw new ToolError(
    'NOT_FOUND',
    `column ${visibleJson(wanted.slice(0, 80))} does not exist in ${table.sql}. ${near.length > 0 ? 'Similar' : 'Columns'}: ${(near.length > 0 ? near : names.slice(0, 30)).map(quoteName).join(', ')}`,
    { hint: `use ${quoteName(near[0] ?? names[0] ?? 'another column')}` },
  )
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** As PostgreSQL folds what is not quoted. */
function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function quoteAlways(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function lastPart(text: string): string {
  return splitName(text).at(-1)?.name ?? ''
}

function relation(schema: string, name: string): Relation {
  return { schema, name, sql: `${quoteName(schema)}.${quoteName(name)}` }
}

function toHypertable(relation: Relation, [column, type, integer, now, compression]: Row): Hypertable {
  return {
    schema: relation.schema,
    name: relation.name,
    sql: relation.sql,
    timeColumn: column ?? '',
    timeType: type ?? '',
    integerTime: integer === 't',
    integerNow: now ?? undefined,
    compression: compression === 't',
  }
}

function badName(text: string): ToolError {
  return new ToolError('INVALID_ARGUMENT', `${visibleJson(text.slice(0, 80))} is not a name of the form name or schema.name`)
}

function notFound(kind: string, text: string, near: readonly string[], otherwise: string): ToolError {
  return new ToolError(
    'NOT_FOUND',
    `${kind} ${visibleJson(text.slice(0, 80))} does not exist${near.length > 0 ? `. Similar: ${near.join(', ')}` : ''}`,
    { hint: near[0] === undefined ? otherwise : `use ${near[0]}` },
  )
}
