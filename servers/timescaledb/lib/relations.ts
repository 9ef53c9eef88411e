// Resolves the names that a caller gives as PostgreSQL does, by to_regclass under the role's search path. Every identifier that goes into DDL
// comes from here, quoted anew from the catalogue, never from the caller's text.
import { ToolError } from '../../../protocol/index.ts'
import { nearestOf, nearestTables } from '../../kit/sql/hints.ts'
import { foldCase, type Named, qualified, quoteAlways, quoteLiteral, quoteName } from '../../kit/sql/identifiers.ts'
import type { Ask } from '../../kit/sql/read-only.ts'
import type { Column } from '../../kit/sql/table.ts'
import { visibleJson } from '../../kit/text.ts'
import type { Features, Hypertable, Relation, Table } from '../types.ts'

/** `c` and `n` of the catalogue, `h` and its first dimension `d` where it is a hypertable, `a` where it is a continuous aggregate. */
export const fromRelations = `
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN timescaledb_information.hypertables h ON h.hypertable_schema = n.nspname AND h.hypertable_name = c.relname
  LEFT JOIN timescaledb_information.dimensions d ON d.hypertable_schema = n.nspname AND d.hypertable_name = c.relname AND d.dimension_number = 1
  LEFT JOIN timescaledb_information.continuous_aggregates a ON a.view_schema = n.nspname AND a.view_name = c.relname`

/** What callers can read. Chunks, partitions and what belongs to extensions are left out. */
export const ofUsers = `
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
    AND (h.hypertable_name IS NOT NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'))`

/** Size of `c`. Approximate for hypertables: the exact one opens every chunk. */
export function sizeOf({ fn }: Features): string {
  return `CASE WHEN h.hypertable_name IS NOT NULL THEN ${fn('hypertable_approximate_size')}(c.oid::regclass)
      WHEN c.relkind = 'p' THEN (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t)
      WHEN c.relkind IN ('r', 'm') THEN pg_total_relation_size(c.oid) END`
}

const relationQuery = `
  SELECT n.nspname AS schema, c.relname AS name, CASE c.relkind WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table' WHEN 'v' THEN 'a view'
      WHEN 'm' THEN 'a materialized view' ELSE 'a foreign table' END AS kind,
    CASE WHEN a.view_name IS NOT NULL THEN pg_catalog.format('%I.%I', a.hypertable_schema, a.hypertable_name) END AS source, d.column_name AS "timeColumn", d.column_type AS "timeType", d.time_interval IS NULL AS "integerTime",
    d.integer_now_func AS "integerNow", h.compression_enabled AS compression, coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', l.attname, 'type', pg_catalog.format_type(l.atttypid, l.atttypmod)) ORDER BY l.attnum)
      FROM pg_catalog.pg_attribute l WHERE l.attrelid = c.oid AND l.attnum > 0 AND NOT l.attisdropped), '[]') AS columns
  ${fromRelations} WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`

const tableNamesQuery = `
  SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p') AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)' AND NOT c.relispartition LIMIT 3000`

const hypertableNamesQuery =
  'SELECT hypertable_schema AS schema, hypertable_name AS name FROM timescaledb_information.hypertables ORDER BY 1, 2 LIMIT 3000'

/** An identifier that needs no quotes: a new view's. */
const plainName = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/

/** `schema.name`, `"Schema"."Name"` or `name`: each part with and without quotes. */
const nameForm = /^(?:(?:"((?:[^"]|"")+)"|([^".]+))\.)?(?:"((?:[^"]|"")+)"|([^".]+))$/

/** @throws ToolError INVALID_ARGUMENT */
function splitName(text: string): { name: string; quoted: boolean }[] {
  const found = nameForm.exec(text.trim())
  if (found === null || text.includes('\0')) throw badName(text)
  const parts = [found.slice(1, 3), found.slice(3)].filter(([quoted, plain]) => quoted !== undefined || plain !== undefined)
  return parts.map(([quoted, plain = '']) =>
    quoted === undefined ? { name: plain.trim(), quoted: false } : { name: quoted.replaceAll('""', '"'), quoted: true },
  )
}

/** The relation that the name means in SQL; where SQL finds none, the one whose name is spelled exactly so. */
async function findRelation(ask: Ask, text: string): Promise<Table | undefined> {
  const parts = splitName(text)
  const folded = parts.map(({ name, quoted }) => quoteAlways(quoted ? name : foldCase(name))).join('.')
  const exact = parts.map(({ name }) => quoteAlways(name)).join('.')
  for (const spelling of new Set([folded, exact])) {
    const [row] = await ask<Table>(relationQuery, [spelling])
    if (row !== undefined) return { ...row, sql: qualified(row) }
  }
  return undefined
}

/** The name of something that is to be created. @throws ToolError INVALID_ARGUMENT for what needs quotes */
export async function newName(ask: Ask, text: string): Promise<Relation> {
  const [name = '', given] = splitName(text)
    .map((part) => foldCase(part.name))
    .reverse()
  if (![name, given ?? 'x'].every((part) => plainName.test(part))) throw badName(text)
  const schema = given ?? (await ask<{ schema: string | null }>('SELECT pg_catalog.current_schema() AS schema'))[0]?.schema
  if (!schema) {
    throw new ToolError('INVALID_ARGUMENT', `no schema of the search path exists for ${visibleJson(text)}`, {
      hint: 'write schema.name',
    })
  }
  return { schema, name, sql: qualified({ schema, name }) }
}

/** @throws ToolError NOT_FOUND with the nearest tables */
export async function resolveTable(ask: Ask, text: string): Promise<Table> {
  return (await findRelation(ask, text)) ?? notTable('table', text, await ask<Named>(tableNamesQuery))
}

/** @throws ToolError NOT_FOUND with the nearest hypertables, or with what the relation is instead */
export async function resolveHypertable(ask: Ask, text: string): Promise<Hypertable> {
  const found = await findRelation(ask, text)
  if (found !== undefined && found.timeColumn !== null) return { ...found, timeColumn: found.timeColumn }
  if (found?.source) {
    const { sql, source } = found
    const own = `SELECT show_chunks(${quoteLiteral(sql)}) with tsdb_query lists its own chunks`
    throw new ToolError('NOT_FOUND', `${sql} is a continuous aggregate on ${source}, not a hypertable; ${own}`, {
      retry: { hypertable: source },
    })
  }
  const names = await ask<Named>(hypertableNamesQuery)
  if (found === undefined) return notTable('hypertable', text, names)
  const time = found.columns.find(({ type }) => /^(?:timestamp|date)/.test(type))
  const made = { table_name: found.sql, time_column: time?.name, migrate_data: true, dry_run: true }
  const listed = names.slice(0, 5).map(qualified).join(', ')
  throw new ToolError(
    'NOT_FOUND',
    `${found.sql} is ${found.kind}, not a hypertable${names.length > 0 ? `. Hypertables: ${listed}${names.length > 5 ? ', …' : ''}` : ''}`,
    { hint: time && found.kind === 'a table' ? `tsdb_create_hypertable ${visibleJson(made)}` : undefined },
  )
}

/**
 * The column as it stands in the catalogue.
 * @param fix the argument with the name of another column
 * @throws ToolError NOT_FOUND with the nearest columns
 */
export function findColumn({ columns, sql }: Table, text: string, fix: (name: string) => Record<string, unknown>): Column {
  const wanted = /^"(.*)"$/s.exec(text.trim())?.[1]?.replaceAll('""', '"') ?? text.trim()
  const found = columns.find(({ name }) => name === wanted) ?? columns.find(({ name }) => name === foldCase(wanted))
  if (found !== undefined) return found
  const names = columns.map(({ name }) => name)
  const { near, shown } = nearestOf(wanted, names, 30)
  throw new ToolError(
    'NOT_FOUND',
    `column ${visibleJson(wanted.slice(0, 80))} does not exist in ${sql}. ${near === undefined ? 'Columns' : 'Similar'}: ${shown}`,
    { retry: near === undefined ? undefined : fix(near) },
  )
}

/**
 * An argument in the units of a time column: a number where it is an integer.
 * @param otherwise what it must be for the others
 * @throws ToolError INVALID_ARGUMENT
 */
export function inTimeUnits(argument: string, text: string, integer: boolean, column: string, otherwise = 'an interval'): string {
  const value = text.trim()
  if (/^-?\d+$/.test(value) === integer) return value
  throw new ToolError(
    'INVALID_ARGUMENT',
    integer
      ? `the time column ${quoteName(column)} is an integer, so ${argument} must be a number of its units`
      : `${argument} must be ${otherwise}`,
    { retry: { [argument]: integer ? '100000' : '7 days' } },
  )
}

function badName(text: string): ToolError {
  return new ToolError('INVALID_ARGUMENT', `${visibleJson(text.slice(0, 80))} is not a name of the form name or schema.name`, {
    hint: 'tsdb_show_hypertables {}',
  })
}

/** @throws ToolError NOT_FOUND with the nearest of the names */
function notTable(kind: string, text: string, names: readonly Named[]): never {
  const near = nearestTables(splitName(text).at(-1)?.name ?? '', names)
  const missing = `${kind} ${visibleJson(text.slice(0, 80))} does not exist`
  if (near.length === 0) throw new ToolError('NOT_FOUND', missing, { hint: 'tsdb_show_hypertables {}' })
  const retry = { [kind === 'table' ? 'table_name' : 'hypertable']: near[0] }
  throw new ToolError('NOT_FOUND', `${missing}. Similar: ${near.join(', ')}`, { retry })
}
