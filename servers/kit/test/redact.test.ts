import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { createLog } from '../../host/log.ts'
import { createRedact } from '../redact.ts'

const redact = createRedact(['known-secret', 'known-secret-longer'])

const hidden: [what: string, value: unknown, expected: unknown][] = [
  ['a known value inside text', 'a known-secret b', 'a [redacted] b'],
  ['the longer of two known values', 'known-secret-longer', '[redacted]'],
  ['a bearer token', 'Authorization: Bearer abcdefgh12', 'Authorization: Bearer [redacted]'],
  ['user and password of a URL', 'postgres://user:pa55@db:5432/x', 'postgres://[redacted]@db:5432/x'],
  ['a JWT', 'x eyJhbGciOiJI.eyJzdWIiOiIx.c2ln y', 'x [redacted] y'],
  ['a password in JSON text', '{"user":"x","password":"abc","n":1}', '{"user":"x","password":[redacted],"n":1}'],
  ['a password assignment', "CREATE ROLE x PASSWORD = 'abc'", 'CREATE ROLE x PASSWORD = [redacted]'],
  [
    'members by name',
    { apiKey: 'x', Password: 1, nested: { access_token: ['y'] } },
    { apiKey: '[redacted]', Password: '[redacted]', nested: { access_token: '[redacted]' } },
  ],
]
for (const [what, value, expected] of hidden) {
  test(`${what} is masked`, () => {
    assert.deepEqual(redact(value), expected)
    assert.equal(redact.mayMask(JSON.stringify(value)), true)
  })
}

test('JSON text tells that nothing in it is masked', () => {
  assert.equal(redact.mayMask(JSON.stringify({ path: 'a/b', limit: 3 })), false)
  assert.equal(createRedact(['a"b\\c']).mayMask(JSON.stringify({ text: 'x a"b\\c y' })), true)
})

test('ordinary values stay', () => {
  for (const value of ['SELECT 1', 5, true, null, { path: 'a/b', limit: 3, token: null, has_token: true }, ['a']])
    assert.deepEqual(redact(value), value)
})

test('errors keep name, message, stack and cause, masked', () => {
  const error = redact(new Error('bad known-secret', { cause: new Error('Bearer abcdefgh12') })) as any
  assert.equal(error.message, 'bad [redacted]')
  assert.equal(error.stack.includes('known-secret'), false)
  assert.equal(error.cause.message, 'Bearer [redacted]')
})

test('depth and width are bounded', () => {
  const round: Record<string, unknown> = { list: Array(1_000).fill(1) }
  round.self = round
  assert.equal(JSON.stringify(redact(round)).length < 50_000, true)
  const error = new Error('known-secret')
  error.cause = { error }
  assert.equal(JSON.stringify(redact(error)).includes('known-secret'), false)
})

test('a log line is one line of JSON without secrets', () => {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', redact, write: (line) => lines.push(line) })
  log.debug('not shown')
  log.warn('with\nbreak known-secret', { password: 'x', n: 1 })
  assert.equal(lines.length, 1)
  assert.equal(lines[0]?.trimEnd().includes('\n'), false)
  const { ts, ...rest } = JSON.parse(lines[0] ?? '')
  assert.deepEqual(rest, { level: 'warn', message: 'with\nbreak [redacted]', password: '[redacted]', n: 1 })
  assert.equal(Number.isNaN(Date.parse(ts)), false)
})

test('a text line cannot be made to look like two', () => {
  const lines: string[] = []
  createLog({ level: 'info', format: 'text', redact, write: (line) => lines.push(line) }).info('a\nb', { c: 'd\ne' })
  assert.match(lines[0] ?? '', /INFO {2}a\\nb c=d\\ne\n$/)
})

test('a JSON Web Token is masked wherever it begins, in linear time', () => {
  const token = `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(20)}`
  for (const text of [token, `token-${token}`, `a.b.${token}`, `x=${token};`])
    assert.doesNotMatch(String(createRedact()(text)), /eyJ/)
  assert.equal(createRedact()('eyJab.no.token'), 'eyJab.no.token')
  const started = performance.now()
  createRedact()('-eyJ-------e'.repeat(80_000))
  assert.ok(performance.now() - started < 1_000)
})
