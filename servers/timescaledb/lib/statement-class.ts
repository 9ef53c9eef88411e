// Which write level a statement of tsdb_execute needs: from its words, and from pg_proc for the functions that it calls. What is not listed
// here is refused at every level; a function that is neither immutable, stable nor listed needs more than `dml`.
import { ToolError } from '../../../protocol/index.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { arrayLiteral } from '../../kit/sql/identifiers.ts'
import type { Token } from '../../kit/sql/lexer.ts'

export interface StatementClass {
  /** First word, in lower case. */
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
const harmless = new Set([
  ...[
    'random',
    'random_normal',
    'array_shuffle',
    'array_sample',
    'clock_timestamp',
    'timeofday',
    'nextval',
    'currval',
    'lastval',
  ],
  ...['gen_random_uuid', 'uuidv4', 'uuidv7', 'uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4'],
  ...['pg_relation_size', 'pg_table_size', 'pg_indexes_size', 'pg_total_relation_size', 'pg_database_size', 'current_query'],
  ...['hypertable_size', 'hypertable_detailed_size', 'hypertable_index_size', 'hypertable_approximate_size'],
  ...['hypertable_approximate_detailed_size', 'chunks_detailed_size', 'approximate_row_count', 'show_tablespaces'],
  ...['show_policies', 'by_range', 'by_hash', 'time_bucket_gapfill', 'locf', 'interpolate'],
])
/** Functions and procedures of TimescaleDB that change structure or settings but delete no rows, now or later. */
const structural = new Set([
  ...['create_hypertable', 'add_dimension', 'set_chunk_time_interval', 'set_partitioning_interval', 'set_number_partitions'],
  ...['set_adaptive_chunking', 'set_integer_now_func', 'attach_tablespace', 'detach_tablespace', 'detach_tablespaces'],
  ...['enable_chunk_skipping', 'disable_chunk_skipping', 'reorder_chunk', 'move_chunk'],
  ...['compress_chunk', 'decompress_chunk', 'recompress_chunk', 'convert_to_columnstore', 'convert_to_rowstore'],
  ...['add_compression_policy', 'add_columnstore_policy', 'add_reorder_policy', 'add_continuous_aggregate_policy'],
  ...['remove_compression_policy', 'remove_columnstore_policy', 'remove_reorder_policy', 'remove_retention_policy'],
  ...['remove_continuous_aggregate_policy', 'refresh_continuous_aggregate'],
])
/** Procedures that commit by themselves. */
const committing = ['refresh_continuous_aggregate', 'run_job', 'cagg_migrate']

const objects = ['table', 'index', 'view', 'materialized', 'schema', 'sequence', 'type', 'domain', 'statistics']
/** Actions of ALTER, `_` for a name. The first words decide. */
const keepingActions = [
  ...['add', 'rename', 'set schema', 'set (', 'reset (', 'set default', 'drop default', 'set not null', 'drop not null'],
  ...['set statistics', 'set without cluster', 'cluster on', 'validate constraint', 'drop constraint', 'attach partition'],
  ...['alter _ set default', 'alter _ drop default', 'alter _ set not null', 'alter _ drop not null', 'alter _ set statistics'],
  ...['alter _ set storage', 'alter _ set compression', 'alter _ set (', 'alter _ reset (', 'alter _ add generated'],
  ...['alter _ set generated', 'alter _ restart', 'alter _ drop expression', 'alter _ drop identity'],
]
const destroyingActions = [
  ...[
    'drop',
    'detach partition',
    'set unlogged',
    'alter _ type',
    'alter _ set data',
    'alter _ set expression',
    'alter attribute',
  ],
]
const sequenceActions = [
  ...['as', 'increment', 'minvalue', 'maxvalue', 'no', 'start', 'restart', 'cache', 'cycle', 'owned', 'rename', 'set schema'],
  ...['logged', 'unlogged', 'set logged', 'set unlogged'],
]

/** @throws ToolError READ_ONLY for statements that no level admits */
export function classifyWords(all: readonly Token[]): StatementClass {
  const tokens = all.filter((token) => !isMark(token, ';')) // of one statement: before and behind it
  const words = new Words(tokens)
  while (words.eat('(')) {} // parentheses around a whole SELECT
  const keyword = words.next()
  const made = (level: 'dml' | 'ddl', what: string, destroys = false, alone = false): StatementClass => ({
    ...{ keyword, level, alone, why: what },
    destructive: destroys ? what : undefined,
  })
  switch (keyword) {
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
      return made('dml', keyword.toUpperCase())
    case 'select':
    case 'with':
    case 'values':
    case 'table':
      return selectsInto(tokens) ? made('ddl', 'SELECT INTO') : made('dml', keyword.toUpperCase())
    case 'create':
      if (isAdmittedCreate(words)) return made('ddl', 'CREATE')
      break
    case 'alter': {
      const effect = alterEffect(words)
      if (effect !== undefined) return made('ddl', effect, effect !== 'ALTER')
      break
    }
    case 'comment':
      if (words.eat('on') && [...objects, 'column', 'constraint'].includes(words.next())) return made('ddl', 'COMMENT')
      break
    case 'analyze':
    case 'analyse':
      return made('ddl', 'ANALYZE')
    case 'refresh':
      if (words.eat('materialized')) return made('ddl', 'REFRESH')
      break
    case 'drop': {
      const object = words.next()
      if (objects.includes(object)) return made('ddl', `DROP ${object.toUpperCase()}`, true)
      break
    }
    case 'truncate':
      return made('ddl', 'TRUNCATE', true)
    case 'call': {
      const name = words.name()
      if (name !== undefined) return made('ddl', `CALL ${name}`, false, committing.includes(name))
      break
    }
    case 'explain':
      throw new ToolError('READ_ONLY', 'EXPLAIN only reads', { hint: 'the same statement with tsdb_query' })
  }
  const start = tokens.slice(0, 3).flatMap((token) => (token.kind === 'word' && !token.quoted ? [token.name.toUpperCase()] : []))
  throw new ToolError(
    'READ_ONLY',
    `tsdb_execute accepts INSERT, UPDATE, DELETE, MERGE, SELECT of a function, CALL, CREATE, ALTER and DROP of tables, indexes, views, schemas, sequences, types, domains and statistics, COMMENT, ANALYZE, REFRESH and TRUNCATE, without changes of owners, roles and row security; this ${start.join(' ').slice(0, 60) || 'statement'} is none of them. Ask the operator`,
  )
}

/** What the words of a statement may call. */
export function namesIn(tokens: readonly Token[], text: string): Names {
  const [calls, attributes, operators] = [new Set<string>(), new Set<string>(), new Set<string>()]
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'operator') {
      const operator = text.slice(token.at, token.end)
      // `=-1` is `=` and `-`: signs at the end of an operator may belong to what follows.
      for (const name of [operator, operator.replace(/[+-]+$/, ''), operator.slice(-1)]) operators.add(name)
    } else if (token.kind === 'word') {
      if (isMark(tokens[i + 1], '(')) calls.add(token.name)
      else if (isMark(tokens[i - 1], '.')) attributes.add(token.name)
    }
  }
  return { calls, attributes, operators }
}

/** Arguments: arrays of `calls`, `attributes` and `operators`. What has an argument of type internal cannot be called by a statement. */
const volatileQuery = `
  SELECT DISTINCT f.name, f.oid < 16384 OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = f.catalog AND d.objid = f.oid AND d.deptype = 'e')
  FROM (
    SELECT p.proname AS name, p.oid, 'pg_proc'::regclass AS catalog FROM pg_proc p LEFT JOIN pg_type t ON t.oid = p.proargtypes[0]
    WHERE p.provolatile = 'v' AND NOT 'internal'::regtype::oid = ANY (p.proargtypes) AND (p.proname = ANY ($1::name[])
      OR (p.proname = ANY ($2::name[]) AND p.pronargs > 0 AND p.pronargs - p.pronargdefaults <= 1 AND t.typtype IN ('c', 'd', 'p')))
    UNION ALL SELECT 'operator ' || o.oprname, p.oid, 'pg_proc'::regclass FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
    WHERE p.provolatile = 'v' AND o.oprname = ANY ($3::name[])
  ) f ORDER BY 1, 2`

/** Asks pg_proc which functions that the statement may call are volatile, in any schema and with any arguments. */
export async function volatileFunctions(
  { calls, attributes, operators }: Names,
  catalogue: (text: string, values: readonly string[]) => Promise<Row[]>,
): Promise<VolatileFunction[]> {
  if (calls.size + attributes.size + operators.size === 0) return []
  const rows = await catalogue(
    volatileQuery,
    [calls, attributes, operators].map((names) => arrayLiteral([...names])),
  )
  return rows.map(([name, installed]) => ({ name: name ?? '', installed: installed === 't' }))
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

function isAdmittedCreate(words: Words): boolean {
  words.eat('or', 'replace')
  if (!words.eat('global')) words.eat('local')
  while (['temp', 'temporary', 'unlogged', 'unique', 'recursive'].includes(words.word)) words.next()
  switch (words.next()) {
    case 'table':
    case 'index':
    case 'view':
    case 'sequence':
    case 'domain':
    case 'statistics':
      return true
    case 'materialized':
      return words.eat('view')
    case 'type':
      return words.name() !== undefined && words.eat('as') && (words.eat('(') || words.eat('enum'))
    case 'schema':
      // An owner, and what is created or granted in it, would follow.
      words.eat('if', 'not', 'exists')
      return words.word !== 'authorization' && words.name() !== undefined && words.done
    default:
      return false
  }
}

/** `ALTER` when every action keeps the data, the first one that does not, or undefined when one is not admitted. */
function alterEffect(words: Words): string | undefined {
  const object = words.next()
  if (!objects.includes(object) || (object === 'materialized' && !words.eat('view'))) return undefined
  words.eat('if', 'exists')
  words.eat('only')
  if (words.name() === undefined) return undefined
  words.eat('*')
  let effect = 'ALTER'
  for (const action of words.split()) {
    const startsWith = (pattern: string): boolean => action.startsWithWords(pattern)
    if (object === 'sequence' ? sequenceActions.some(startsWith) : keepingActions.some(startsWith)) continue
    const destroying = object === 'sequence' ? undefined : destroyingActions.find(startsWith)
    if (destroying === undefined) return undefined
    effect = `ALTER ${object.toUpperCase()} … ${destroying.replace('_', '…').toUpperCase()}`
  }
  return effect
}

/** Reads keywords and names one after the other. */
class Words {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** The keyword at this place; empty for what is quoted or not a word. */
  get word(): string {
    const token = this.#tokens[this.#at]
    return token?.kind === 'word' && !token.quoted ? token.name : ''
  }

  next(): string {
    const { word } = this
    this.#at += 1
    return word
  }

  /** Steps over these keywords and marks if all of them follow. `*` is any operator. */
  eat(...expected: string[]): boolean {
    const start = this.#at
    for (const item of expected) {
      const token = this.#tokens[this.#at]
      const fits = item === '*' ? token?.kind === 'operator' : isMark(token, item) || (this.word !== '' && this.word === item)
      if (!fits) {
        this.#at = start
        return false
      }
      this.#at += 1
    }
    return true
  }

  /** Whether these keywords follow, `_` for any name and with an optional COLUMN before it. Steps over nothing. */
  startsWithWords(pattern: string): boolean {
    const start = this.#at
    const fits = pattern.split(' ').every((item) => {
      if (item !== '_') return this.eat(item)
      this.eat('column')
      if (!['word', 'number'].includes(this.#tokens[this.#at]?.kind ?? '')) return false // an index has numbered columns
      this.#at += 1
      return true
    })
    this.#at = start
    return fits
  }

  /** Steps over `schema.name`. @returns its last part */
  name(): string | undefined {
    let name: string | undefined
    do {
      const token = this.#tokens[this.#at]
      if (token?.kind !== 'word') return undefined
      name = token.name
      this.#at += 1
    } while (this.eat('.'))
    return name
  }

  /** The rest, parted at the commas outside of all parentheses. */
  split(): Words[] {
    const parts: Token[][] = [[]]
    let depth = 0
    for (const token of this.#tokens.slice(this.#at)) {
      if (isMark(token, '(') || isMark(token, '[')) depth += 1
      if (isMark(token, ')') || isMark(token, ']')) depth -= 1
      if (depth === 0 && isMark(token, ',')) parts.push([])
      else parts.at(-1)?.push(token)
    }
    return parts.map((part) => new Words(part))
  }
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.mark === mark
}
