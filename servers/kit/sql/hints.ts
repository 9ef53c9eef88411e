// Candidates for a name that does not exist: looked up in the catalogue after a statement has failed.
import { nearest, ToolError, type ToolErrorOptions } from '../../../protocol/index.ts'
import { describeError, type ServerError, serverHint } from './errors.ts'
import { arrayLiteral, type Named, qualified, quoteName } from './identifiers.ts'
import { isMark, lex, type Token } from './lexer.ts'
import type { Ask } from './read-only.ts'

const maxShown = 5
const maxTables = 20
const maxColumns = 40
const maxWords = 300
/** Longest statement that is repeated in a hint. */
const maxRepaired = 500

const tablesQuery = `
  SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
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
  SELECT r.nspname AS schema, r.relname AS name, pg_catalog.array_agg(a.attname ORDER BY a.attnum) AS columns FROM (${relationsQuery}) r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY 1, 2, r.oid ORDER BY 1, 2 LIMIT 20`

const functionsQuery = `
  SELECT DISTINCT p.proname AS name FROM pg_catalog.pg_proc p
  WHERE pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND p.proname !~ '^(_|pg_)' ORDER BY 1 LIMIT 5000`

const schemasQuery = `
  SELECT nspname AS name FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^(pg_toast|pg_temp|_timescaledb)' AND pg_catalog.has_schema_privilege(oid, 'USAGE') ORDER BY 1 LIMIT 1000`

/** What is there instead of a missing name, and what to try: in words, or the argument to change. */
interface Candidates extends Pick<ToolErrorOptions, 'hint' | 'retry'> {
  readonly found: string
}

/**
 * The error with candidates, for those SQLSTATEs that name something that does not exist; undefined for all others.
 * @param listTables the call that lists all tables, for the hint
 */
export async function explainMissing(error: ServerError, query: string, lookup: Ask, listTables: string) {
  const search: Record<string, () => Promise<Candidates | undefined>> = {
    '42P01': () => tables(error, query, lookup, listTables),
    '42703': () => columns(error, query, lookup),
    '42883': () => functions(error, query, lookup),
    '3F000': () => schemas(error, lookup),
  }
  const candidates = await search[error.code]?.()
  if (candidates === undefined) return undefined
  const { found, ...tried } = candidates
  return new ToolError('NOT_FOUND', `${describeError(error, query)}.${found}`, { ...tried, cause: error, detail: error.code })
}

async function tables(error: ServerError, query: string, lookup: Ask, listTables: string): Promise<Candidates> {
  const missing = nameAt(error, query)
  const all = await lookup<Named>(tablesQuery)
  const near = nearestTables(missing.name, all)
  const tried = remedy(error, query, missing.whole, near[0], listTables)
  if (near.length > 0) return { found: ` Similar: ${near.join(', ')}`, ...tried }
  if (all.length === 0) return { found: ' There are no tables that this role may see', ...tried }
  return { found: ` Tables: ${firstOf(all.map(qualified), maxTables)}`, ...tried }
}

/** The candidates nearest to a name, by their bare name, because a wrong schema is the commonest mistake of all: the very same name comes first. */
export function nearestTables(wanted: string, candidates: readonly Named[]): string[] {
  const names = new Set(candidates.map(({ name }) => name))
  return [...new Set([...(names.has(wanted) ? [wanted] : []), ...nearest(wanted, names, maxShown)])]
    .flatMap((near) => candidates.filter(({ name }) => name === near).map(qualified))
    .slice(0, maxShown)
}

/** The nearest name, and as SQL all that are near, or else the first `max`. */
export function nearestOf(wanted: string, names: readonly string[], max: number): { near: string | undefined; shown: string } {
  const near = nearest(wanted, names, maxShown)
  return { near: near[0], shown: (near.length > 0 ? near : names.slice(0, max)).map(quoteName).join(', ') }
}

async function columns(error: ServerError, query: string, lookup: Ask): Promise<Candidates> {
  const missing = nameAt(error, query)
  const found = await lookup<Named & { columns: string[] }>(columnsQuery, namedRelations(lex(query).tokens))
  const shown = found.slice(0, 3).map((table) => `${qualified(table)}(${firstOf(table.columns.map(quoteName), maxColumns)})`)
  const [near] = nearest(missing.name, new Set(found.flatMap((table) => table.columns)), 1)
  return {
    found: shown.length > 0 ? ` Columns: ${shown.join('; ')}` : '',
    ...remedy(error, query, missing.last, near === undefined ? near : quoteName(near), 'use a column that exists'),
  }
}

async function functions(error: ServerError, query: string, lookup: Ask): Promise<Candidates | undefined> {
  const { name, last } = nameAt(error, query)
  if (last === undefined || name === '') return undefined // an operator: PostgreSQL's own hint says what can be said
  const names = (await lookup<{ name: string }>(functionsQuery)).map((each) => each.name)
  const exists = names.includes(name)
  const near = exists ? [] : nearest(name, names, maxShown)
  const found = exists ? ` ${name} exists with other argument types` : near.length > 0 ? ` Similar: ${near.join(', ')}` : ''
  return { found, ...remedy(error, query, last, near.map(quoteName)[0], 'cast the arguments') }
}

async function schemas(error: ServerError, lookup: Ask): Promise<Candidates> {
  const names = (await lookup<{ name: string }>(schemasQuery)).map(({ name }) => name)
  const { shown } = nearestOf(quotedName(error.message), names, 10)
  return { found: ` Schemas: ${shown}`, hint: 'use one of these schemas' }
}

type Place = Pick<Token, 'at' | 'end'>

interface Missing {
  /** The last part of the name, as PostgreSQL reads it. */
  readonly name: string
  /** Where the name stands in the statement; undefined when the error has no position, or none at a name. */
  readonly whole?: Place
  /** Where its last part stands. */
  readonly last?: Place
}

/** The name at the error's position: message texts may be translated, and cannot tell `"a.b"` from `a.b`. */
function nameAt({ position, message }: ServerError, query: string): Missing {
  const { tokens } = lex(query)
  const at = [...query].slice(0, Number(position) - 1).join('').length
  let i = position === undefined ? -1 : tokens.findIndex((token) => token.at === at)
  const first = tokens[i]
  if (first?.kind !== 'word') return { name: quotedName(message).split('.').at(-1) ?? '' }
  let last = first
  while (isMark(tokens[i + 1], '.') && tokens[i + 2]?.kind === 'word') {
    i += 2
    last = tokens[i] as typeof first
  }
  return { name: last.name, whole: { at: first.at, end: last.end }, last }
}

/**
 * The statement in which the missing name is replaced.
 * @param name as SQL
 * @param otherwise where there is no such name
 */
function remedy(error: ServerError, query: string, place: Place | undefined, name: string | undefined, otherwise: string) {
  if (name === undefined) return { hint: serverHint(error) ?? otherwise }
  if (place === undefined || query.length > maxRepaired) return { hint: `use ${name}` }
  return { retry: { query: query.slice(0, place.at) + name + query.slice(place.end) } }
}

/** Words and pairs of words of a statement that may name a relation, as the parameters of `relationsQuery`. */
export function namedRelations(tokens: readonly Token[]): [schemas: string, names: string] {
  const found = new Map<string, [string, string]>()
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'word' || found.size >= maxWords) continue
    const next = tokens[i + 2]
    const pair: [string, string] =
      isMark(tokens[i + 1], '.') && next?.kind === 'word' ? [token.name, next.name] : ['', token.name]
    found.set(JSON.stringify(pair), pair)
  }
  const pairs = [...found.values()]
  return [arrayLiteral(pairs.map(([schema]) => schema)), arrayLiteral(pairs.map(([, name]) => name))]
}

/** `a, b, … 3 more` */
export function firstOf(items: readonly string[], max: number): string {
  return items.slice(0, max).join(', ') + (items.length > max ? `, … ${items.length - max} more` : '')
}

function quotedName(message: string): string {
  return /"([^"]+)"/.exec(message)?.[1] ?? /column ([\w.]+) does not exist/.exec(message)?.[1] ?? ''
}
