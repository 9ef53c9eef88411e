// Candidates for a name that does not exist: looked up in the catalogue after a statement has failed.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { visibleJson } from '../text.ts'
import { describeError, type ServerError, serverHint } from './errors.ts'
import { arrayLiteral, quoteName } from './identifiers.ts'
import { lex, type Token } from './lexer.ts'

/** Runs one of our own catalogue queries in the same database, with its own search path; undefined when that is not possible either. */
export type Lookup = (text: string, values?: readonly (string | null)[]) => Promise<(string | null)[][] | undefined>

const maxShown = 5
const maxTables = 20
const maxColumns = 40
const maxWords = 300
/** Longest statement that is repeated in a hint. */
const maxRepaired = 500

const tablesQuery = `
  SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p','v','m','f') AND n.nspname !~ '^(pg_|information_schema$|_timescaledb)' AND NOT c.relispartition
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  ORDER BY (n.nspname = 'public') DESC, n.nspname, c.relname LIMIT 3000`

/** Pairs of schema and name, an empty schema for none, as PostgreSQL resolves them. */
export const relationsQuery = `
  SELECT DISTINCT ON (c.oid) c.oid, n.nspname, c.relname FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) w(s, t)
  JOIN pg_catalog.pg_class c ON c.oid = CASE WHEN w.s = '' THEN pg_catalog.to_regclass(pg_catalog.quote_ident(w.t))::pg_catalog.oid ELSE
    (SELECT o.oid FROM pg_catalog.pg_class o JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace
      WHERE m.nspname = w.s AND o.relname = w.t AND pg_catalog.has_schema_privilege(m.oid, 'USAGE')) END
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','f')`

const columnsQuery = `
  SELECT r.nspname, r.relname, pg_catalog.array_to_json(pg_catalog.array_agg(a.attname ORDER BY a.attnum)) FROM (${relationsQuery}) r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY 1, 2, r.oid ORDER BY 1, 2 LIMIT 20`

const functionsQuery = `
  SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p
  WHERE pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND p.proname !~ '^(_|pg_)' ORDER BY 1 LIMIT 5000`

const schemasQuery = `
  SELECT nspname FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^(pg_toast|pg_temp|_timescaledb)' AND pg_catalog.has_schema_privilege(oid, 'USAGE') ORDER BY 1 LIMIT 1000`

/**
 * The error with candidates, for those SQLSTATEs that name something that does not exist; undefined for all others.
 * @param listTables the call that lists all tables, for the hint
 */
export async function explainMissing(
  error: ServerError,
  query: string,
  lookup: Lookup,
  listTables: string,
): Promise<ToolError | undefined> {
  switch (error.code) {
    case '42P01':
      return missingTable(error, query, lookup, listTables)
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

async function missingTable(error: ServerError, query: string, lookup: Lookup, listTables: string): Promise<ToolError> {
  const missing = nameAt(error, query)
  const rows = (await lookup(tablesQuery)) ?? []
  const near = nearestTables(missing.name, rows)
  const all = rows.slice(0, maxTables).map(([schema, table]) => qualified(schema, table))
  const found =
    near.length > 0
      ? ` Similar: ${near.join(', ')}`
      : all.length > 0
        ? ` Tables: ${all.join(', ')}${rows.length > maxTables ? `, … ${rows.length - maxTables} more` : ''}`
        : ' There are no tables that this role may see'
  return notFound(
    error,
    query,
    found,
    serverHint(error) ?? (near[0] === undefined ? listTables : corrected(query, missing, near[0])),
  )
}

/** @param rows schema and table of each candidate */
export function nearestTables(wanted: string, rows: readonly (string | null)[][]): string[] {
  const bare = wanted.slice(wanted.lastIndexOf('.') + 1)
  const names = new Map<string, string[]>()
  for (const [schema, table] of rows) {
    names.set(table ?? '', [...(names.get(table ?? '') ?? []), qualified(schema, table)])
  }
  // By the bare name, because a wrong schema is the commonest mistake of all: the very same name comes first.
  return [...new Set([...(names.has(bare) ? [bare] : []), ...nearest(bare, names.keys(), maxShown)])]
    .flatMap((name) => names.get(name) ?? [])
    .slice(0, maxShown)
}

async function missingColumn(error: ServerError, query: string, lookup: Lookup): Promise<ToolError> {
  const missing = nameAt(error, query)
  const { schemas, names } = namedRelations(lex(query).tokens)
  const rows = (await lookup(columnsQuery, [arrayLiteral(schemas), arrayLiteral(names)])) ?? []
  const tables = rows.map(([schema, table, columns]) => ({
    name: qualified(schema, table),
    columns: JSON.parse(columns ?? '[]') as string[],
  }))
  const near = nearest(missing.name, new Set(tables.flatMap(({ columns }) => columns)), 1)[0]
  const listed = tables.slice(0, 3).map(({ name, columns }) => {
    const more = columns.length > maxColumns ? `, … ${columns.length - maxColumns} more` : ''
    return `${name}(${columns.slice(0, maxColumns).map(quoteName).join(', ')}${more})`
  })
  const hint =
    near === undefined ? (serverHint(error) ?? 'use a column that exists') : corrected(query, lastPart(missing), quoteName(near))
  return notFound(error, query, listed.length > 0 ? ` Columns: ${listed.join('; ')}` : '', hint)
}

async function missingFunction(error: ServerError, query: string, lookup: Lookup): Promise<ToolError | undefined> {
  const missing = nameAt(error, query)
  const wanted = missing.name
  if (missing.end === undefined || wanted === '') return undefined // an operator: PostgreSQL's own hint says what can be said
  const names = ((await lookup(functionsQuery)) ?? []).map(([name]) => name ?? '')
  const near = names.includes(wanted) ? [] : nearest(wanted, names, maxShown)
  const hint =
    near[0] === undefined ? (serverHint(error) ?? 'cast the arguments') : corrected(query, lastPart(missing), quoteName(near[0]))
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
  return new ToolError('NOT_FOUND', `${describeError(error, query)}.${found}`, { hint, cause: error, detail: error.code })
}

interface Missing {
  /** The last part of the name, as PostgreSQL reads it. */
  readonly name: string
  /** Where the name stands in the statement; undefined when the error has no position, or none at a name. */
  readonly start?: number
  readonly end?: number
  /** Where its last part starts. */
  readonly lastStart?: number
}

/** The name at the error's position: message texts may be translated, and cannot tell `"a.b"` from `a.b`. */
function nameAt({ position, message }: ServerError, query: string): Missing {
  if (position === undefined) return { name: quotedName(message).split('.').at(-1) ?? '' }
  const at = [...query].slice(0, Number(position) - 1).join('').length
  const { tokens } = lex(query)
  let i = tokens.findIndex((token) => token.at === at)
  const first = tokens[i]
  if (first?.kind !== 'word') return { name: quotedName(message).split('.').at(-1) ?? '' }
  let last = first
  while (isDot(tokens[i + 1]) && tokens[i + 2]?.kind === 'word') {
    i += 2
    last = tokens[i] as typeof first
  }
  return { name: last.name, start: first.at, end: last.end, lastStart: last.at }
}

/** A call with the statement in which the missing name is replaced. @param name as SQL */
function corrected(query: string, { start, end }: Pick<Missing, 'start' | 'end'>, name: string): string {
  if (start === undefined || end === undefined || query.length > maxRepaired) return `use ${name}`
  return visibleJson({ query: query.slice(0, start) + name + query.slice(end) })
}

function lastPart({ lastStart, end }: Missing): Pick<Missing, 'start' | 'end'> {
  return lastStart === undefined || end === undefined ? {} : { start: lastStart, end }
}

/** Words and pairs of words of a statement that may name a relation. */
export function namedRelations(tokens: readonly Token[]): { schemas: string[]; names: string[] } {
  const found = new Map<string, [string, string]>()
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'word' || found.size >= maxWords) continue
    const next = tokens[i + 2]
    const pair: [string, string] = isDot(tokens[i + 1]) && next?.kind === 'word' ? [token.name, next.name] : ['', token.name]
    found.set(JSON.stringify(pair), pair)
  }
  return { schemas: [...found.values()].map(([schema]) => schema), names: [...found.values()].map(([, name]) => name) }
}

function isDot(token: Token | undefined): boolean {
  return token?.kind === 'mark' && token.mark === '.'
}

function qualified(schema: string | null | undefined, table: string | null | undefined): string {
  return `${quoteName(schema ?? '')}.${quoteName(table ?? '')}`
}

function quotedName(message: string): string {
  return /"([^"]+)"/.exec(message)?.[1] ?? /column ([\w.]+) does not exist/.exec(message)?.[1] ?? ''
}
