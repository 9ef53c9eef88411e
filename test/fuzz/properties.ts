// What must hold for every input, each compared with an oracle that is not ours: the JSON-RPC specification, eventsource-parser, the WHATWG
// URL parser with ipaddr.js, Ajv, RFC 9309 in robots.ts, PostgreSQL's scanner. A test runs each for some seconds;
// `npm run fuzz -- NAME --minutes 30` for longer.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { prepareArguments } from '../../protocol/arguments.ts'
import { compileValidator, httpSse, type ObjectSchema, streamableHttp, ToolError } from '../../protocol/index.ts'
import { findRule, parseRobots } from '../../servers/fetch/lib/robots.ts'
import { policyOf } from '../../servers/kit/network-policy/test/policy-of.ts'
import { lex } from '../../servers/kit/sql/lexer.ts'
import { sampleServer } from '../helpers/sample-server.ts'
import { postJson, SseClient } from '../helpers/wire.ts'
import { allowedByRfc, robotsCase } from './robots.ts'
import { compareCuts, loadScanner, ownCuts, scannedCuts, sqlText } from './sql-tokens.ts'

export interface Target {
  /** Opened once; undefined for properties of functions. */
  open?(): Promise<void>
  close?(): Promise<void>
  readonly property: fc.IAsyncProperty<unknown[]> | fc.IProperty<unknown[]>
}

let url = ''
let end = async (): Promise<void> => {}

const server = {
  async open(): Promise<void> {
    const sample = sampleServer()
    const [mcp, sse] = [streamableHttp(sample.server), httpSse(sample.server)]
    const http = createServer((req, res) => (req.url?.startsWith('/mcp') === true ? mcp(req, res) : sse(req, res)))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    end = async () => {
      await Promise.all([mcp.close(0), sse.close(0)])
      http.closeAllConnections()
      http.close()
    }
  },
  close: () => end(),
}

const methods = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'logging/setLevel',
  'notifications/cancelled',
  'server/discover',
  'nope',
]
const names = ['echo', 'kinds', 'structured', 'who', 'steps', 'fail', 'nope', '__proto__']

const params = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      name: fc.oneof(fc.constantFrom(...names), fc.jsonValue()),
      arguments: fc.oneof(
        fc.jsonValue(),
        fc.record({ text: fc.string(), how: fc.string(), valid: fc.boolean() }, { requiredKeys: [] }),
      ),
      cursor: fc.jsonValue(),
      _meta: fc.jsonValue(),
      protocolVersion: fc.oneof(fc.constantFrom('2024-11-05', '2025-06-18', '2026-07-28'), fc.jsonValue()),
      requestId: fc.jsonValue(),
      level: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
)
const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: fc.jsonValue() }),
    id: fc.oneof(
      { weight: 5, arbitrary: fc.integer() },
      { weight: 2, arbitrary: fc.string() },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
    method: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...methods) }, { weight: 1, arbitrary: fc.jsonValue() }),
    params,
    result: fc.jsonValue(),
  },
  { requiredKeys: [] },
)

/** JSON-RPC 2.0 §5: either a result or an error, with the id that was sent, or null. */
function checkResponse(response: Record<string, unknown>, sent: unknown): void {
  assert.equal(response.jsonrpc, '2.0')
  assert.notEqual('result' in response, 'error' in response, 'exactly one of result and error')
  if ('error' in response) {
    const error = response.error as Record<string, unknown>
    assert.ok(Number.isInteger(error.code) && typeof error.message === 'string')
    assert.notEqual(error.code, -32603, `an internal error: ${error.message}`)
  }
  const ids = [sent].flat().map((each) => (typeof each === 'object' && each !== null ? (each as { id?: unknown }).id : undefined))
  const { id } = response
  assert.ok(id === undefined || id === null || ids.includes(id), `the id ${JSON.stringify(id)} was not sent`)
}

/** A schema of a tool, and arguments that come near it. */
const property = fc.oneof(
  fc.record({ type: fc.constantFrom('string', 'integer', 'number', 'boolean') }),
  fc.record({ type: fc.constant('integer'), minimum: fc.integer({ min: -5, max: 0 }), maximum: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    type: fc.constant('string'),
    enum: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('array'), items: fc.record({ type: fc.constantFrom('string', 'integer', 'boolean') }) }),
  fc.record({ type: fc.constant(['string', 'null']) }),
)
/** What a tool's parameter may be called (checkTool). */
const name = fc
  .oneof(fc.constantFrom('a', 'max_rows', 'path'), fc.string({ minLength: 1, maxLength: 5 }))
  .filter((each) => !(each in {}))
const schemaAndArguments = fc.dictionary(name, property, { maxKeys: 4, noNullPrototype: true }).chain((properties) => {
  const keys = Object.keys(properties)
  return fc.record({
    inputSchema: fc.record({
      type: fc.constant('object' as const),
      properties: fc.constant(properties),
      required: fc.subarray(keys),
      additionalProperties: fc.constant(false),
    }),
    given: fc.dictionary(
      fc.oneof(...(keys.length > 0 ? [fc.constantFrom(...keys)] : []), name),
      fc.oneof(fc.jsonValue(), fc.constantFrom('1', 'true', '["x"]', '1,2', 'YES', -7, 3.5, null)),
      { maxKeys: 5, noNullPrototype: true },
    ),
  })
})

const policy = policyOf({ ownNetworks: [] })
const byte = fc.integer({ min: 0, max: 255 })
const ipv4 = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.')),
  fc.tuple(fc.constantFrom(10, 100, 127, 169, 172, 192, 198, 203, 224, 0), byte, byte, byte).map((bytes) => bytes.join('.')),
)
/** Every notation that a URL takes for an IPv4 address. */
const written = fc.tuple(ipv4, fc.integer({ min: 0, max: 4 })).map(([address, how]) => {
  const bytes = address.split('.').map(Number) as [number, number, number, number]
  const whole = bytes.reduce((sum, each) => sum * 256 + each, 0)
  switch (how) {
    case 0:
      return String(whole)
    case 1:
      return `0x${whole.toString(16)}`
    case 2:
      return bytes.map((each) => `0${each.toString(8)}`).join('.')
    case 3:
      return `[::ffff:${address}]`
    default:
      return address
  }
})
const ipv6 = fc
  .tuple(
    fc.constantFrom('fe80', 'fc00', 'fd00', '2001', '2002', '2606', '64', '0', 'ff02', '3fff'),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 }),
  )
  .map(([first, rest]) => `[${[first, ...rest.map((word) => word.toString(16))].join(':')}]`)

/** Whether ipaddr.js calls it an ordinary public address, with an IPv4 address inside an IPv6 one unwrapped. */
function isPublic(host: string): boolean {
  const address = ipaddr.process(host.replace(/^\[|\]$/g, ''))
  if (address.kind() === 'ipv6' && address.range() === 'rfc6052')
    return ipaddr.fromByteArray(address.toByteArray().slice(12)).range() === 'unicast'
  return address.range() === 'unicast'
}

export const targets: Readonly<Record<string, Target>> = {
  'json-rpc': {
    ...server,
    property: fc.asyncProperty(fc.oneof(fc.jsonValue(), message, fc.array(message, { maxLength: 4 })), async (sent) => {
      const { status, text, headers } = await postJson(`${url}/mcp`, JSON.stringify(sent), {
        accept: 'application/json, text/event-stream',
      })
      assert.ok([200, 202, 400, 404].includes(status), `status ${status}`)
      if (status === 202) return assert.equal(text, '')
      if (text === '') return
      const answers: unknown[] = []
      if (headers['content-type']?.startsWith('text/event-stream') === true)
        createParser({ onEvent: ({ data }) => answers.push(...[JSON.parse(data)].flat()) }).feed(text)
      else answers.push(...[JSON.parse(text)].flat())
      for (const answer of answers as Record<string, unknown>[]) if (!('method' in answer)) checkResponse(answer, sent)
    }),
  },
  sse: {
    ...server,
    property: fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer(), fc.nat(30), async (text, id, cut) => {
      const stream = await SseClient.open(`${url}/sse`)
      try {
        const endpoint = (await stream.next()).data
        const call = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { text } } }
        assert.equal((await postJson(new URL(endpoint, url).href, call)).status, 202)
        await stream.next()
      } finally {
        stream.close()
      }
      // The same bytes, cut anywhere, are the same events for the parser of eventsource-parser.
      const events: EventSourceMessage[] = []
      const parser = createParser({ onEvent: (event) => events.push(event) })
      for (let at = 0; at < stream.raw.length; at += cut + 1) parser.feed(stream.raw.slice(at, at + cut + 1))
      assert.equal(events.length, 2)
      const { result, id: answered } = JSON.parse(events[1]?.data ?? '')
      assert.deepEqual([result.content[0].text, answered], [Buffer.from(text).toString(), id])
    }),
  },
  arguments: {
    property: fc.property(schemaAndArguments, ({ inputSchema, given }) => {
      const schema = inputSchema as unknown as ObjectSchema
      const before = JSON.stringify(given)
      try {
        const { args } = prepareArguments({ inputSchema: schema, validate: compileValidator(schema) }, given)
        assert.ok(new Ajv2020({ strict: false }).validate(schema, args), JSON.stringify(args))
      } catch (error) {
        assert.ok(error instanceof ToolError, String(error))
        assert.equal(error.code, 'INVALID_ARGUMENT')
      }
      assert.equal(JSON.stringify(given), before, 'the input is not changed')
    }),
  },
  policy: {
    property: fc.property(fc.oneof(written, ipv6), fc.constantFrom('', ':80', ':8443'), (host, port) => {
      const given = `http://${host}${port}/`
      if (!URL.canParse(given)) return
      const target = new URL(given)
      let allowed = true
      try {
        policy.check(target)
      } catch (error) {
        assert.ok(error instanceof ToolError && error.code === 'FORBIDDEN', String(error))
        allowed = false
      }
      // Ours may be stricter, never laxer.
      assert.ok(!allowed || isPublic(target.hostname), `${given} is allowed, which is ${target.hostname}`)
    }),
  },
  robots: {
    property: fc.asyncProperty(robotsCase, async (given) => {
      const rule = await findRule(await parseRobots(given.text, given.agent), given.url)
      assert.equal(rule?.allow ?? true, allowedByRfc(given), `${given.url} in\n${given.text}`)
    }),
  },
  sql: {
    open: loadScanner,
    property: fc.property(sqlText, (text) => compareCuts(ownCuts(lex(text)), scannedCuts(text))),
  },
}
