import assert from 'node:assert/strict'
import { test } from '../../../../test/runner/harness.ts'
import { arrayLiteral, quoteName } from '../identifiers.ts'
import { toTable } from '../table.ts'
import { resolveTarget } from '../target.ts'
import { toJson } from '../values.ts'

test('numbers become JSON numbers only where every digit survives', () => {
  const cases: [string, string, unknown][] = [
    ['1', 'int8', 1],
    ['9007199254740991', 'int8', 9007199254740991],
    ['9007199254740992', 'int8', '9007199254740992'],
    ['-5', 'int4', -5],
    ['1.5', 'numeric', 1.5],
    ['1.50', 'numeric', '1.50'],
    ['0.1000000000000000055', 'numeric', '0.1000000000000000055'],
    ['NaN', 'numeric', 'NaN'],
    ['-Infinity', 'float8', '-Infinity'],
    ['1e-07', 'float8', 1e-7],
    ['1e+300', 'float8', '1e+300'],
    ['t', 'bool', true],
    ['{"a":1}', 'jsonb', { a: 1 }],
    ['{"a":12345678901234567}', 'jsonb', '{"a":12345678901234567}'],
    ['{"lat": 52.520006599999998}', 'jsonb', '{"lat": 52.520006599999998}'],
    ['{"a": 1e400}', 'jsonb', '{"a": 1e400}'],
    ['{"a": -0}', 'json', '{"a": -0}'],
    ['{"a": 1.50, "b": 1e2, "c": 0.0, "d": 120}', 'jsonb', { a: 1.5, b: 100, c: 0, d: 120 }],
    ['{"a": "12345678901234567 \\" 1e400"}', 'jsonb', { a: '12345678901234567 " 1e400' }],
  ]
  for (const [text, type, expected] of cases) assert.deepEqual(toJson(text, type), expected, `${text}::${type}`)
})

test('arrays of any shape are read, and what is none stays text', () => {
  assert.deepEqual(toJson('{{1,2},{3,NULL}}', 'int4[]'), [
    [1, 2],
    [3, null],
  ])
  assert.deepEqual(toJson('{"a\\"b","c\\\\d","","NULL",NULL}', 'text[]'), ['a"b', 'c\\d', '', 'NULL', null])
  assert.deepEqual(toJson('[2:3]={t,f}', 'bool[]'), [true, false])
  assert.equal(toJson('{1,2', 'int4[]'), '{1,2')
  assert.deepEqual(toJson('{(1,1),(0,0);(3,3),(2,2)}', 'box[]', ';'), ['(1,1),(0,0)', '(3,3),(2,2)'])
})

test('a table keeps to its limits in characters and says how much it shows', () => {
  const columns = [{ name: 'a', type: 'text' }]
  const rows = Array.from({ length: 100 }, (_, i) => [`row ${i} ${'x'.repeat(40)}`])
  const { text, shown } = toTable(columns, rows, { maxChars: 500, maxCellChars: 1_000 })
  assert.ok(text.length <= 500 && shown === text.split('\n').length - 1 && shown > 5)
  const wide = toTable(
    columns,
    Array.from({ length: 1_000 }, () => ['😀'.repeat(500)]),
    { maxChars: 400_000, maxCellChars: 1_000 },
  )
  assert.ok(Buffer.byteLength(wide.text) < 400_000)
})

test('names are quoted where PostgreSQL would, and arrays escaped', () => {
  assert.deepEqual(['a_1', 'A', 'select', 'time', 'a"b', 'é', ''].map(quoteName), [
    'a_1',
    '"A"',
    '"select"',
    'time',
    '"a""b"',
    '"é"',
    '""',
  ])
  assert.equal(arrayLiteral(['a', 'b"c', 'd\\e', '']), '{"a","b\\"c","d\\\\e",""}')
})

test('a target is put together from a URL and single values', () => {
  const options = { urlVariable: 'DATABASE_URL', applicationName: 'x', ca: undefined }
  const pick = (parts: Parameters<typeof resolveTarget>[0]) => {
    const { host, port, user, password, databases, sslMode } = resolveTarget(parts, options)
    return [host, port, user, password, databases.join(), sslMode]
  }
  assert.deepEqual(pick({}), ['localhost', 5432, 'postgres', undefined, 'postgres', 'prefer'])
  assert.deepEqual(pick({ url: 'postgresql://u:p%40@[::1]:6000/d?sslmode=require' }), ['::1', 6000, 'u', 'p@', 'd', 'require'])
  assert.deepEqual(pick({ url: 'postgres://u@h/', password: 'p' }), ['h', 5432, 'u', 'p', 'u,postgres', 'prefer'])
  assert.deepEqual(pick({ host: '/run/postgresql', port: 'tcp://10.0.0.1:1' }), [
    '/run/postgresql',
    5432,
    'postgres',
    undefined,
    'postgres',
    'disable',
  ])
  assert.deepEqual(pick({ url: 'postgres://h/d', host: 'h', port: '5432' }), ['h', 5432, 'postgres', undefined, 'd', 'prefer'])
  // libpq: the URL stands above the separate variables.
  const others = { host: 'other', port: '2', user: 'x', password: 'y', database: 'z' }
  assert.deepEqual(pick({ url: 'postgres://u:p@h:1/d', ...others }), ['h', 1, 'u', 'p', 'd', 'prefer'])
  for (const [parts, why] of [
    [{ port: '70000' }, /port must be/],
    [{ url: 'postgres://a,b/d' }, /several hosts/],
    [{ url: 'host=h dbname=d' }, /expected postgresql:/],
    [{ sslRootCert: '/nowhere.pem' }, /cannot be read \(ENOENT\)/],
    [{ url: 'postgres://h/d?sslmode=no' }, /sslmode must be one of/],
  ] as const) {
    assert.throws(() => resolveTarget(parts, options), why)
  }
})
