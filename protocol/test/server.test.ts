import assert from 'node:assert/strict'
import { withSample } from '../../test/helpers/sample-server.ts'
import type { McpSession } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { defineTool, type Middleware, ProtocolError, Server, type ServerOptions, ToolError } from '../index.ts'

const withSession = (server: Partial<ServerOptions>, use: Parameters<typeof withSample>[1]) => withSample({ server }, use)

const initialize = (session: McpSession, protocolVersion: string) => session.request('initialize', { protocolVersion })

test('a ToolError is a result that the model can act on', () =>
  withSession({}, async (session) => {
    assert.deepEqual(await session.call('fail', { how: 'tool' }), {
      content: [{ type: 'text', text: 'ERROR NOT_FOUND: no such thing. TRY: another' }],
      isError: true,
    })
  }))

test('any other error shows a reference and nothing else', () =>
  withSession({}, async (session, { seen }) => {
    for (const how of ['other', 'string']) {
      const { content, isError } = await session.call('fail', { how })
      assert.equal(isError, true)
      assert.match(content[0].text, /^ERROR INTERNAL: .* ref [0-9a-f]{8}\.$/)
      assert.equal(content[0].text.includes('secret'), false)
      assert.equal(content[0].text.includes(seen.internal.at(-1)?.ref), true)
    }
    assert.equal(seen.internal.length, 2)
  }))

test('invalid arguments are a result, not a protocol error', () =>
  withSession({}, async (session) => {
    const { content, isError } = await session.call('echo', { texts: 'x' })
    assert.equal(isError, true)
    assert.match(content[0].text, /^ERROR INVALID_ARGUMENT: missing "text"; unknown "texts", did you mean "text"\?/)
  }))

test('arguments may be absent or null', () =>
  withSession({}, async (session) => {
    for (const params of [{ name: 'kinds' }, { name: 'kinds', arguments: null }]) {
      assert.equal((await session.request('tools/call', params)).result.content.length, 5)
    }
  }))

test('arguments as a JSON string are read, with a warning in the result', () =>
  withSession({}, async (session) => {
    const { content } = (await session.request('tools/call', { name: 'echo', arguments: '{"text":"hi"}' })).result
    assert.equal(content[0].text, 'hi')
    assert.match(content[1].text, /^NOTE: argument "arguments" was read as an object from a string/)
    assert.equal((await session.request('tools/call', { name: 'kinds', arguments: '' })).result.isError, undefined)
  }))

test('arguments as a string that is not JSON of an object are an error result', () =>
  withSession({}, async (session) => {
    for (const given of ['{"text":', '[1]', 'hi', '7']) {
      const { result } = await session.request('tools/call', { name: 'echo', arguments: given })
      assert.equal(result.isError, true)
      assert.match(result.content[0].text, /^ERROR INVALID_ARGUMENT: "arguments" must be an object.* TRY: \{"text":/)
    }
    assert.equal((await session.request('tools/call', { name: 'echo', arguments: 7 })).error.code, -32602)
  }))

test('an error that names what to change offers the whole call', async () => {
  const inputSchema = {
    type: 'object',
    properties: {
      table: { type: 'string' },
      limit: { type: 'integer', default: 100 },
      cursor: { type: 'string' },
      text: { type: 'string' },
      secret: { type: 'string', writeOnly: true },
    },
  } as const
  const retry = { table: 'orders\u202e', cursor: undefined }
  const fail = (): never => {
    throw new ToolError('NOT_FOUND', 'no table "oders"', { retry, detail: '42P01' })
  }
  const tools = [
    defineTool({ name: 'now', description: 'a', inputSchema, handler: fail }),
    defineTool({ name: 'later', description: 'a', inputSchema, handler: async () => fail() }),
  ]
  await withSession({ tools }, async (session) => {
    for (const name of ['now', 'later']) {
      for (const [given, offered] of [
        [{ table: 'oders', limit: 5, cursor: 'x' }, '{"table":"orders\\u202e","limit":5}'],
        [{ table: 'oders' }, '{"table":"orders\\u202e"}'],
        [{ table: 'oders', secret: 'hunter2' }, 'the same call with {"table":"orders\\u202e"}'],
        [{ table: 'oders', text: 'x'.repeat(2_000) }, 'the same call with {"table":"orders\\u202e"}'],
      ] as const) {
        const { content } = await session.call(name, given)
        assert.equal(content[0].text, `ERROR NOT_FOUND: no table "oders". TRY: ${offered}`)
      }
    }
  })
})

test('a property with the name of what every object has is refused', () => {
  const inputSchema = { type: 'object', properties: { constructor: { type: 'string' } } } as const
  const tool = defineTool({ name: 'a', description: 'a', inputSchema, handler: () => '' })
  assert.throws(() => new Server({ name: 'x', version: '1', tools: [tool] }), /cannot be named "constructor"/)
})

test('repaired arguments are said in the result, unless the handler has read the warnings', async () => {
  const inputSchema = { type: 'object', properties: { n: { type: 'integer' } } } as const
  const tools = [
    defineTool({ name: 'plain', description: 'a', inputSchema, handler: ({ n }) => `${n}` }),
    defineTool({ name: 'reads', description: 'a', inputSchema, handler: (_, { warnings }) => warnings.join() }),
  ]
  await withSession({ tools }, async (session) => {
    const texts = async (name: string, n: unknown) => (await session.call(name, { n })).content.map(({ text }: any) => text)
    assert.deepEqual(await texts('plain', 7), ['7'])
    assert.deepEqual(await texts('plain', '7'), ['7', 'NOTE: argument "n" was read as 7 from string "7".'])
    assert.deepEqual(await texts('reads', '7'), ['"n" was read as 7 from string "7"'])
  })
})

test('an unknown tool is invalid params and names the nearest', () =>
  withSession({}, async (session) => {
    assert.match((await session.request('tools/call', { name: 'ecko' })).error.message, /unknown tool "ecko"; did you mean echo/)
  }))

test('names from Object.prototype are no tools', () =>
  withSession({}, async (session) => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      assert.equal((await session.request('tools/call', { name })).error.code, -32602)
  }))

for (const [version, types] of [
  ['2024-11-05', ['text', 'image', 'resource', 'resource', 'text']],
  ['2025-03-26', ['text', 'image', 'audio', 'resource', 'text']],
  ['2025-06-18', ['text', 'image', 'audio', 'resource', 'resource_link']],
  ['2025-11-25', ['text', 'image', 'audio', 'resource', 'resource_link']],
] as const) {
  test(`content blocks are those that ${version} knows`, () =>
    withSession({}, async (session) => {
      await initialize(session, version)
      const { content } = await session.call('kinds')
      assert.deepEqual(
        content.map((block: { type: string }) => block.type),
        types,
      )
    }))
}

test('structured content is sent, listed and mirrored in text since 2025-06-18', () =>
  withSession({}, async (session) => {
    await initialize(session, '2025-06-18')
    const { tools } = (await session.request('tools/list')).result
    assert.equal(tools.find(({ name }: { name: string }) => name === 'structured').outputSchema.type, 'object')
    assert.deepEqual(await session.call('structured'), {
      content: [{ type: 'text', text: '{"count":7}' }],
      structuredContent: { count: 7 },
    })
  }))

test('structured content is left out before 2025-06-18', () =>
  withSession({}, async (session) => {
    await initialize(session, '2025-03-26')
    const { tools } = (await session.request('tools/list')).result
    assert.equal('outputSchema' in tools.find(({ name }: { name: string }) => name === 'structured'), false)
    assert.deepEqual(await session.call('structured'), { content: [{ type: 'text', text: '{"count":7}' }] })
  }))

test('structuredContent never leaves out schema and content', () =>
  withSession({ structuredContent: 'never' }, async (session) => {
    await initialize(session, '2025-11-25')
    assert.equal(JSON.stringify((await session.request('tools/list')).result).includes('outputSchema'), false)
    assert.deepEqual(await session.call('structured'), { content: [{ type: 'text', text: '{"count":7}' }] })
  }))

test('a result that breaks its outputSchema is an internal error', () =>
  withSession({}, async (session, { seen }) => {
    await initialize(session, '2025-11-25')
    const { content, isError } = await session.call('structured', { valid: false })
    assert.equal(isError, true)
    assert.match(content[0].text, /ERROR INTERNAL/)
    assert.match(String(seen.internal[0]?.error), /broke its outputSchema.*must be integer/)
  }))

test('the title of a server is sent where it has one', async () => {
  for (const title of ['Sample', undefined]) {
    await withSession(title === undefined ? {} : { title }, async (session) => {
      const { result } = await initialize(session, '2025-11-25')
      assert.equal(result.serverInfo.title, title)
    })
  }
})

test('a failure that a tool returns need not fit its outputSchema', () => {
  const outputSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const
  const tool = defineTool({
    name: 'a',
    description: 'a',
    inputSchema: { type: 'object' },
    outputSchema,
    handler: () => ({ content: 'no such thing', isError: true }),
  })
  return withSession({ tools: [tool] }, async (session, { seen }) => {
    await initialize(session, '2025-11-25')
    assert.deepEqual(await session.call('a'), { content: [{ type: 'text', text: 'no such thing' }], isError: true })
    assert.deepEqual(seen.internal, [])
  })
})

test('a result above maxResultBytes is TOO_LARGE', () =>
  withSession({}, async (session) => {
    const { content, isError } = await session.call('echo', { text: '😀', times: 300_000 })
    assert.equal(isError, true)
    assert.match(content[0].text, /^ERROR TOO_LARGE: the result has 12000\d\d bytes/)
    assert.equal((await session.call('echo', { text: 'x', times: 980_000 })).content[0].text.length, 980_000)
  }))

test('pages are followed by cursors to the end', () =>
  withSession({ pageSize: 3 }, async (session) => {
    const names: string[] = []
    let cursor: string | undefined
    do {
      const { result } = await session.request('tools/list', cursor === undefined ? {} : { cursor })
      names.push(...result.tools.map(({ name }: { name: string }) => name))
      cursor = result.nextCursor
    } while (cursor !== undefined)
    assert.equal(new Set(names).size, 8)
    assert.equal(names.length, 8)
  }))

for (const cursor of [
  '',
  'x',
  0,
  {},
  Buffer.from('tools 1').toString('base64url'),
  Buffer.from('tools 99').toString('base64url'),
]) {
  test(`cursor ${JSON.stringify(cursor)} is invalid params`, () =>
    withSession({ pageSize: 3 }, async (session) => {
      assert.equal((await session.request('tools/list', { cursor })).error.code, -32602)
    }))
}

test('middlewares nest, see the outcome, and may refuse', async () => {
  const order: string[] = []
  const named =
    (name: string): Middleware =>
    async (call, next) => {
      order.push(`${name} ${call.method} ${call.tool?.name}`)
      try {
        const outcome = await next()
        order.push(`${name} ${outcome.isError} ${outcome.bytes > 0}`)
        return outcome
      } catch (error) {
        order.push(`${name} ${(error as Error).name}`)
        throw error
      }
    }
  const refuse: Middleware = async (call, next) => {
    if (call.tool?.name === 'kinds') throw new ToolError('FORBIDDEN', 'not today')
    return next()
  }
  await withSession({ middleware: [named('outer'), named('inner'), refuse] }, async (session) => {
    await session.call('echo', { text: 'x' })
    assert.deepEqual(order.splice(0), ['outer tools/call echo', 'inner tools/call echo', 'inner false true', 'outer false true'])
    assert.match((await session.call('kinds')).content[0].text, /FORBIDDEN/)
    assert.deepEqual(order.splice(0).slice(2), ['inner ToolError', 'outer ToolError'])
    await session.request('tools/call', { name: 'nope' })
    assert.deepEqual(order.splice(0).slice(2), ['inner ProtocolError', 'outer ProtocolError'])
  })
})

test('a middleware that aborts a deaf handler gets its reason to the client', () =>
  withSession(
    {
      middleware: [
        (call, next) => {
          setImmediate(() => call.abort(new ToolError('TIMEOUT', 'too late')))
          return next()
        },
      ],
    },
    async (session) => {
      assert.match((await session.call('deaf')).content[0].text, /ERROR TIMEOUT: too late/)
    },
  ))

const refusedTools: [what: string, tool: object][] = [
  ['a name with a space', { name: 'a b' }],
  ['a name that is too long', { name: 'a'.repeat(129) }],
  ['an empty name', { name: '' }],
  ['an empty description', { description: ' ' }],
  ['an input schema that is not of an object', { inputSchema: { type: 'array' } }],
  ['an unknown keyword in the schema', { inputSchema: { type: 'object', propertys: {} } }],
  ['an alias for nothing', { aliases: { a: 'b' } }],
]
for (const [what, changed] of refusedTools) {
  test(`${what} is refused when the server is made`, () => {
    const tool = { name: 'a', description: 'a', inputSchema: { type: 'object' } as const, handler: () => '' }
    assert.throws(() => new Server({ name: 's', version: '1', tools: [{ ...tool, ...changed } as typeof tool] }), /tool /)
    assert.ok(new Server({ name: 's', version: '1', tools: [tool] }))
  })
}

test('names that MCP allows are accepted', () => {
  for (const name of ['a-b', '1a', 'admin.tools.list', 'a'.repeat(128)])
    assert.ok(
      new Server({
        name: 's',
        version: '1',
        tools: [{ name, description: 'a', inputSchema: { type: 'object' }, handler: () => '' }],
      }),
    )
})

test('an error in a schema names the tool and the schema', () => {
  const outputSchema = { type: 'object', propertys: {} } as const
  const tool = { name: 'sum', description: 'a', inputSchema: { type: 'object' }, outputSchema, handler: () => '' } as const
  assert.throws(() => new Server({ name: 's', version: '1', tools: [tool] }), /tool "sum": outputSchema: .*propertys/)
})

test('anchors of 2020-12 are known and resolved', async () => {
  const inputSchema = {
    type: 'object',
    $defs: { place: { $anchor: 'place', type: 'object', required: ['city'] } },
    properties: { at: { $ref: '#place' } },
  } as const
  const tool = defineTool({ name: 'a', description: 'a', inputSchema, handler: () => 'ok' })
  await withSession({ tools: [tool] }, async (session) => {
    assert.equal((await session.call('a', { at: { city: 'x' } })).content[0].text, 'ok')
    assert.match((await session.call('a', { at: {} })).content[0].text, /missing "at.city"/)
  })
})

test('two tools of one name are refused', () => {
  const tool = defineTool({ name: 'a', description: 'a', inputSchema: { type: 'object' }, handler: () => '' })
  assert.throws(() => new Server({ name: 's', version: '1', tools: [tool, tool] }), /two tools are named "a"/)
})

test('errors of another copy of the library are recognised', async () => {
  const copy: typeof import('../errors.ts') = await import(`../errors.ts?copy=${1}`)
  assert.notEqual(copy.ToolError, ToolError)
  assert.ok(new copy.ToolError('NOT_FOUND', 'x') instanceof ToolError)
  assert.ok(new copy.ProtocolError(-32602, 'x') instanceof ProtocolError)
  assert.equal(new ToolError('NOT_FOUND', 'x') instanceof ProtocolError, false)
  for (const other of [new Error('x'), { name: 'ToolError' }, null, undefined]) assert.equal(other instanceof ToolError, false)
})
