import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { maxArgumentDepth, maxArgumentValues, prepareArguments } from '../arguments.ts'
import { ToolError } from '../errors.ts'
import type { ObjectSchema } from '../schema.ts'
import { compileValidator } from '../validator.ts'

const inputSchema = {
  type: 'object',
  properties: {
    path: { type: 'string', examples: ['docs/a.md'] },
    limit: { type: 'integer', default: 100, minimum: 1, maximum: 500 },
    ratio: { type: 'number' },
    recursive: { type: 'boolean', default: false },
    tags: { type: 'array', items: { type: 'string' } },
    ids: { type: 'array', items: { type: 'integer' } },
    sort: { type: 'string', enum: ['name', 'size'] },
    value: { type: ['string', 'null'] },
    filter: { type: 'object', properties: { from: { type: 'integer', default: 1 } }, additionalProperties: false },
  },
  required: ['path'],
  additionalProperties: false,
} as const satisfies ObjectSchema

const rules = { inputSchema, aliases: { file_path: 'path', query: 'path' }, validate: compileValidator(inputSchema) }
const prepare = (given: Record<string, unknown>) => prepareArguments(rules, given)

const repairs: [what: string, given: Record<string, unknown>, expected: Record<string, unknown>][] = [
  ['text of an integer', { limit: '42' }, { limit: 42 }],
  ['text of a number', { ratio: ' 1.5e1 ' }, { ratio: 15 }],
  ['text of a boolean', { recursive: 'True' }, { recursive: true }],
  ['1 for true', { recursive: 1 }, { recursive: true }],
  ['JSON text of an array', { tags: '["a","b"]' }, { tags: ['a', 'b'] }],
  ['commas in text', { tags: 'a, b' }, { tags: ['a', 'b'] }],
  ['one value for an array', { ids: 7 }, { ids: [7] }],
  ['text inside an array of integers', { ids: ['1', '2'] }, { ids: [1, 2] }],
  ['a number where text is wanted', { path: 12 }, { path: '12' }],
  ['JSON text of an object', { filter: '{"from":3}' }, { filter: { from: 3 } }],
  ['a fraction where an integer is wanted', { limit: 10.7 }, { limit: 10 }],
  ['more than the maximum', { limit: 9_000 }, { limit: 500 }],
  ['less than the minimum', { limit: -3 }, { limit: 1 }],
  ['a choice in capitals', { sort: 'SIZE' }, { sort: 'size' }],
  ['a choice in quotes', { sort: '`size`' }, { sort: 'size' }],
  ['a list of one text where text is wanted', { path: ['x'] }, { path: 'x' }],
]
for (const [what, given, expected] of repairs) {
  test(`${what} is repaired, with a warning`, () => {
    const { args, warnings } = prepare({ path: 'x', ...given })
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(args[key], value)
    assert.equal(warnings.length > 0, true)
  })
}

test('valid arguments pass unchanged, with defaults and no warning', () => {
  const given = { path: 'x', value: null, filter: {} }
  const { args, warnings } = prepare(given)
  assert.deepEqual(args, { path: 'x', limit: 100, recursive: false, value: null, filter: { from: 1 } })
  assert.deepEqual(warnings, [])
  assert.deepEqual(given, { path: 'x', value: null, filter: {} })
})

test('null means absent for an optional property', () => {
  assert.deepEqual(prepare({ path: 'x', sort: null, limit: null }).args, { path: 'x', limit: 100, recursive: false })
})

test('null beside another spelling of its name does not remove the value', () => {
  assert.equal(prepare({ path: 'x', Limit: 5, limit: null }).args.limit, 5)
})

test('of two other names of one argument the first counts, and only its repair is reported', () => {
  const { args, warnings } = prepare({ file_path: 'x', query: 7 })
  assert.equal(args.path, 'x')
  assert.deepEqual(warnings, ['"query" was ignored because "path" is given too'])
})

test('an alias stands for its argument', () => {
  assert.equal(prepare({ file_path: 'x' }).args.path, 'x')
})

test('an alias in another spelling stands for its argument', () => {
  assert.equal(prepare({ filePath: 'x' }).args.path, 'x')
})

test('an alias beside its argument is ignored with a warning', () => {
  const { args, warnings } = prepare({ path: 'x', file_path: 'y' })
  assert.equal(args.path, 'x')
  assert.match(warnings.join(), /"file_path" was ignored/)
})

test('a declared name in another spelling stands for it', () => {
  for (const name of ['maxRows', 'MAX_ROWS', 'max-rows']) {
    const schema = { type: 'object', properties: { max_rows: { type: 'integer' } }, additionalProperties: false } as const
    assert.deepEqual(prepareArguments({ inputSchema: schema, validate: compileValidator(schema) }, { [name]: '3' }).args, {
      max_rows: 3,
    })
  }
})

test('arguments inside one member, or in a list, are taken out, with a warning', () => {
  for (const given of [{ input: { path: 'x' } }, { arguments: '{"path":"x"}' }, [{ path: 'x' }]]) {
    const { args, warnings } = prepareArguments(rules, given)
    assert.deepEqual([args.path, warnings.length], ['x', 1])
  }
  assert.throws(() => prepareArguments(rules, [{ path: 'x' }, { path: 'y' }]), /must be an object/)
  assert.throws(() => prepare({ filter: { path: 'x' } }), /missing "path"/)
})

const offers: [what: string, given: Record<string, unknown>, offered: Record<string, unknown>][] = [
  ['keeps what is valid', { path: 'x', limit: 7, sort: 'date' }, { path: 'x', limit: 7 }],
  ['corrects a misspelled name', { path: 'x', limitt: '7' }, { path: 'x', limit: 7 }],
  ['leaves out a name that is near to none', { path: 'x', explanation: 'because' }, { path: 'x' }],
  ['takes the only value that fits nowhere for the only one that is missing', { document: 'x' }, { path: 'x' }],
  ['takes what is missing from the examples, and then nothing else', { recursive: true }, { path: 'docs/a.md' }],
  ['does not take a number or JSON for a text that is missing', { max_results: 3 }, { path: 'docs/a.md' }],
  ['does not repeat a long value', { path: 'x'.repeat(2_000), sort: 'date' }, { path: 'docs/a.md' }],
]
for (const [what, given, offered] of offers) {
  test(`the call that an error offers ${what}`, () =>
    assert.throws(
      () => prepare(given),
      (error) => {
        const { hint = '' } = error as ToolError
        assert.deepEqual(JSON.parse(hint), offered)
        prepare(JSON.parse(hint)) // it is valid itself
        return true
      },
    ))
}

test('what is missing is offered from the examples, then from the choices, then as a gap', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', examples: ['first', 'second'], enum: ['third', 'first', 'second'] },
      b: { type: 'string', enum: ['one', 'two'] },
      c: { type: 'string' },
      d: { type: 'string' },
    },
    required: ['a', 'b', 'c'],
  } as const
  assert.throws(
    () => prepareArguments({ inputSchema: schema, validate: compileValidator(schema) }, { d: 'kept only in a valid call' }),
    (error) => {
      assert.deepEqual(JSON.parse((error as ToolError).hint ?? ''), { a: 'first', b: 'one', c: '…' })
      return true
    },
  )
})

test('a secret is not repeated in the call that an error offers', () => {
  const schema = {
    type: 'object',
    properties: { field: { type: 'string' }, value: { type: 'string', writeOnly: true } },
    additionalProperties: false,
  } as const
  const own = { inputSchema: schema, validate: compileValidator(schema) }
  for (const given of [
    { field: 'x', value: 'hunter2', more: 1 },
    { field: 'x', vlaue: 'hunter2' },
  ])
    assert.throws(
      () => prepareArguments(own, given),
      (error) =>
        (error as ToolError).hint === 'the same call with {"field":"x"}' && !(error as ToolError).text.includes('hunter2'),
    )
})

test('where only a listing knows what is missing, the error offers the listing', () =>
  assert.throws(
    () => prepareArguments({ ...rules, lookUp: 'list_directory {}' }, {}),
    (error) => (error as ToolError).hint === 'list_directory {}',
  ))

const refusals: [what: string, given: Record<string, unknown>, says: RegExp][] = [
  ['a missing argument', {}, /missing "path".*TRY: \{"path":"docs\/a.md"\}/],
  ['null for a required argument', { path: null }, /"path" must be string, got null/],
  ['an unknown argument', { path: 'x', limitt: 3 }, /unknown "limitt", did you mean "limit"\?/],
  ['a value that is not in the enum', { path: 'x', sort: 'date' }, /"sort" must be one of "name", "size", got string "date"/],
  ['text that is not a number', { path: 'x', limit: 'many' }, /"limit" must be integer, got string "many"/],
  ['an object for text', { path: {} }, /"path" must be string, got an object/],
  ['__proto__', JSON.parse('{"path":"x","__proto__":{"a":1}}'), /unknown "__proto__"/],
  ['constructor', { path: 'x', constructor: 1 }, /unknown "constructor"/],
  ['a hexadecimal number', { path: 'x', limit: '0x10' }, /"limit" must be integer/],
]
for (const [what, given, says] of refusals) {
  test(`${what} is refused with its remedy`, () => {
    assert.throws(
      () => prepare(given),
      (error) => error instanceof ToolError && error.code === 'INVALID_ARGUMENT' && says.test(error.text),
      String(says),
    )
  })
}

test('all problems are named at once, five of many', () => {
  const given = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`zz${i}`, 1]))
  assert.throws(() => prepare(given), /zz0.*and \d+ more/s)
})

test('a value repeated in an error is cut', () => {
  assert.throws(
    () => prepare({ path: 'x', sort: 'y'.repeat(100_000) }),
    (error) => (error as ToolError).text.length < 500,
  )
})

test('as many unknown names as are admitted do not keep other callers waiting', () => {
  const given = Object.fromEntries(Array.from({ length: maxArgumentValues - 1 }, (_, i) => [`recursiv_${i}`, 'v']))
  const before = process.cpuUsage() // of this process alone, whatever else the machine does
  assert.throws(() => prepare(given), /and \d+ more/)
  const ms = process.cpuUsage(before).user / 1_000
  assert.ok(ms < 250, `${ms} ms`)
})

test('long text that is almost a number or a choice does not keep other callers waiting', () => {
  const before = process.cpuUsage()
  for (const given of [{ limit: `${'1'.repeat(500_000)}x` }, { sort: `size${' '.repeat(500_000)}x` }])
    assert.throws(() => prepare({ path: 'x', ...given }), ToolError)
  const ms = process.cpuUsage(before).user / 1_000
  assert.ok(ms < 250, `${ms} ms`)
})

test('too many values are refused before validation', () => {
  assert.throws(() => prepare({ path: 'x', tags: Array(maxArgumentValues).fill('a') }), /more than/)
})

test('too deep nesting is refused before validation', () => {
  let value: unknown = 1
  for (let i = 0; i < maxArgumentDepth; i++) value = [value]
  assert.throws(() => prepare({ path: value }), /levels/)
})
