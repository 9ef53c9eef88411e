import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { ProtocolError } from '../errors.ts'
import { classify, parseJson } from '../jsonrpc.ts'

const malformed: [what: string, value: unknown, id: unknown, code: number][] = [
  ['null', null, null, -32600],
  ['a string', 'ping', null, -32600],
  ['a number', 7, null, -32600],
  ['an empty object', {}, null, -32600],
  ['no jsonrpc', { id: 1, method: 'ping' }, 1, -32600],
  ['jsonrpc 1.0', { jsonrpc: '1.0', id: 'a', method: 'ping' }, 'a', -32600],
  ['jsonrpc as a number', { jsonrpc: 2, id: 1, method: 'ping' }, 1, -32600],
  ['id null', { jsonrpc: '2.0', id: null, method: 'ping' }, null, -32600],
  ['a fractional id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }, null, -32600],
  ['an id beyond exact integers', { jsonrpc: '2.0', id: 2 ** 53, method: 'ping' }, null, -32600],
  ['a boolean id', { jsonrpc: '2.0', id: true, method: 'ping' }, null, -32600],
  ['an id of 1,001 characters', { jsonrpc: '2.0', id: 'x'.repeat(1_001), method: 'ping' }, null, -32600],
  ['an object as id', { jsonrpc: '2.0', id: {}, method: 'ping' }, null, -32600],
  ['no method', { jsonrpc: '2.0', id: 3 }, 3, -32600],
  ['a number as method', { jsonrpc: '2.0', id: 3, method: 9 }, 3, -32600],
  ['method null', { jsonrpc: '2.0', id: 3, method: null }, 3, -32600],
  ['params as a string', { jsonrpc: '2.0', id: 3, method: 'ping', params: 'x' }, 3, -32600],
  ['params true', { jsonrpc: '2.0', id: 3, method: 'ping', params: true }, 3, -32600],
  ['params as an array', { jsonrpc: '2.0', id: 3, method: 'ping', params: [1] }, 3, -32602],
  ['a notification with params as an array', { jsonrpc: '2.0', method: 'x', params: [1] }, undefined, -32602],
]
for (const [what, value, id, code] of malformed) {
  test(`${what} is malformed`, () => {
    const incoming = classify(value)
    assert.equal(incoming.kind, 'malformed')
    if (incoming.kind !== 'malformed') return
    assert.equal(incoming.id, id)
    assert.equal(incoming.error.code, code)
    assert.notEqual(incoming.error.message, '')
  })
}

for (const id of [0, -1, 1, 2 ** 53 - 1, '', 'a', '0']) {
  test(`id ${JSON.stringify(id)} makes a request`, () => {
    assert.deepEqual(classify({ jsonrpc: '2.0', id, method: 'ping' }), {
      kind: 'request',
      message: { jsonrpc: '2.0', id, method: 'ping' },
    })
  })
}

for (const params of [null, []]) {
  test(`params ${JSON.stringify(params)} counts as none`, () => {
    assert.deepEqual(classify({ jsonrpc: '2.0', id: 1, method: 'ping', params }), {
      kind: 'request',
      message: { jsonrpc: '2.0', id: 1, method: 'ping' },
    })
    assert.equal(classify({ jsonrpc: '2.0', method: 'notifications/initialized', params }).kind, 'notification')
  })
}

test('a message without id is a notification', () => {
  assert.equal(classify({ jsonrpc: '2.0', method: 'notifications/initialized' }).kind, 'notification')
})

test('results and errors are responses', () => {
  assert.equal(classify({ jsonrpc: '2.0', id: 1, result: {} }).kind, 'response')
  assert.equal(classify({ jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } }).kind, 'response')
})

for (const [what, body] of [
  ['nothing', ''],
  ['half a message', '{"jsonrpc":'],
  ['two messages', '{}{}'],
  ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
] as const) {
  test(`${what} is a parse error`, () => {
    assert.throws(
      () => parseJson(Buffer.from(body as string)),
      (error) => error instanceof ProtocolError && error.code === -32700,
    )
  })
}

test('a byte order mark is ignored', () => {
  assert.deepEqual(parseJson(Buffer.from('\ufeff{"a":1}')), { a: 1 })
})

test('nesting as deep as a body may have does not overflow the stack', () => {
  const depth = 50_000
  assert.equal(classify(parseJson(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).kind, 'malformed')
})

test('more values than a process should hold for one message are refused before they are parsed', () => {
  const refused = (body: string): boolean => {
    try {
      parseJson(Buffer.from(body))
      return false
    } catch (error) {
      assert.ok(error instanceof ProtocolError && error.code === -32600 && /more than 50000 values/.test(error.message))
      return true
    }
  }
  const many = 50_001
  for (const body of ['['.repeat(many), `[${'{},'.repeat(many)}{}]`, `[${'1,'.repeat(many)}1]`, '{"a":'.repeat(many)])
    assert.equal(refused(body), true, body.slice(0, 20))
  assert.equal(refused(`[${'1,'.repeat(many - 2)}1]`), false)
  // What looks like values within strings is text.
  for (const text of ['[,{'.repeat(many), `\\"[,{`.repeat(many), '\\\\'])
    assert.equal(refused(`["${text}"]`), false, text.slice(0, 20))
})
