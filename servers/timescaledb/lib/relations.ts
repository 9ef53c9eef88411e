// From the name a caller gives to what stands in the catalogue. Every identifier that goes into DDL comes from here, re-quoted, never
// from the caller's text.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Row, SqlEngine } from '../../kit/sql/engine.ts'
import { nearestTables, quoteName } from '../../kit/sql/hints.ts'

export interface Relation {
  readonly schema: string
  readonly name: string
  /** Quoted and with its schema, as it goes into SQL and into a regclass parameter. */
  readonly sql: string
}

export interface Hypertable extends Relation {
  readonly timeColumn: string
  readonly timeType: string
  /** The time column counts (integers) instead of telling a time. */
  readonly integerTime: boolean
  readonly compression: boolean
}

const tableQuery = `
  SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p','v','m','f') AND c.relname = $2 AND CASE WHEN $1 = '' THEN n.nspname !~ '^(pg_|_timescaledb|information_schema$)' ELSE n.nspname = $1 END
  ORDER BY (n.nspname = 'public') DESC, n.nspname`

const tableNamesQuery = `
  SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p') AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)' AND NOT c.relispartition LIMIT 3000`

const hypertableQuery = `
  SELECT h.hypertable_schema, h.hypertable_name, d.column_name, d.column_type::text, d.time_interval IS NULL, h.compression_enabled
  FROM timescaledb_information.hypertables h JOIN timescaledb_information.dimensions d
    ON d.hypertable_schema = h.hypertable_schema AND d.hypertable_name = h.hypertable_name AND d.dimension_number = 1
  WHERE h.hypertable_schema = $1 AND h.hypertable_name = $2`

const hypertableNamesQuery =
  'SELECT hypertable_schema, hypertable_name FROM timescaledb_information.hypertables ORDER BY 1, 2 LIMIT 3000'

const columnsQuery = `
  SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

/** An identifier that has never existed: a new view. */
const plainName = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/

/** `schema.name`, `"Schema"."Name"`, `name`: parts as PostgreSQL reads them. @throws ToolError INVALID_ARGUMENT */
export function splitName(text: string): { schema: string; name: string } {
  const parts: string[] = []
  let rest = text.trim()
  while (rest !== '') {
    const match = /^(?:"((?:[^"]|"")+)"|([^".]+))(?:\.(?=.)|$)/.exec(rest)
    if (match === null) throw badName(text)
    const [whole, quoted, plain] = match
    parts.push(quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'))
    rest = rest.slice(whole.length)
  }
  const [first = '', second] = parts
  if (parts.length === 0 || parts.length > 2 || text.includes('\0')) throw badName(text)
  return second === undefined ? { schema: '', name: first } : { schema: first, name: second }
}

/** The name of something that is to be made. @throws ToolError INVALID_ARGUMENT for what would need quotes beyond the ordinary */
export function newName(text: string): Relation {
  const { schema, name } = splitName(text)
  const folded = { schema: (schema === '' ? 'public' : schema).toLowerCase(), name: name.toLowerCase() }
  if (!plainName.test(folded.name) || !plainName.test(folded.schema)) throw badName(text)
  return relation(folded.schema, folded.name)
}

/** @throws ToolError NOT_FOUND with the nearest tables */
export async function resolveTable(engine: SqlEngine, text: string, signal: AbortSignal): Promise<Relation & { kind: string }> {
  const database = await engine.resolveDatabase(undefined, signal)
  const { schema, name } = splitName(text)
  for (const [s, n] of spellings(schema, name)) {
    const [row] = await engine.catalogue(database, tableQuery, [s, n], signal)
    if (row !== undefined) return { ...relation(row[0] ?? '', row[1] ?? ''), kind: row[2] ?? '' }
  }
  const rows = await engine.catalogue(database, tableNamesQuery, [], signal)
  throw notFound('table', text, nearestTables(name, rows))
}

/** @throws ToolError NOT_FOUND with the nearest hypertables, or saying that the table is none */
export async function resolveHypertable(engine: SqlEngine, text: string, signal: AbortSignal): Promise<Hypertable> {
  const database = await engine.resolveDatabase(undefined, signal)
  const names = await engine.catalogue(database, hypertableNamesQuery, [], signal)
  const { schema, name } = splitName(text)
  for (const [s, n] of spellings(schema, name)) {
    const fits = names.filter(([hs, hn]) => hn === n && (s === '' || hs === s))
    const chosen = fits.find(([hs]) => hs === 'public') ?? fits[0]
    if (chosen === undefined) continue
    const [row] = await engine.catalogue(database, hypertableQuery, [chosen[0] ?? '', chosen[1] ?? ''], signal)
    if (row !== undefined) return toHypertable(row)
  }
  const near = nearestTables(name, names)
  const listed = near.length > 0 ? near : names.slice(0, 5).map(([s, n]) => relation(s ?? '', n ?? '').sql)
  const isTable = await resolveTable(engine, text, signal).catch(() => undefined)
  if (isTable !== undefined) {
    throw new ToolError(
      'NOT_FOUND',
      `${isTable.sql} exists but is not a hypertable${listed.length > 0 ? `. Hypertables: ${listed.join(', ')}` : ''}`,
      {
        hint: `tsdb_create_hypertable with ${JSON.stringify({ table_name: isTable.sql })}`,
      },
    )
  }
  throw notFound('hypertable', text, listed)
}

/** The columns of a relation. */
export async function columnsOf(
  engine: SqlEngine,
  { sql }: Relation,
  signal: AbortSignal,
): Promise<{ name: string; type: string }[]> {
  const database = await engine.resolveDatabase(undefined, signal)
  const rows = await engine.catalogue(database, columnsQuery, [sql], signal)
  return rows.map(([name, type]) => ({ name: name ?? '', type: type ?? '' }))
}

/** The column as it stands in the catalogue. @throws ToolError NOT_FOUND with the nearest columns */
export function findColumn(
  columns: readonly { name: string; type: string }[],
  text: string,
  table: Relation,
): { name: string; type: string } {
  const wanted = /^"(.*)"$/s.exec(text.trim())?.[1]?.replaceAll('""', '"') ?? text.trim()
  const found = columns.find(({ name }) => name === wanted) ?? columns.find(({ name }) => name === wanted.toLowerCase())
  if (found !== undefined) return found
  const names = columns.map(({ name }) => name)
  const near = nearest(wanted, names, 5)
  throw new ToolError(
    'NOT_FOUND',
    `column ${JSON.stringify(wanted.slice(0, 80))} does not exist in ${table.sql}. ${near.length > 0 ? 'Similar' : 'Columns'}: ${(near.length > 0 ? near : names.slice(0, 30)).map(quoteName).join(', ')}`,
    { hint: `use ${quoteName(near[0] ?? names[0] ?? 'another column')}` },
  )
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** As it was written, then folded to lower case as PostgreSQL would have. */
function spellings(schema: string, name: string): [string, string][] {
  const folded: [string, string] = [schema.toLowerCase(), name.toLowerCase()]
  return folded[0] === schema && folded[1] === name ? [folded] : [[schema, name], folded]
}

function relation(schema: string, name: string): Relation {
  return { schema, name, sql: `${quoteName(schema)}.${quoteName(name)}` }
}

function toHypertable([schema, name, column, type, integer, compression]: Row): Hypertable {
  return {
    ...relation(schema ?? '', name ?? ''),
    timeColumn: column ?? '',
    timeType: type ?? '',
    integerTime: integer === 't',
    compression: compression === 't',
  }
}

function badName(text: string): ToolError {
  return new ToolError('INVALID_ARGUMENT', `${JSON.stringify(text.slice(0, 80))} is not a name of the form name or schema.name`)
}

function notFound(kind: string, text: string, near: readonly string[]): ToolError {
  return new ToolError(
    'NOT_FOUND',
    `${kind} ${JSON.stringify(text.slice(0, 80))} does not exist${near.length > 0 ? `. Similar: ${near.join(', ')}` : ''}`,
    { hint: near[0] === undefined ? 'tsdb_show_hypertables lists what there is' : `use ${near[0]}` },
  )
}
