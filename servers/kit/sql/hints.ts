// The real names nearest to one that does not exist: looked up in the catalogue after a statement has failed.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { describeError, type ServerError, serverHint } from './errors.ts'
import { lex } from './lexer.ts'

/** Runs one of our own catalogue queries in the same database; undefined when that is not possible either. */
export type Lookup = (text: string, values?: readonly (string | null)[]) => Promise<(string | null)[][] | undefined>

const maxShown = 5

const tablesQuery = `
  SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p','v','m','f') AND n.nspname !~ '^(pg_|information_schema$|_timescaledb)' AND NOT c.relispartition
    AND has_schema_privilege(n.oid, 'USAGE')
  ORDER BY (n.nspname = 'public') DESC, n.nspname, c.relname LIMIT 3000`

const columnsQuery = `
  SELECT n.nspname, c.relname, string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r','p','v','m','f') AND a.attnum > 0 AND NOT a.attisdropped
    AND has_schema_privilege(n.oid, 'USAGE')
  GROUP BY 1, 2 ORDER BY (n.nspname = 'public') DESC, 1, 2 LIMIT 20`

const functionsQuery = `
  SELECT DISTINCT p.proname FROM pg_proc p WHERE has_function_privilege(p.oid, 'EXECUTE') AND p.proname !~ '^(_|pg_)' ORDER BY 1 LIMIT 5000`

const schemasQuery = `
  SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_toast|pg_temp|_timescaledb)' AND has_schema_privilege(oid, 'USAGE') ORDER BY 1 LIMIT 1000`

/** The error with candidates, for those SQLSTATEs that name something that is not there; undefined for all others. */
export async function explainMissing(error: ServerError, query: string, lookup: Lookup): Promise<ToolError | undefined> {
  switch (error.code) {
    case '42P01':
      return missingTable(error, query, lookup)
    case '42703':
      return missingColumn(error, query, lookup)
    case '42883':
      return missingFunction(error, query, lookup)
    case '3F000':
      return missingSchema(error, query, lookup)
    default:
      return undefined
  }
}

async function missingTable(error: ServerError, query: string, lookup: Lookup): Promise<ToolError> {
  const wanted = quotedName(error.message)
  const rows = (await lookup(tablesQuery)) ?? []
  const near = nearestTables(wanted, rows)
  const hint = serverHint(error) ?? (near[0] === undefined ? 'list the tables first' : `use ${near[0]}`)
  return notFound(
    error,
    query,
    near.length > 0 ? ` Similar: ${near.join(', ')}` : rows.length > 0 ? ' Nothing here has a similar name' : '',
    hint,
  )
}

/** @param rows schema and table of each candidate */
export function nearestTables(wanted: string, rows: readonly (string | null)[][]): string[] {
  const bare = wanted.slice(wanted.lastIndexOf('.') + 1)
  const names = new Map<string, string[]>()
  for (const [schema, table] of rows) {
    const full = `${quoteName(schema ?? '')}.${quoteName(table ?? '')}`
    names.set(table ?? '', [...(names.get(table ?? '') ?? []), full])
  }
  // By the bare name, because a wrong schema is the commonest mistake of all: the very same name comes first.
  return [...new Set([...(names.has(bare) ? [bare] : []), ...nearest(bare, names.keys(), maxShown)])]
    .flatMap((name) => names.get(name) ?? [])
    .slice(0, maxShown)
}

async function missingColumn(error: ServerError, query: string, lookup: Lookup): Promise<ToolError> {
  const wanted = quotedName(error.message).split('.').at(-1) ?? ''
  const words = new Set(lex(query).tokens.flatMap((token) => (token.kind === 'word' ? [token.name] : [])))
  const rows = (await lookup(columnsQuery, [arrayLiteral([...words].slice(0, 500))])) ?? []
  const tables = rows.map(([schema, table, columns]) => ({
    name: `${quoteName(schema ?? '')}.${quoteName(table ?? '')}`,
    columns: (columns ?? '').split(','),
  }))
  const near = nearest(wanted, new Set(tables.flatMap(({ columns }) => columns)), maxShown).map(quoteName)
  const listed = tables.slice(0, 3).map(({ name, columns }) => {
    const more = columns.length > 40 ? `, … ${columns.length - 40} more` : ''
    return `${name}(${columns.slice(0, 40).map(quoteName).join(', ')}${more})`
  })
  const hint = near[0] === undefined ? (serverHint(error) ?? 'use a column that exists') : `use ${near[0]}`
  return notFound(error, query, listed.length > 0 ? ` Columns: ${listed.join('; ')}` : '', hint)
}

async function missingFunction(error: ServerError, query: string, lookup: Lookup): Promise<ToolError | undefined> {
  const wanted = /^(?:function|procedure) (?:[\w"]+\.)?"?(\w+)"?\(/.exec(error.message)?.[1]
  if (wanted === undefined) return undefined // an operator: PostgreSQL's own hint says what can be said
  const names = ((await lookup(functionsQuery)) ?? []).map(([name]) => name ?? '')
  const near = names.includes(wanted) ? [] : nearest(wanted, names, maxShown)
  const hint = near[0] === undefined ? (serverHint(error) ?? 'cast the arguments') : `use ${near[0]}(…)`
  const found = names.includes(wanted)
    ? ` ${wanted} exists with other argument types`
    : near.length > 0
      ? ` Similar: ${near.join(', ')}`
      : ''
  return notFound(error, query, found, hint)
}

async function missingSchema(error: ServerError, query: string, lookup: Lookup): Promise<ToolError> {
  const names = ((await lookup(schemasQuery)) ?? []).map(([name]) => name ?? '')
  const near = nearest(quotedName(error.message), names, maxShown)
  const shown = near.length > 0 ? near : names.slice(0, 10)
  return notFound(
    error,
    query,
    shown.length > 0 ? ` Schemas: ${shown.map(quoteName).join(', ')}` : '',
    'use one of these schemas',
  )
}

function notFound(error: ServerError, query: string, found: string, hint: string): ToolError {
  return new ToolError('NOT_FOUND', `${describeError(error, query)}.${found}`, { hint, cause: error })
}

function quotedName(message: string): string {
  return /"([^"]+)"/.exec(message)?.[1] ?? /column ([\w.]+) does not exist/.exec(message)?.[1] ?? ''
}

/** The keywords that cannot be the name of a column, or of a table behind its schema (kwlist.h: reserved, and types or functions). */
const keywords = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
  concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp
  current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having
  ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not
  notnull null offset on only or order outer overlaps placing primary references returning right select session_user similar
  some symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when where window
  with`.split(/\s+/),
)

/** As it has to be written in SQL, as the name of a column or behind a dot. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !keywords.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A text[] parameter. */
export function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
}
