// Compares the classification of tsdb_execute with the oracle of parse-tree.ts, for statements that are generated or mutated.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../../../test/helpers/random.ts'
import { lex } from '../../kit/sql/lexer.ts'
import { namesVolatile, type Rank, rankOf, ranks } from './parse-tree.ts'

export interface FuzzOptions {
  /** The server's classification. */
  readonly classify: (text: string) => Rank
  /** libpg-query's parser; throws for what is not SQL. */
  readonly parse: (text: string) => { stmts?: unknown[] }
  /** Folder with *.sql files of PostgreSQL's regression tests. */
  readonly folder: string
  /** Statements to compare: those that PostgreSQL parses. */
  readonly count: number
  readonly seed: number
}

export interface Disagreement {
  readonly text: string
  readonly ours: Rank
  readonly oracle: Rank
}

export interface FuzzResult {
  readonly compared: number
  /** Generated or mutated texts that PostgreSQL's parser refuses. */
  readonly notSql: number
  /** Statements by the oracle's rank. */
  readonly ranks: Record<Rank, number>
  /** We ask for less than is needed: a hole. */
  readonly tooWeak: Disagreement[]
  /** We ask for more than is needed. */
  readonly tooStrict: Disagreement[]
  /** The same, where a table, column or type has the name of a volatile function: words alone do not tell them apart. */
  readonly cautious: number
  /** Refused for a name in U&"…", which PostgreSQL accepts. */
  readonly escaped: number
}

export function fuzz({ classify, parse, folder, count, seed }: FuzzOptions): FuzzResult {
  const next = random(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T
  const result = {
    compared: 0,
    notSql: 0,
    cautious: 0,
    escaped: 0,
    tooWeak: [] as Disagreement[],
    tooStrict: [] as Disagreement[],
  }
  const counts: Record<Rank, number> = { dml: 0, ddl: 0, destructive: 0, refused: 0 }
  const regression = regressionStatements(folder)
  const compare = (text: string): void => {
    let statements: unknown[]
    try {
      statements = parse(text).stmts ?? []
    } catch {
      result.notSql += 1
      statements = []
    }
    const ours = classify(text)
    if (statements.length === 0) return
    const oracle = rankOf(statements)
    counts[oracle] += 1
    result.compared += 1
    if (ours === oracle) return
    if (ours === 'refused' && lex(text).fault === 'escape') result.escaped += 1
    else if (ranks.indexOf(ours) < ranks.indexOf(oracle)) result.tooWeak.push({ text, ours, oracle })
    else if (ours !== 'refused' && namesVolatile(statements)) result.cautious += 1
    else result.tooStrict.push({ text, ours, oracle })
  }
  while (result.compared < count) {
    const text = next() < 0.5 ? pick(regression) : generate(pick, next)
    compare(text)
    compare(mutate(text, pick, next, () => pick(regression)))
  }
  return { ...result, ranks: counts }
}

/** The statements of all files, without psql's commands. */
function regressionStatements(folder: string): string[] {
  const found = new Set<string>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sql'))) {
    const text = readFileSync(join(folder, file), 'utf8').replace(/^\\.*$/gm, '')
    let start = 0
    // The lexer reads nothing behind a name in U&"…".
    for (const token of lex(text.replace(/\bU&"/gi, '  "')).tokens) {
      if (token.kind !== 'mark' || token.mark !== ';') continue
      const statement = text.slice(start, token.at).trim()
      if (statement.length < 5_000) found.add(statement)
      start = token.end
    }
  }
  return [...found]
}

const columns = [
  'a',
  'value',
  'expression',
  'identity',
  'insert',
  'owner',
  'security',
  'type',
  'set',
  'schema',
  '"into"',
  'attribute',
  'merge',
]
const tables = ['t', 'public.metrics', '"Odd Name"', 'genes', 'insert', 'temp', 'schema', 'drop_chunks']
const calls = [
  ...[
    "drop_chunks('m', now())",
    "add_retention_policy('m', INTERVAL '1 day')",
    'random()',
    'now()',
    'recompute()',
    "nextval('s')",
  ],
  ...[
    "U&\"drop!005fchunks\" UESCAPE '!' ('m')",
    'U&"drop!005fchunks" UESCAPE $$!$$ (1)',
    '"drop_chunks" /* ( */ (1)',
    'Public.DROP_CHUNKS(1)',
    'run_job(1)',
    'count(*)',
    "'run_job(1)'",
  ],
  ...[
    't.drop_chunks',
    '(t).recompute',
    'coalesce(a, pg_terminate_backend(1))',
    "set_config('a', 'b', true)",
    'alter_job(1)',
    'delete_job',
  ],
]
const templates = [
  ...[
    'SELECT {call} FROM {table}',
    'SELECT {call} AS {column} INTO {table}',
    'SELECT (1) {column} INTO {table}',
    '(SELECT {call})',
  ],
  ...[
    'INSERT INTO {table} SELECT {call}',
    'INSERT INTO {table} ({column}) VALUES ({call})',
    'UPDATE {table} SET {column} = {call}',
  ],
  ...[
    'DELETE FROM {table} WHERE {column} = {call}',
    'MERGE INTO {table} USING x ON true WHEN MATCHED THEN UPDATE SET {column} = {call}',
  ],
  ...[
    'WITH i AS ({dml} RETURNING *) SELECT * INTO {table} FROM i',
    'WITH i AS ({dml} RETURNING *) SELECT {call} FROM i',
    'WITH i AS (SELECT {call}) {dml}',
  ],
  ...['WITH i AS (WITH j AS (SELECT 1 AS {column}) {dml} RETURNING *) SELECT 1 {column}', 'TABLE {table}', 'VALUES ({call})'],
  ...[
    'ALTER TABLE {table} {action}',
    'ALTER TABLE IF EXISTS ONLY {table} {action}, {action}',
    'ALTER TABLE {table} {action}, {action}, {action}',
  ],
  ...[
    'ALTER VIEW {table} {action}',
    'ALTER TYPE {table} {action}',
    'ALTER INDEX {table} {action}',
    'ALTER SEQUENCE {table} {sequence}',
  ],
  ...[
    'ALTER DOMAIN {table} {action}',
    'ALTER MATERIALIZED VIEW {table} {action}',
    'ALTER FOREIGN TABLE {table} {action}',
    'ALTER SCHEMA {column} {action}',
  ],
  ...[
    'CREATE {kind} {table} AS SELECT {call}',
    'CREATE TABLE {table} ({column} int DEFAULT {call})',
    'CREATE SCHEMA {column}',
    'CREATE SCHEMA {column} AUTHORIZATION a',
  ],
  ...[
    'CREATE SCHEMA AUTHORIZATION {column}',
    'CREATE TYPE {table} AS ENUM ()',
    'CREATE TYPE {table} AS ({column} int)',
    'CREATE TYPE {table} AS RANGE (subtype = int)',
  ],
  ...[
    'CREATE INDEX ON {table} ({column})',
    'CREATE UNIQUE INDEX CONCURRENTLY i ON {table} (({call}))',
    'DROP {object} {table}',
    'TRUNCATE {table}',
  ],
  ...[
    "COMMENT ON {object} {table} IS 'x'",
    'CALL {call}',
    'ANALYZE {table}',
    'REFRESH MATERIALIZED VIEW {table}',
    'EXPLAIN SELECT {call}',
  ],
  ...[
    'COPY {table} TO STDOUT',
    'GRANT SELECT ON {table} TO a',
    'SET ROLE {column}',
    'LOCK {table}',
    'VACUUM {table}',
    'DO {string}',
  ],
]
const choices: Readonly<Record<string, readonly string[]>> = {
  call: calls,
  column: columns,
  table: tables,
  string: ["'x'", '$$x$$', "E'\\''"],
  dml: ['INSERT INTO {table} VALUES ({call})', 'UPDATE {table} SET {column} = 1', 'DELETE FROM {table}'],
  kind: [
    'TABLE',
    'TEMP TABLE',
    'VIEW',
    'OR REPLACE VIEW',
    'MATERIALIZED VIEW',
    'UNLOGGED TABLE IF NOT EXISTS',
    'TEMPORARY RECURSIVE VIEW',
  ],
  object: [
    'TABLE',
    'VIEW',
    'INDEX',
    'MATERIALIZED VIEW',
    'SEQUENCE',
    'TYPE',
    'DOMAIN',
    'FUNCTION',
    'FOREIGN TABLE',
    'TABLE IF EXISTS',
    'COLUMN',
  ],
  sequence: [
    'OWNER TO a',
    'RESTART',
    'INCREMENT BY 2 NO CYCLE',
    'OWNED BY NONE',
    'RENAME TO {column}',
    'SET SCHEMA {column}',
    'SET LOGGED',
  ],
  action: [
    ...[
      'ADD COLUMN {column} text',
      'ADD {column} int DEFAULT {call}',
      'ADD CONSTRAINT {column} CHECK ({column} > 0)',
      'ADD VALUE {string}',
    ],
    ...[
      'DROP {column}',
      'DROP COLUMN {column}',
      'DROP COLUMN IF EXISTS {column} CASCADE',
      'DROP CONSTRAINT {column}',
      'DROP ATTRIBUTE {column}',
    ],
    ...[
      'RENAME COLUMN {column} TO {column}',
      'RENAME {column} TO {column}',
      'RENAME TO {column}',
      'SET SCHEMA {column}',
      'OWNER TO {column}',
    ],
    ...[
      'ALTER COLUMN {column} TYPE float8 USING {call}',
      'ALTER {column} SET DATA TYPE text',
      'ALTER {column} SET DEFAULT {call}',
      'ALTER {column} DROP NOT NULL',
    ],
    ...[
      'ALTER {column} DROP EXPRESSION',
      'ALTER {column} DROP IDENTITY',
      'ALTER {column} SET (n_distinct = 5)',
      'ALTER ATTRIBUTE {column} TYPE text',
    ],
    ...[
      'ALTER {column} SET EXPRESSION AS ({call})',
      'ENABLE ROW LEVEL SECURITY',
      'DISABLE TRIGGER ALL',
      'DETACH PARTITION {table}',
      'SET UNLOGGED',
    ],
    ...[
      'SET TABLESPACE {column}',
      'SET (timescaledb.compress)',
      'INHERIT {table}',
      'ATTACH PARTITION {table} DEFAULT',
      'REPLICA IDENTITY FULL',
    ],
  ],
}

type Pick = <T>(items: readonly T[]) => T

function generate(pick: Pick, next: () => number): string {
  let text = next() < 0.4 ? pick(templates.filter((template) => template.startsWith('ALTER'))) : pick(templates)
  while (/\{\w+\}/.test(text)) text = text.replace(/\{(\w+)\}/g, (_, name: string) => pick(choices[name] ?? ['1']))
  return text
}

/** One to three changes of tokens. */
function mutate(text: string, pick: Pick, next: () => number, other: () => string): string {
  let parts = split(text)
  for (let i = 0; i <= next() * 3; i += 1) {
    const at = Math.floor(next() * (parts.length + 1))
    const part = parts[at] ?? ''
    const isWord = /^[a-z_]\w*$/i.test(part)
    const changes: (() => string[])[] = [
      () => [...parts.slice(0, at), pick(['/* ; ( */', '-- into\n', '\n', '\t', '/* /* nested */ */']), ...parts.slice(at)],
      () => parts.map((each, i) => (i === at && isWord ? (next() < 0.5 ? each.toUpperCase() : `"${each.toLowerCase()}"`) : each)),
      () => parts.map((each, i) => (i === at && isWord ? `U&"${withEscapes(each, next)}"` : each)),
      () => parts.map((each, i) => (i === at ? pick(calls) : each)),
      () => parts.map((each, i) => (i === at ? pick([...columns, ...tables, 'select', 'table', 'as', ',', ')', '(']) : each)),
      () => parts.filter((_, i) => i !== at),
      () => [...parts.slice(0, at), part, ...parts.slice(at)],
      () => [...parts.slice(0, at), ...split(other()).slice(0, 8), ...parts.slice(at)],
      () => [
        ...parts.slice(0, at),
        pick(['INTO x', `, ${pick(calls)}`, `AS ${pick(columns)}`, '; DROP TABLE t', ', DROP a', '+ -', '.*']),
        ...parts.slice(at),
      ],
    ]
    parts = pick(changes)()
  }
  return parts.join(' ')
}

function split(text: string): string[] {
  return lex(text).tokens.map(({ at, end }) => text.slice(at, end))
}

function withEscapes(word: string, next: () => number): string {
  return [...word.toLowerCase()]
    .map((letter) => (next() < 0.3 ? `\\${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter))
    .join('')
}
