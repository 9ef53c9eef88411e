// Which write level a statement of tsdb_execute needs: from its words, and from pg_proc for the functions that it calls. What is not listed
// here is refused at every level; a function that is neither immutable, stable nor listed needs more than `dml`.
import { ToolError } from '../../../protocol/index.ts'
import { arrayLiteral } from '../../kit/sql/identifiers.ts'
import { isMark, type Token } from '../../kit/sql/lexer.ts'
import type { Ask } from '../../kit/sql/read-only.ts'

export interface StatementClass {
  /** First word, in upper case. */
  readonly keyword: string
  readonly level: 'dml' | 'ddl'
  /** Why `level` is needed. */
  readonly why: string
  /** What destroys data or structure beyond what a count of rows tells, if anything does. */
  readonly destructive: string | undefined
  /** PostgreSQL refuses to run it inside a transaction. */
  readonly alone: boolean
}

/** What a statement may call, by name. */
export interface Names {
  /** Words before `(`. */
  readonly calls: ReadonlySet<string>
  /** Words after `.`: `row.f` calls f(row) when the row has no such column. */
  readonly attributes: ReadonlySet<string>
  readonly operators: ReadonlySet<string>
}

/** A volatile function or operator that a statement may call. */
export interface VolatileFunction {
  readonly name: string
  /** Part of PostgreSQL or of an extension; otherwise someone created it in this database. */
  readonly installed: boolean
}

/** Volatile functions of PostgreSQL and of extensions that change nothing but a sequence. */
const harmless = new Set(
  `random random_normal array_shuffle array_sample clock_timestamp timeofday nextval currval lastval gen_random_uuid uuidv4 uuidv7
  gen_salt gen_random_bytes pgp_sym_encrypt pgp_pub_encrypt
  uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size
  current_query hypertable_size hypertable_detailed_size hypertable_index_size hypertable_approximate_size hypertable_approximate_detailed_size
  chunks_detailed_size approximate_row_count show_tablespaces show_policies by_range by_hash time_bucket_gapfill locf interpolate`.split(
    /\s+/,
  ),
)
/** Functions and procedures that change structure or settings but delete no rows, now or later: setval, and those of TimescaleDB. */
const structural = new Set(
  `setval create_hypertable add_dimension set_chunk_time_interval set_partitioning_interval set_number_partitions set_adaptive_chunking
  set_integer_now_func attach_tablespace detach_tablespace detach_tablespaces enable_chunk_skipping disable_chunk_skipping reorder_chunk move_chunk
  compress_chunk decompress_chunk recompress_chunk convert_to_columnstore convert_to_rowstore add_compression_policy add_columnstore_policy
  add_reorder_policy add_continuous_aggregate_policy remove_compression_policy remove_columnstore_policy remove_reorder_policy
  remove_retention_policy remove_continuous_aggregate_policy refresh_continuous_aggregate`.split(/\s+/),
)

// What is admitted, as patterns for the first words: `a|b` is one of these, `?a` is optional, `_` a name, `*` an operator, `$` the end.
const object = 'table|index|view|schema|sequence|type|domain|statistics'
const rows = 'insert|update|delete|merge|select|with|values|table'
const creating = [
  'create ?or ?replace ?global|local ?temp|temporary|unlogged ?unique ?recursive table|index|view|sequence|domain|statistics',
  'create materialized view',
  'create type _ as (|enum',
  'create schema ?if ?not ?exists _ $',
  'analyze|analyse',
  'refresh materialized',
  `comment on ?materialized ${object}|column|constraint`,
  'call _',
]
const destroying = [`drop ?materialized ${object}`, 'truncate']
const committing = ['call ?_. refresh_continuous_aggregate|run_job|cagg_migrate (']
const altering = `alter ?materialized ${object} ?if ?exists ?only _ ?*`
const keepingActions = [
  'add|rename|reset',
  'set schema|(|default|statistics',
  'set|drop not null',
  'drop default|constraint',
  'set without cluster',
  'cluster on',
  'validate constraint',
  'attach partition',
  'alter ?column _ set default|statistics|storage|compression|(|generated',
  'alter ?column _ set|drop not null',
  'alter ?column _ drop default|expression|identity',
  'alter ?column _ reset|add|restart',
]
const destroyingActions = [
  'drop',
  'detach partition',
  'set unlogged',
  'alter ?column _ type',
  'alter ?column _ set data|expression',
  'alter attribute',
]
const sequenceActions = [
  'as|increment|minvalue|maxvalue|no|start|restart|cache|cycle|owned|rename|logged|unlogged',
  'set schema|logged|unlogged',
]

/** A table has at most 1,600 columns. */
const maxActions = 1_600

/** @throws ToolError READ_ONLY for statements that no level admits */
export function classifyWords(all: readonly Token[]): StatementClass {
  const one = all.filter((token) => !isMark(token, ';')) // of one statement: before and behind it
  const tokens = one.slice(one.findIndex((token) => !isMark(token, '('))) // parentheses around a whole SELECT
  const start = tokens.slice(0, 2).map((token) => (token.kind === 'word' && !token.quoted ? token.name.toUpperCase() : ''))
  const [keyword = ''] = start
  const is = (patterns: readonly string[]): boolean => patterns.some((pattern) => match(tokens, pattern) !== undefined)
  const made = (level: 'dml' | 'ddl', why: string, destructive?: string): StatementClass => ({
    ...{ keyword, level, why, destructive },
    alone: is(committing),
  })
  if (is([rows])) return selectsInto(tokens) ? made('ddl', 'SELECT INTO') : made('dml', keyword)
  if (is(creating)) return made('ddl', keyword)
  if (is(destroying)) return made('ddl', keyword, start.join(' ').trim())
  const effect = alterEffect(tokens)
  if (effect !== undefined) return made('ddl', keyword, effect === 'keeps' ? undefined : effect)
  if (keyword === 'EXPLAIN')
    throw new ToolError('READ_ONLY', 'EXPLAIN only reads', { hint: 'the same statement with tsdb_query' })
  throw new ToolError(
    'READ_ONLY',
    `tsdb_execute accepts INSERT, UPDATE, DELETE, MERGE, SELECT of a function, CALL, CREATE, ALTER and DROP of tables, indexes, views, schemas, sequences, types, domains and statistics, COMMENT, ANALYZE, REFRESH and TRUNCATE, without changes of owners, roles and row security; this ${start.join(' ').trim().slice(0, 60) || 'statement'} is none of them. Ask the operator`,
  )
}

/** One more than a name has: what is longer is not an operator. */
const maxOperatorChars = 64

/** What the words of a statement may call. */
export function namesIn(tokens: readonly Token[], text: string): Names {
  const [calls, attributes, operators] = [new Set<string>(), new Set<string>(), new Set<string>()]
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'operator') {
      const operator = text.slice(token.at, Math.min(token.end, token.at + maxOperatorChars))
      // `=-1` is `=` and `-`: signs at the end of an operator may belong to what follows.
      for (const name of [operator, operator.replace(/[+-]+$/, ''), text.slice(token.end - 1, token.end)]) operators.add(name)
    } else if (token.kind === 'word') {
      if (isMark(tokens[i + 1], '(')) calls.add(token.name)
      else if (isMark(tokens[i - 1], '.')) attributes.add(token.name)
    }
  }
  return { calls, attributes, operators }
}

/** Arguments: arrays of `calls`, `attributes` and `operators`. What has an argument of type internal cannot be called by a statement. */
const volatileQuery = `
  SELECT DISTINCT f.name, f.oid < 16384 OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e') AS installed
  FROM (
    SELECT p.proname::text AS name, p.oid FROM pg_proc p LEFT JOIN pg_type t ON t.oid = p.proargtypes[0]
    WHERE p.provolatile = 'v' AND NOT 'internal'::regtype::oid = ANY (p.proargtypes) AND (p.proname = ANY ($1::name[])
      OR (p.proname = ANY ($2::name[]) AND p.pronargs > 0 AND p.pronargs - p.pronargdefaults <= 1 AND t.typtype IN ('c', 'd', 'p')))
    UNION ALL SELECT 'operator ' || o.oprname, p.oid FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
    WHERE p.provolatile = 'v' AND o.oprname = ANY ($3::name[])
  ) f ORDER BY 1, 2`

/** Asks pg_proc which functions that the statement may call are volatile, in any schema and with any arguments. */
export async function volatileFunctions({ calls, attributes, operators }: Names, ask: Ask): Promise<VolatileFunction[]> {
  if (calls.size + attributes.size + operators.size === 0) return []
  const values = [calls, attributes, operators].map((names) => arrayLiteral([...names]))
  return ask<VolatileFunction>(volatileQuery, values)
}

/** Raises the class of a statement to what its volatile functions need. */
export function withFunctions(words: StatementClass, functions: readonly VolatileFunction[]): StatementClass {
  let found = words
  for (const { name, installed } of functions) {
    if (installed && harmless.has(name)) continue
    if (!installed) found = { ...found, alone: false } // its changes have to be counted before anything is committed
    if (found.level === 'dml') found = { ...found, level: 'ddl', why: `the function ${name}, which is volatile,` }
    // What PostgreSQL and extensions can do beyond rows is not limited by max_affected: deleting later, running text as SQL, files, signals.
    if (installed && !structural.has(name)) found = { ...found, destructive: found.destructive ?? `the function ${name}` }
  }
  return found
}

/** SELECT … INTO t creates a table: an INTO behind a SELECT of the same parentheses. INSERT INTO and MERGE INTO come before it. */
function selectsInto(tokens: readonly Token[]): boolean {
  const selecting = [false]
  for (const token of tokens) {
    if (isMark(token, '(')) selecting.push(false)
    else if (isMark(token, ')')) selecting.pop()
    else if (token.kind === 'word' && !token.quoted) {
      if (token.name === 'select') selecting[selecting.length - 1] = true
      else if (token.name === 'into' && selecting.at(-1) === true) return true
    }
  }
  return false
}

/** `keeps`, the first action that destroys data, or undefined when no level admits the statement. */
function alterEffect(tokens: readonly Token[]): string | undefined {
  const start = match(tokens, altering)
  if (start === undefined) return undefined
  const ofSequence = match(tokens, 'alter sequence') !== undefined
  const actions = split(tokens.slice(start))
  if (actions.length > maxActions) return undefined
  let effect = 'keeps'
  for (const action of actions) {
    const fits = (pattern: string): boolean => match(action, pattern) !== undefined
    if ((ofSequence ? sequenceActions : keepingActions).some(fits)) continue
    const found = ofSequence ? undefined : destroyingActions.find(fits)
    if (found === undefined) return undefined
    if (effect === 'keeps') effect = `ALTER … ${found.replace(/ \?column _/, ' COLUMN …').toUpperCase()}`
  }
  return effect
}

/** The tokens between the commas outside of all parentheses. */
function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isMark(token, '(') || isMark(token, '[')) depth += 1
    if (isMark(token, ')') || isMark(token, ']')) depth -= 1
    if (depth === 0 && isMark(token, ',')) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

/** @returns how many tokens the pattern takes at the beginning; undefined when it does not fit */
function match(tokens: readonly Token[], pattern: string): number | undefined {
  let at = 0
  for (const item of pattern.split(' ')) {
    const token = tokens[at]
    const words = item.replace('?', '').split('|')
    const word = token?.kind === 'word' && !token.quoted ? token.name : token?.kind === 'mark' ? token.mark : token?.kind
    if (item === '$') {
      if (token !== undefined) return undefined
    } else if (item === '_') {
      if (token?.kind !== 'word' && token?.kind !== 'number') return undefined // an index has numbered columns
      at += 1
      while (isMark(tokens[at], '.') && tokens[at + 1]?.kind === 'word') at += 2
    } else if (item === '?_.') {
      if (isMark(tokens[at + 1], '.')) at += 2
    } else if (item === '?*' ? word === 'operator' : words.includes(word ?? '')) {
      at += 1
    } else if (!item.startsWith('?')) {
      return undefined
    }
  }
  return at
}
