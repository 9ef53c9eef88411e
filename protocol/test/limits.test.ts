// Each limit from both sides: the largest that is admitted, and one more.
import assert from 'node:assert/strict'
import { sampleServer, withSample } from '../../test/helpers/sample-server.ts'
import { postJson, send, withServer } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { maxArgumentDepth, maxArgumentValues, prepareArguments } from '../arguments.ts'
import type { ToolError } from '../errors.ts'
import { type HttpOptions, streamableHttp } from '../index.ts'
import { classify, describe } from '../jsonrpc.ts'
import { nearest } from '../nearest.ts'
import type { ObjectSchema } from '../schema.ts'
import { compileValidator } from '../validator.ts'

const inputSchema = {
  type: 'object',
  properties: { path: { type: 'string', examples: ['a'] }, tags: { type: 'array' }, sort: { type: 'string', enum: ['name'] } },
  required: ['path'],
  additionalProperties: false,
} as const satisfies ObjectSchema
const rules = { inputSchema, validate: compileValidator(inputSchema) }
const prepare = (given: Record<string, unknown>) => prepareArguments(rules, given)

function errorOf(given: Record<string, unknown>): ToolError {
  try {
    prepare(given)
  } catch (error) {
    return error as ToolError
  }
  throw new Error('it was not refused')
}

const withMcp = (http: HttpOptions, use: (url: string) => Promise<void>) =>
  withServer(streamableHttp(sampleServer().server, http), (url) => use(`${url}/mcp`))

test('values of arguments are counted, the object itself included', () => {
  const tags = Array(maxArgumentValues - 3).fill('a')
  prepare({ path: 'x', tags })
  assert.match(errorOf({ path: 'x', tags: [...tags, 'a'] }).message, /more than 20000 values/)
})

test('levels of arguments are counted from the object on', () => {
  let tags: unknown = 'a'
  for (let level = 1; level < maxArgumentDepth; level++) tags = [tags]
  prepare({ path: 'x', tags })
  assert.match(errorOf({ path: 'x', tags: [tags] }).message, /64 levels/)
})

test('an offered call repeats a value of 1,000 characters of JSON, and no longer one', () => {
  const path = 'x'.repeat(998)
  assert.equal(errorOf({ path, sort: 'size' }).hint, JSON.stringify({ path }))
  assert.equal(errorOf({ path: `${path}x`, sort: 'size' }).hint, '{"path":"a"}')
})

test('five problems are named, and the number of further ones is exact', () => {
  const unknown = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`zz${i}`, 1]))
  assert.doesNotMatch(errorOf({ path: 'x', ...unknown(5) }).message, /more/)
  for (const count of [6, 50, 51, 300]) {
    const { message } = errorOf({ path: 'x', ...unknown(count) })
    assert.match(message, new RegExp(`"zz4".*; and ${count - 5} more$`))
    assert.doesNotMatch(message, /"zz5"/)
  }
})

test('an unknown name is repeated with 80 characters, a value with 60 of its JSON', () => {
  assert.match(errorOf({ path: 'x', ['z'.repeat(81)]: 1 }).message, /^unknown "z{80}";/)
  assert.equal(describe('x'.repeat(58)), `string "${'x'.repeat(58)}"`)
  assert.equal(describe('x'.repeat(59)), `string "${'x'.repeat(59)}…`)
  assert.equal(describe(1e59), 'number 1e+59')
})

test('a method and a tool that do not exist are repeated with 100 characters, a version with 50', () =>
  withMcp({}, async (url) => {
    const ask = async (method: string, params: object = {}, version = '2025-06-18') =>
      (await postJson(url, { jsonrpc: '2.0', id: 1, method, params }, { 'MCP-Protocol-Version': version })).json().error
    assert.equal((await ask('m'.repeat(101))).message, `method "${'m'.repeat(100)}" not found`)
    assert.equal((await ask('tools/call', { name: 'q'.repeat(101) })).message, `unknown tool "${'q'.repeat(100)}"`)
    assert.equal((await ask('ping', {}, 'v'.repeat(51))).data.requested, 'v'.repeat(50))
  }))

test('of a client 100 characters of its name and 50 of its version are kept', () =>
  withSample({}, async (session) => {
    const clientOf = async (clientInfo: unknown) => {
      await session.request('initialize', { protocolVersion: '2025-06-18', clientInfo })
      return JSON.parse((await session.call('who')).content[0].text).session.client
    }
    const long = { name: 'n'.repeat(101), version: 'v'.repeat(51), title: 'more' }
    assert.deepEqual(await clientOf(long), { name: 'n'.repeat(100), version: 'v'.repeat(50) })
    assert.deepEqual(await clientOf({ name: 'n' }), { name: 'n', version: '' })
    for (const unknown of [{ version: '1' }, { name: 7, version: '1' }, [], null, 'n', undefined])
      assert.equal(await clientOf(unknown), undefined)
  }))

test('an id of 1,000 characters is one', () => {
  assert.equal(classify({ jsonrpc: '2.0', id: 'x'.repeat(1_000), method: 'ping' }).kind, 'request')
  assert.equal(classify({ jsonrpc: '2.0', id: 'x'.repeat(1_001), method: 'ping' }).kind, 'malformed')
})

test('a body as large as the limit is read, with and without its length told', () =>
  withMcp({ maxBodyBytes: 100 }, async (url) => {
    for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      for (const [bytes, status] of [
        [100, 200],
        [101, 413],
      ] as const) {
        const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'.padEnd(bytes)
        const headers = { 'Content-Type': 'application/json', ...framing }
        assert.equal((await send(url, { method: 'POST', headers, body })).status, status, JSON.stringify(framing))
      }
    }
  }))

test('a batch of as many messages as may be in flight is answered whole', () =>
  withMcp({ maxInFlight: 3 }, async (url) => {
    const batch = (count: number) => Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }))
    assert.deepEqual(
      (await postJson(url, batch(3))).json().map(({ result }: { result: unknown }) => result),
      [{}, {}, {}],
    )
    assert.match((await postJson(url, batch(4))).json().error.message, /may hold 3 messages, got 4/)
  }))

test('the replies of a batch fill 900,000 bytes and no more; what does not fit is an error with its id, or with null', () =>
  withMcp({}, async (url) => {
    const echo = (id: number, times: number) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'x', times } },
    })
    const around = Buffer.byteLength('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""}]}},')
    const codes = async (...batch: unknown[]) =>
      (await postJson(url, batch)).json().map(({ id, error }: any) => [id, error?.code])
    assert.deepEqual(await codes(echo(1, 900_000 - around)), [[1, undefined]])
    assert.deepEqual(await codes(echo(1, 900_001 - around)), [[1, -32603]])
    assert.deepEqual(await codes(echo(1, 900_000 - around), null, { id: {} }, 7, echo(2, 1)), [
      [1, undefined],
      [null, -32603],
      [null, -32603],
      [null, -32603],
      [2, -32603],
    ])
  }))

test('as many requests as may be in flight are answered', () =>
  withSample({ http: { maxInFlight: 2 } }, async (session, { release }) => {
    for (const id of [1, 2]) await session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'wait' } })
    release()
    const answers = [await session.message(), await session.message()]
    assert.deepEqual(
      answers.map(({ id, result }) => [id, result.content[0].text]),
      [
        [1, 'released'],
        [2, 'released'],
      ],
    )
  }))

test('a result as large as the limit is sent', async () => {
  const result = '{"content":[{"type":"text","text":"äb"}]}'
  const call = (maxResultBytes: number) =>
    withSample({ server: { maxResultBytes } }, async (session) => {
      const { isError } = await session.call('echo', { text: 'äb' })
      assert.equal(isError === true, maxResultBytes < Buffer.byteLength(result))
    })
  await call(Buffer.byteLength(result))
  await call(Buffer.byteLength(result) - 1)
})

test('a third of a name may differ, one letter of the shortest, and a part has at least three letters', () => {
  const near = (word: string, name: string): boolean => nearest(word, [name]).length === 1
  for (const [word, name, expected] of [
    ['a', 'b', true],
    ['ab', 'cd', false],
    ['abcdef', 'abcxyf', true],
    ['abcdef', 'abxyzf', false],
    ['abcd', 'abcdef', true],
    ['ab', 'xxabxx', false],
    ['abc', 'xxxxxxabcxxxxxx', true],
    ['xxxxxxabcxxxxxx', 'abc', true],
    ['xxxxxxabxxxxxxx', 'ab', false],
    ['ordres', 'all_orders_of_the_year', true],
    ['xyz', 'it-ab-cd-ef', false],
    ['ac', 'it-ab-cd-ef', false],
  ] as const)
    assert.equal(near(word, name), expected, `${word} ${name}`)
  assert.equal(
    nearest(
      'abc',
      Array(7)
        .fill(0)
        .map((_, i) => `abc${i}`),
    ).length,
    5,
  )
  const far = Array.from({ length: 4_999 }, (_, i) => `${i}`)
  assert.deepEqual(nearest('orders', [...far, 'order']), ['order'])
  assert.deepEqual(nearest('orders', [...far, 'zz', 'order']), [])
})
