// Which write level tsdb_execute asks for a statement, by its words and by the volatile functions that it calls.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { readOne } from '../../kit/sql/statement-filter.ts'
import { classifyWords, namesIn, type VolatileFunction, volatileFunctions, withFunctions } from '../lib/statement-class.ts'

/** Stands for pg_proc: volatile functions by name, true for those that come with PostgreSQL or an extension. */
const volatile: Readonly<Record<string, boolean>> = {
  ...{ drop_chunks: true, add_retention_policy: true, run_job: true, create_hypertable: true, pg_terminate_backend: true },
  ...{ random: true, nextval: true, refresh_continuous_aggregate: true, recompute: false, query_to_xml: true },
}

function classOf(text: string): string {
  const { tokens } = readOne(text)
  const { calls, attributes } = namesIn(tokens, text)
  const functions = [...calls, ...attributes].flatMap((name): VolatileFunction[] =>
    name in volatile ? [{ name, installed: volatile[name] === true }] : [],
  )
  const { level, destructive, alone } = withFunctions(classifyWords(tokens), functions)
  return [level, ...(destructive === undefined ? [] : ['destructive']), ...(alone ? ['alone'] : [])].join(' ')
}

const classes: Readonly<Record<string, readonly string[]>> = {
  dml: [
    'INSERT INTO t VALUES (1)',
    'INSERT INTO t SELECT random(), nextval($1), now()',
    'WITH i AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM i',
    'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a',
    'WITH a AS (WITH b AS (SELECT 1) INSERT INTO t SELECT * FROM b RETURNING *) SELECT * FROM a',
    'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE',
    "UPDATE t SET a = 'drop_chunks(1)' -- drop_chunks(1)",
    '(SELECT 1)',
    'SELECT "into" FROM t',
    'DELETE FROM t WHERE a IN (SELECT 1);',
  ],
  ddl: [
    'SELECT 1 AS insert INTO x',
    'SELECT (1) insert INTO x',
    'WITH i AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * INTO y FROM i',
    'SELECT recompute()',
    'INSERT INTO t SELECT recompute()',
    'SELECT t.recompute FROM t',
    "SELECT create_hypertable('t', 'time')",
    'CREATE TABLE x (a int)',
    'CREATE TABLE x AS SELECT 1',
    'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)',
    'CREATE OR REPLACE TEMP RECURSIVE VIEW v AS SELECT 1',
    'CREATE SCHEMA IF NOT EXISTS s',
    "CREATE TYPE mood AS ENUM ('good')",
    'ALTER TABLE t ADD COLUMN security text, ADD owner text',
    'ALTER TABLE t RENAME COLUMN owner TO security',
    'ALTER TABLE t ALTER COLUMN type SET NOT NULL, ALTER c DROP DEFAULT',
    'ALTER TABLE t ALTER a DROP EXPRESSION, ALTER b DROP IDENTITY IF EXISTS',
    'ALTER TABLE IF EXISTS ONLY s."t x" * DROP CONSTRAINT c',
    'ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 100',
    'ALTER SEQUENCE s RESTART WITH 5',
    "COMMENT ON COLUMN t.a IS 'x'",
    'ANALYZE t',
    'REFRESH MATERIALIZED VIEW v',
  ],
  'ddl alone': [
    "CALL refresh_continuous_aggregate('v', NULL, NULL)",
    "CALL public.refresh_continuous_aggregate('v', NULL, NULL)",
    "call public . refresh_continuous_aggregate ('v', NULL, NULL)",
  ],
  'ddl destructive': [
    "SELECT add_retention_policy('m', INTERVAL '40 days')",
    "SELECT drop_chunks /* x */ ('m', now())",
    'SELECT "drop_chunks"(1)',
    'SELECT DROP_CHUNKS(1)',
    'SELECT public . drop_chunks(1)',
    'SELECT pg_terminate_backend(1)',
    "SELECT query_to_xml('DELETE FROM t', true, true, '')",
    'CREATE VIEW v AS SELECT drop_chunks(1)',
    'ALTER TABLE genes DROP expression',
    'ALTER TABLE genes DROP identity',
    'ALTER TABLE genes DROP IF EXISTS default_value CASCADE',
    'ALTER TABLE t ADD a int, DROP b',
    'ALTER TABLE t ALTER COLUMN value TYPE float8 USING NULL::float8',
    'ALTER TABLE t ALTER value SET DATA TYPE float8',
    'ALTER TABLE t ALTER set TYPE float8',
    'ALTER TABLE t DETACH PARTITION p',
    'ALTER TYPE c DROP ATTRIBUTE a',
    'DROP TABLE t',
    'DROP MATERIALIZED VIEW v',
    'TRUNCATE t',
  ],
  'ddl destructive alone': ['CALL run_job(1000)'],
}
for (const [expected, statements] of Object.entries(classes)) {
  for (const text of statements) {
    test(`statement class ${expected}: ${text}`, () => assert.equal(classOf(text), expected))
  }
}

const refused = [
  ...[
    'COPY t TO PROGRAM $1',
    'DO $$ BEGIN END $$',
    'GRANT ALL ON t TO PUBLIC',
    'SET ROLE x',
    'VACUUM t',
    'LOCK t',
    'PREPARE p AS SELECT 1',
  ],
  ...[
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()',
  ],
  ...[
    'CREATE SCHEMA s AUTHORIZATION bob',
    'CREATE SCHEMA AUTHORIZATION bob',
    'CREATE SCHEMA s CREATE TABLE t (a int)',
    'CREATE ROLE r',
  ],
  ...[
    'CREATE TYPE r AS RANGE (subtype = float8, subtype_diff = evil)',
    'CREATE FOREIGN TABLE t (a int) SERVER s',
    'CREATE EXTENSION x',
  ],
  ...[
    'ALTER TABLE t OWNER TO bob',
    'ALTER TABLE t ADD a int, OWNER TO bob',
    'ALTER TABLE t DISABLE ROW LEVEL SECURITY',
    'ALTER ROLE r SUPERUSER',
  ],
  ...[
    'ALTER TABLE t DISABLE TRIGGER ALL',
    'ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b',
    'ALTER SYSTEM SET a = 1',
    'ALTER SEQUENCE s OWNER TO x',
  ],
  ...["ALTER TABLE t ALTER COLUMN 'a' SET STATISTICS 1", 'ALTER TABLE t ALTER COLUMN $1 SET STATISTICS 1'],
  ...[
    'DROP FUNCTION f',
    'DROP OWNED BY x',
    'COMMENT ON ROLE r IS NULL',
    'EXPLAIN DELETE FROM t',
    '"select" 1',
    'REINDEX TABLE t',
  ],
]
for (const text of refused) {
  test(`no level admits: ${text}`, () => assert.throws(() => classOf(text), { code: 'READ_ONLY' }))
}

for (const text of ["SELECT U&\"drop!005fchunks\" UESCAPE '!' ('m', now())", 'SELECT U&"drop!005fchunks" UESCAPE $$!$$ (1)']) {
  test(`no level admits a name with escapes: ${text}`, () => assert.throws(() => classOf(text), { code: 'INVALID_ARGUMENT' }))
}

test('a procedure that commits is not run alone when a function of the database could be meant', () => {
  const { tokens } = readOne("CALL refresh_continuous_aggregate('v', recompute(), NULL)")
  const found = withFunctions(classifyWords(tokens), [{ name: 'recompute', installed: false }])
  assert.equal(found.alone, false)
})

test('pg_proc is asked about every name that a statement may call, and only where there is one', async () => {
  const none = new Set<string>()
  const [f, g, plus] = [new Set(['f']), new Set(['g']), new Set(['+'])]
  for (const [names, params] of [
    [{ calls: none, attributes: none, operators: none }, undefined],
    [{ calls: f, attributes: none, operators: none }, ['{"f"}', '{}', '{}']],
    [{ calls: none, attributes: g, operators: none }, ['{}', '{"g"}', '{}']],
    [{ calls: none, attributes: none, operators: plus }, ['{}', '{}', '{"+"}']],
    [{ calls: f, attributes: g, operators: none }, ['{"f"}', '{"g"}', '{}']],
    [{ calls: none, attributes: g, operators: plus }, ['{}', '{"g"}', '{"+"}']],
    [{ calls: f, attributes: new Set(['g', 'h']), operators: plus }, ['{"f"}', '{"g","h"}', '{"+"}']],
  ] as const) {
    const asked: unknown[] = []
    const found = await volatileFunctions(names, (async (_text: string, given: unknown) => {
      asked.push(given)
      return [{ name: 'f', installed: false }]
    }) as never)
    assert.deepEqual(asked, params === undefined ? [] : [params])
    assert.equal(found.length, params === undefined ? 0 : 1)
  }
})

test('every action of ALTER counts, whatever stands in the parentheses and brackets before it', () => {
  for (const before of [
    'a numeric(10, 2)',
    'a int CHECK (a > (1 + 2))',
    "a text DEFAULT ('x)')",
    'a int[]',
    'a int[3][4]',
    'a int DEFAULT (ARRAY[1, 2])[1]',
  ]) {
    assert.equal(classOf(`ALTER TABLE t ADD ${before}`), 'ddl', before)
    assert.equal(classOf(`ALTER TABLE t ADD ${before}, ADD b int`), 'ddl', before)
    assert.equal(classOf(`ALTER TABLE t ADD ${before}, DROP b`), 'ddl destructive', before)
    assert.throws(() => classOf(`ALTER TABLE t ADD ${before}, OWNER TO bob`), { code: 'READ_ONLY' }, before)
  }
  const drops = (count: number): string => `ALTER TABLE t ${Array(count).fill('DROP a').join(', ')}`
  assert.equal(classOf(drops(1_600)), 'ddl destructive')
  assert.throws(() => classOf(drops(1_601)), { code: 'READ_ONLY' })
})

test('the first destroying action is named, EXPLAIN is sent to the reading tool, and the statement is repeated with 60 characters', () => {
  const of = (text: string) => classifyWords(readOne(text).tokens)
  assert.equal(of('ALTER TABLE t ADD a int, ALTER b TYPE text, DROP c').destructive, 'ALTER … ALTER COLUMN … TYPE')
  assert.equal(of('DROP TABLE t').destructive, 'DROP TABLE')
  assert.equal(of('SELECT 1').destructive, undefined)
  assert.throws(() => of('EXPLAIN SELECT 1'), { code: 'READ_ONLY', hint: /tsdb_query/ })
  assert.throws(
    () => of('VACUUM t'),
    (error: Error & { hint?: string }) => /this VACUUM T is none/.test(error.message) && error.hint === undefined,
  )
  assert.throws(() => of(`${'x'.repeat(61)} y`), new RegExp(`this ${'X'.repeat(60)} is none`))
  assert.throws(() => of('"a" 1'), /this statement is none/)
})

test('a function of an extension destroys unless it is known, one of the database only needs ddl, and both raise dml', () => {
  const words = classifyWords(readOne('SELECT 1').tokens)
  const own = { name: 'recompute', installed: false }
  const drop = { name: 'drop_chunks', installed: true }
  for (const [functions, level, destructive] of [
    [[], 'dml', undefined],
    [[{ name: 'random', installed: true }], 'dml', undefined],
    [[{ name: 'random', installed: false }], 'ddl', undefined],
    [[{ name: 'create_hypertable', installed: true }], 'ddl', undefined],
    [[own], 'ddl', undefined],
    [[own, drop], 'ddl', 'the function drop_chunks'],
    [[drop, { name: 'run_job', installed: true }], 'ddl', 'the function drop_chunks'],
  ] as const) {
    const found = withFunctions(words, functions)
    assert.deepEqual([found.level, found.destructive], [level, destructive])
    if (functions.length > 0 && level === 'ddl')
      assert.match(found.why, new RegExp(`the function ${functions[0]?.name}, which is volatile`))
  }
  assert.equal(withFunctions({ ...words, destructive: 'DROP TABLE' }, [drop]).destructive, 'DROP TABLE')
})

test('operators are looked up with and without the signs that may belong to an operand', () => {
  const text = 'SELECT a @@- 1'
  assert.deepEqual([...namesIn(readOne(text).tokens, text).operators], ['@@-', '@@', '-'])
  // A name has at most 63 characters, so that what is longer is cut to one that no operator has.
  const long = `SELECT a ${'@'.repeat(100)} b`
  assert.deepEqual([...namesIn(readOne(long).tokens, long).operators], ['@'.repeat(64), '@'])
})

test('100,000 characters of any kind are classified in less than half a second of CPU time', () => {
  for (const part of [
    'ALTER ',
    ',',
    '(',
    'DROP a,',
    'ALTER COLUMN a RESET (x),',
    'a.b.',
    'f(',
    '@@-',
    '+',
    'SELECT INTO ',
    '; ',
  ]) {
    for (const start of ['', 'ALTER TABLE t ', 'SELECT ', 'WITH ']) {
      const text = `${start}${part.repeat(100_000 / part.length)}*`
      const before = process.cpuUsage()
      try {
        classOf(text)
      } catch (error) {
        assert.equal((error as { name: string }).name, 'ToolError')
      }
      assert.ok(process.cpuUsage(before).user < 500_000, `${start}${part}`)
    }
  }
})
