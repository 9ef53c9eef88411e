// Most of these facts are checked by the compiler: `npm run types` fails when inference no longer refuses what must be refused.
import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { defineTool, type FromSchema } from '../index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <T extends true>(_: T): void => {}

test('a handler gets the types of its schema', () => {
  const tool = defineTool({
    name: 'a',
    description: 'a',
    inputSchema: {
      type: 'object',
      properties: {
        path: { type: 'string' },
        limit: { type: 'integer', default: 5 },
        sort: { type: 'string', enum: ['name', 'size'] },
        tags: { type: 'array', items: { type: 'string' } },
        params: { type: 'array', items: { type: ['string', 'number', 'boolean', 'null'] } },
        nested: { type: 'object', properties: { deep: { type: 'boolean' } }, required: ['deep'] },
        any: {},
      },
      required: ['path'],
    },
    handler(args) {
      same<Equal<typeof args.path, string>>(true)
      same<Equal<typeof args.limit, number>>(true)
      same<Equal<typeof args.sort, 'name' | 'size' | undefined>>(true)
      same<Equal<typeof args.tags, string[] | undefined>>(true)
      same<Equal<typeof args.params, (string | number | boolean | null)[] | undefined>>(true)
      same<Equal<typeof args.nested, { deep: boolean } | undefined>>(true)
      same<Equal<typeof args.any, unknown>>(true)
      // @ts-expect-error a property that the schema does not have
      assert.equal(args.pth, undefined)
      // @ts-expect-error an optional property may be undefined
      assert.equal(args.sort.length, 4)
      // @ts-expect-error a number is not a string
      const wrong: string = args.limit
      return String(wrong)
    },
  })
  assert.equal(tool.handler({ path: 'p', limit: 5, sort: 'name' }, {} as never), '5')
})

test('a structured result must fit its outputSchema', () => {
  const outputSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const
  const inputSchema = { type: 'object' } as const
  const about = { name: 'a', description: 'a', inputSchema, outputSchema }
  const good = defineTool({ ...about, handler: () => ({ structuredContent: { n: 1 } }) })
  // @ts-expect-error n must be a number
  const bad = defineTool({ ...about, handler: () => ({ structuredContent: { n: 'x' } }) })
  // @ts-expect-error a misspelt member of the definition
  const misspelt = defineTool({ name: 'a', descripton: 'a', inputSchema, handler: () => '' })
  assert.equal([good, bad, misspelt].length, 3)
})

test('const and anyOf are read', () => {
  same<Equal<FromSchema<{ readonly const: 7 }>, 7>>(true)
  same<Equal<FromSchema<{ readonly anyOf: readonly [{ readonly type: 'string' }, { readonly type: 'null' }] }>, string | null>>(
    true,
  )
  assert.equal(same(true), undefined)
})
