// The statement filter compared with PostgreSQL's parser, on SQL that is made up of everything that can hide a semicolon or a word.
import assert from 'node:assert/strict'
import type pg from 'pg'
import { ToolError } from '../../../../protocol/index.ts'
import { test } from '../../../../test/runner/harness.ts'
import { lex } from '../lexer.ts'
import { bareStatement, readOne, requireReading, shellCommand } from '../statement-filter.ts'
import { embedded, startCluster, withSql } from './running.ts'

const runs = 12_000

/** mulberry32: the same cases every time, from a seed that a failure names. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const pieces = [
  ...[
    "'",
    "''",
    '"',
    '""',
    '\\',
    "\\'",
    ';',
    '--',
    '\n',
    '/*',
    '*/',
    '$$',
    '$a$',
    '$1',
    '$',
    'a',
    'E',
    "E'",
    'e',
    "U&'",
    'U&"',
    "B'",
    "N'",
    "X'",
  ],
  ...[
    ' ',
    '\t',
    '\r',
    '\f',
    '(',
    ')',
    ',',
    '1',
    '.5',
    '1e',
    '0x1',
    'é',
    '😀',
    '\u00a0',
    '_',
    'a$b',
    '$b$',
    '+',
    '-',
    '*',
    '/',
    '|',
    '||',
    '::',
    'int',
  ],
  ...[
    "'x'",
    '"x"',
    '$$x$$',
    '$a$;$a$',
    '/* ; */',
    '-- ;\n',
    "E'\\';'",
    "'\n'",
    "' --c\n '",
    "UESCAPE '!'",
    'SELECT',
    'INSERT',
    'FROM',
    ' AS ',
    'x',
    "';'",
    '";"',
  ],
]

function generate(next: () => number): string {
  const length = 1 + Math.floor(next() ** 2 * 12)
  const body = Array.from({ length }, () => pieces[Math.floor(next() * pieces.length)]).join('')
  const shapes = ['SELECT 1 ', 'SELECT ', "SELECT 'a' ", '', 'SELECT 1 AS a', 'SELECT $$ ', "SELECT E'", '/* '] as const
  return `${shapes[Math.floor(next() * shapes.length)]}${body}${next() < 0.4 ? '; SELECT 2' : ''}`
}

interface Verdict {
  /** PostgreSQL parsed it as one statement, or found several; undefined where it is a syntax error for other reasons. */
  statements: 'none' | 'one' | 'several' | undefined
  /** The lexer ran off the end of a quote or a comment. */
  unterminated: boolean
}

async function ask(client: pg.Client, text: string): Promise<Verdict> {
  try {
    // A name makes it a Parse message: prepared, never run.
    await client.query('BEGIN')
    const result = await client.query({ text: `EXPLAIN ${text}`, queryMode: 'extended' } as pg.QueryConfig)
    return { statements: result.command === null ? 'none' : 'one', unterminated: false }
  } catch (error) {
    const { message } = error as Error
    const unterminated = /^unterminated/.test(message)
    const several = /multiple commands/.test(message)
    return { statements: several ? 'several' : undefined, unterminated }
  } finally {
    await client.query('ROLLBACK')
  }
}

test(
  'the filter counts statements and finds unclosed quotes exactly as PostgreSQL does',
  async () => {
    const cluster = await startCluster(embedded)
    try {
      await withSql(cluster, async (client) => {
        const tally = { one: 0, several: 0, unterminated: 0, escapes: 0, other: 0 }
        for (let seed = 1; seed <= runs; seed += 1) {
          const sql = generate(random(seed))
          const verdict = await ask(client, sql)
          const { fault } = lex(sql)
          const where = `seed ${seed}: ${JSON.stringify(sql)}`
          if (fault === 'escape') {
            tally.escapes += 1
            assert.ok(sql.includes('U&"'), where)
          } else if (verdict.unterminated) {
            tally.unterminated += 1
            assert.ok(fault !== undefined, `PostgreSQL finds it unterminated, the lexer does not; ${where}`)
          } else if (verdict.statements === 'several') {
            tally.several += 1
            assert.equal(fault, undefined, where)
            assert.throws(
              () => readOne(`EXPLAIN ${sql}`),
              /statements found/,
              `PostgreSQL sees several statements, the filter does not; ${where}`,
            )
          } else if (verdict.statements === 'one') {
            tally.one += 1
            assert.equal(fault, undefined, where)
            assert.doesNotThrow(() => readOne(`EXPLAIN ${sql}`), where)
          } else {
            tally.other += 1 // a syntax error: nothing to compare, and nothing runs
          }
        }
        // The generator must not drift into cases that compare nothing.
        assert.ok(tally.one > 200 && tally.several > 200 && tally.unterminated > 500, JSON.stringify(tally))
      })
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 120_000 },
)

const writesHidden = [
  'DELETE FROM t',
  'INSERT INTO t VALUES (2)',
  'UPDATE t SET a = 3',
  'TRUNCATE t',
  'DROP TABLE t',
  'CREATE TABLE u ()',
  "SELECT nextval('s')",
  'WITH d AS (DELETE FROM t RETURNING 1) SELECT 1',
  "COPY t TO '/dev/null'",
  'DO $x$ BEGIN DELETE FROM t; END $x$',
]

test(
  'what the filter admits writes nothing, in whatever wrapping it is sent',
  async () => {
    const cluster = await startCluster(embedded)
    try {
      await withSql(cluster, async (client) => {
        await client.query('CREATE TABLE t AS SELECT 1 AS a; CREATE SEQUENCE s')
        const state = async () =>
          (
            await client.query(
              "SELECT (SELECT string_agg(t::text, ',') FROM t) AS t, (SELECT count(*) FROM pg_class) AS c, (SELECT is_called FROM s) AS s",
            )
          ).rows[0]
        const before = await state()
        const tally = { admitted: 0, refused: 0 }
        for (let seed = 1; seed <= 1_500; seed += 1) {
          const next = random(seed * 7_919)
          const wrap = (): string =>
            Array.from({ length: Math.floor(next() * 5) }, () => pieces[Math.floor(next() * pieces.length)]).join('')
          const attack = writesHidden[Math.floor(next() * writesHidden.length)] as string
          const lead = ['', 'SELECT 1; ', 'SELECT 1 ', 'EXPLAIN ', 'EXPLAIN ANALYZE ', '(', 'WITH x AS (', 'COMMIT; ', '/* */'][
            Math.floor(next() * 9)
          ] as string
          const sql = `${lead}${wrap()}${attack}${wrap()}`
          try {
            requireReading(sql)
          } catch (error) {
            assert.ok(error instanceof ToolError)
            tally.refused += 1
            continue
          }
          tally.admitted += 1
          await client.query('BEGIN READ ONLY')
          await client.query({ text: sql, queryMode: 'extended' } as pg.QueryConfig).catch(() => {})
          await client.query('ROLLBACK')
          assert.deepEqual(await state(), before, `seed ${seed}: ${JSON.stringify(sql)}`)
        }
        assert.ok(tally.admitted > 100 && tally.refused > 500, JSON.stringify(tally))
      })
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 120_000 },
)

test('analytics pass: windows, ordered sets, FILTER, LATERAL, JSON, arrays, casts, operators', () => {
  for (const sql of [
    'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t',
    'SELECT sum(x) OVER (PARTITION BY y ORDER BY z ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t',
    "SELECT count(*) FILTER (WHERE a->>'b' = 'c' AND d @> ARRAY[1]) FROM t, LATERAL unnest(e) u",
    'WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 5) TABLE r;',
    '(SELECT 1) UNION (VALUES (2)) ORDER BY 1 FETCH FIRST 1 ROW WITH TIES',
    'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM t',
    'EXPLAIN VERBOSE DELETE FROM t',
    'SHOW search_path',
    'SELECT \'DELETE FROM x; --\', "delete", $$;$$ FROM "insert"',
    'SELECT lo_import FROM pg_sleep_log -- columns and tables may be called anything',
  ]) {
    assert.doesNotThrow(() => requireReading(sql), sql)
  }
})

test('a name in U&"…" is refused with what to write instead, a string in U&\'…\' is not', () => {
  assert.throws(() => requireReading('SELECT U&"d\\0061ta" FROM t'), {
    code: 'INVALID_ARGUMENT',
    message: /U&"…"/,
    hint: /ordinary double quotes/,
  })
  assert.doesNotThrow(() => requireReading("SELECT U&'d!0061ta' UESCAPE '!'"))
})

test('a byte order mark and a Markdown fence are removed, other back quotes are not', () => {
  for (const text of ['\ufeffSELECT 1', '```sql\nSELECT 1\n```', '```\r\nSELECT 1```', '  \ufeff```SQL\nSELECT 1\n```  ']) {
    assert.equal(bareStatement(text.replace(/^ +\ufeff/, '\ufeff')).trim(), 'SELECT 1', JSON.stringify(text))
  }
  assert.equal(bareStatement('SELECT `a`'), 'SELECT `a`')
})

test('commands of psql and MySQL are told from SQL', () => {
  const cases: Record<string, [string, string?] | undefined> = {
    '\\dt': ['tables'],
    '\\dt+ sales.*': ['tables'],
    '\\d orders': ['columns', 'orders'],
    '\\l': ['databases'],
    '\\timing on': ['tables'],
    'SHOW TABLES;': ['tables'],
    'show full tables from shop': ['tables'],
    'SHOW DATABASES': ['databases'],
    'SHOW COLUMNS FROM `orders`;': ['columns', 'orders'],
    'DESCRIBE orders': ['columns', 'orders'],
    'USE shop': ['databases'],
    'SHOW search_path': undefined,
    'SELECT 1': undefined,
    'WITH use AS (SELECT 1) TABLE use': undefined,
  }
  for (const [text, expected] of Object.entries(cases)) {
    const found = shellCommand(text)
    assert.deepEqual(
      found === undefined ? undefined : [found.wants, ...(found.table === undefined ? [] : [found.table])],
      expected,
      text,
    )
  }
})
