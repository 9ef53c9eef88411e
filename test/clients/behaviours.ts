// What every client must be able to do with our server. Each client is an adapter; the behaviours are the rows of docs/clients.md.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Fixture, sharedFixture } from '../fixtures/fixture.ts'
import { jsonSchema202012, png, wav } from '../fixtures/tools.ts'
import { test } from '../runner/harness.ts'

export interface Block {
  type: string
  [field: string]: unknown
}

export interface CallResult {
  content: Block[]
  structuredContent?: unknown
  isError?: boolean
}

export interface CallOptions {
  onProgress?: (progress: { progress: number }) => void
  /** Aborting it is how the client's user gives up. */
  signal?: AbortSignal
}

export interface ListedTool {
  name: string
  description?: string | undefined
  inputSchema: unknown
  outputSchema?: unknown
}

export interface Connection {
  readonly serverName: string | undefined
  readonly protocolVersion: string | undefined
  /** Texts of the `notifications/message` so far. */
  readonly logs: string[]
  listTools(): Promise<ListedTool[]>
  /** Rejects with an error that has `code` for a JSON-RPC error. */
  callTool(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<CallResult>
  close(): Promise<void>
}

export interface Target {
  /** Address of the server, without a path. */
  url: string
  headers: Record<string, string>
}

export interface ClientUnderTest {
  transport: 'sse' | 'http'
  /** Of several ways to use the client, which one. */
  mode?: string
  connect(target: Target): Promise<Connection>
  /** The revision that the client ends up with. */
  protocolVersion: '2025-11-25' | '2026-07-28'
  /** The same connection works again when the server comes back. */
  reconnects: boolean
  /** Why nothing of this can run here. */
  skip?: string | undefined
}

export const token = 'a-token-for-tests'
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const bearer = { authorization: `Bearer ${token}` }

export function testClient(client: ClientUnderTest): void {
  const { transport, mode, protocolVersion } = client
  const label = [transport === 'sse' ? 'SSE' : '/mcp', mode, protocolVersion].filter((part) => part !== undefined).join(' ')
  // Sessionless /mcp has no way to tell which call of which client a `notifications/cancelled` means, and up to 2025-11-25 a closed
  // response is not a cancellation: there the deadline of the call ends it.
  const abortArrives = transport === 'sse' || protocolVersion === '2026-07-28'
  const clientTest = test.unless(client.skip)
  const onFixture = (name: string, body: (fixture: Fixture) => Promise<void>) =>
    clientTest(`${label}: ${name}`, async () => body(await sharedFixture({ token })), { timeoutMs: 60_000 })
  const behaviour = (name: string, body: (fixture: Fixture, connection: Connection) => Promise<void>) =>
    onFixture(name, (fixture) =>
      withConnection(client, { url: fixture.url, headers: bearer }, (connection) => body(fixture, connection)),
    )

  behaviour('connects and negotiates', async (_fixture, connection) => {
    assert.equal(connection.serverName, 'fixture')
    assert.equal(connection.protocolVersion, protocolVersion)
  })

  behaviour('lists the tools with their schemas unchanged', async (_fixture, connection) => {
    const tools = await connection.listTools()
    assert.ok(tools.length >= 10)
    for (const { name, description } of tools) assert.ok(description, name)
    const { $defs, allOf, else: otherwise } = jsonSchema202012
    const listed = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema as Record<string, unknown>
    assert.deepEqual({ $defs: listed.$defs, allOf: listed.allOf, else: listed.else }, { $defs, allOf, else: otherwise })
  })

  behaviour('gets text', async (_fixture, connection) => {
    const result = await connection.callTool('test_simple_text')
    assert.equal(text(result), 'This is a simple text response for testing.')
    assert.notEqual(result.isError, true)
  })

  behaviour('gets an error result', async (_fixture, connection) => {
    const result = await connection.callTool('test_error_handling')
    assert.equal(result.isError, true)
    assert.equal(text(result), 'This tool intentionally returns an error for testing')
  })

  behaviour('gets an argument error as a result that says what to do', async (_fixture, connection) => {
    const result = await connection.callTool('add', { a: 1 })
    assert.equal(result.isError, true)
    assert.match(text(result), /^ERROR INVALID_ARGUMENT: missing "b"\. TRY: \{"a":1,"b":/)
  })

  behaviour('gets an error object for an unknown tool', async (_fixture, connection) => {
    await assert.rejects(connection.callTool('test_simple_txt'), (error: Error & { code?: number }) => {
      assert.match(error.message, /unknown tool "test_simple_txt"; did you mean test_simple_text/)
      assert.equal(error.code, -32602)
      return true
    })
    assert.match(text(await connection.callTool('test_simple_text')), /simple/)
  })

  behaviour('gets an image', async (_fixture, connection) => {
    const { content } = await connection.callTool('test_image_content')
    assert.deepEqual(pick(content[0], 'type', 'data', 'mimeType'), { type: 'image', data: png, mimeType: 'image/png' })
  })

  behaviour('gets a sound', async (_fixture, connection) => {
    const { content } = await connection.callTool('test_audio_content')
    assert.deepEqual(pick(content[0], 'type', 'data', 'mimeType'), { type: 'audio', data: wav, mimeType: 'audio/wav' })
  })

  behaviour('gets an embedded resource', async (_fixture, connection) => {
    const { content } = await connection.callTool('test_embedded_resource')
    const { uri, mimeType, text } = (content[0]?.resource ?? {}) as Record<string, unknown>
    assert.deepEqual([uri, mimeType], ['test://embedded-resource', 'text/plain'])
    assert.match(String(text), /embedded resource/)
  })

  behaviour('gets several blocks in their order', async (_fixture, connection) => {
    const { content } = await connection.callTool('test_multiple_content_types')
    assert.deepEqual(
      content.map(({ type }) => type),
      ['text', 'image', 'resource'],
    )
  })

  behaviour('gets structured content that it checks against the output schema', async (_fixture, connection) => {
    const tools = await connection.listTools()
    assert.ok(tools.find(({ name }) => name === 'add')?.outputSchema)
    const result = await connection.callTool('add', { a: 2, b: 40 })
    assert.deepEqual(result.structuredContent, { sum: 42 })
    assert.equal(text(result), '{"sum":42}')
  })

  behaviour('gets progress', async (_fixture, connection) => {
    // The SDKs drop a notification that they read in one piece with the result, as happens on a busy machine: then again.
    for (let attempt = 1; ; attempt += 1) {
      const seen: number[] = []
      const onProgress = ({ progress }: { progress: number }) => seen.push(progress)
      const result = await connection.callTool('test_tool_with_progress', {}, { onProgress })
      assert.match(text(result), /successfully/)
      if (seen.length < 3 && attempt < 5) continue
      assert.deepEqual(seen, [0, 50, 100])
      break
    }
  })

  behaviour('gets log messages', async (_fixture, connection) => {
    await connection.callTool('test_tool_with_logging')
    assert.deepEqual(connection.logs, ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
  })

  behaviour(`cancels a call${abortArrives ? ', which the tool sees,' : ''} and goes on`, async (fixture, connection) => {
    const label = randomUUID()
    const abort = new AbortController()
    const call = assert.rejects(connection.callTool('wait', { label }, { signal: abort.signal }))
    await fixture.event('waiting', { label })
    abort.abort(new Error('enough'))
    await call
    if (abortArrives) await fixture.event('aborted', { label })
    assert.match(text(await connection.callTool('test_simple_text')), /simple/)
  })

  if (abortArrives) {
    behaviour('leaves in the middle of a call, which the tool sees', async (fixture, connection) => {
      const label = randomUUID()
      const call = connection.callTool('wait', { label }).catch(() => {})
      await fixture.event('waiting', { label })
      await connection.close()
      await fixture.event('aborted', { label })
      await call
    })
  }

  behaviour('runs calls of one session side by side', async (fixture, connection) => {
    const abort = new AbortController()
    const label = randomUUID()
    const slow = connection.callTool('wait', { label }, { signal: abort.signal }).catch(() => 'cancelled')
    await fixture.event('waiting', { label })
    const sums = await Promise.all([1, 2, 3, 4, 5].map((n) => connection.callTool('add', { a: n, b: n })))
    assert.deepEqual(sums.map(text), ['{"sum":2}', '{"sum":4}', '{"sum":6}', '{"sum":8}', '{"sum":10}'])
    abort.abort()
    await slow
  })

  behaviour('gets a result just below 1 MiB, and a clear error instead of a larger one', async (_fixture, connection) => {
    const large = await connection.callTool('repeat', { length: 440_000 })
    assert.equal(text(large).length, 440_000)
    const tooLarge = await connection.callTool('repeat', { length: 600_000 })
    assert.equal(tooLarge.isError, true)
    assert.match(text(tooLarge), /^ERROR TOO_LARGE/)
    assert.match(text(await connection.callTool('test_simple_text')), /simple/)
  })

  onFixture('keeps parallel sessions apart', async ({ url }) => {
    const numbers = Array.from({ length: 8 }, (_, i) => i + 1)
    const session = (n: number) =>
      withConnection(client, { url, headers: { ...bearer, 'x-litellm-end-user-id': `user-${n}` } }, async (connection) => {
        for (const m of numbers) {
          assert.equal(text(await connection.callTool('add', { a: n * 100, b: m })), `{"sum":${n * 100 + m}}`)
          assert.equal(JSON.parse(text(await connection.callTool('whoami'))).user, `user-${n}`)
        }
      })
    await Promise.all(numbers.map(session))
  })

  onFixture('tells the server who calls', ({ url }) =>
    withConnection(
      client,
      { url, headers: { ...bearer, 'x-litellm-end-user-id': 'ada@example.org', traceparent } },
      async (connection) => {
        const { principal, user, traceparent: trace } = JSON.parse(text(await connection.callTool('whoami')))
        assert.deepEqual({ principal, user, trace }, { principal: 'default', user: 'ada@example.org', trace: traceparent })
      },
    ),
  )

  onFixture('is refused with a wrong token, and without one', async (fixture) => {
    for (const headers of [{ authorization: 'Bearer wrong' }, {}] as Record<string, string>[]) {
      const from = fixture.now
      await assert.rejects(withConnection(client, { url: fixture.url, headers }, async () => {}))
      await fixture.event('closed', { status: 401 }, from)
    }
  })

  clientTest(
    `${label}: works again after the server was restarted`,
    async () => {
      const first = await Fixture.start({ token })
      let second: Fixture | undefined
      let connection: Connection | undefined
      try {
        connection = await client.connect({ url: first.url, headers: bearer })
        assert.match(text(await connection.callTool('test_simple_text')), /simple/)
        await first.stop()
        second = await Fixture.start({ token, port: first.port })
        if (client.reconnects) {
          assert.match(text(await untilItWorks(connection)), /simple/)
          // No `initialize` was sent on the new session: the server does not know which client this is.
          if (transport === 'sse') assert.equal(JSON.parse(text(await connection.callTool('whoami'))).client, null)
        } else {
          await connection.close().catch(() => {})
          connection = await client.connect({ url: second.url, headers: bearer })
          assert.match(text(await connection.callTool('test_simple_text')), /simple/)
        }
      } finally {
        await connection?.close().catch(() => {})
        await first.stop()
        await second?.stop()
      }
    },
    { timeoutMs: 60_000 },
  )
}

/** A client that reconnects by itself does so after a pause of its own, and says nothing when it has. */
async function untilItWorks(connection: Connection): Promise<CallResult> {
  const attempt = () => connection.callTool('test_simple_text', {}, { signal: AbortSignal.timeout(1_000) })
  for (let left = 20; left > 0; left -= 1) {
    try {
      return await attempt()
    } catch {
      await delay(250)
    }
  }
  return attempt()
}

async function withConnection(client: ClientUnderTest, target: Target, use: (connection: Connection) => Promise<void>) {
  const connection = await client.connect(target)
  try {
    await use(connection)
  } finally {
    await connection.close()
  }
}

export function text(result: CallResult): string {
  return result.content.map((block) => (block.type === 'text' ? String(block.text) : '')).join('')
}

function pick(block: Block | undefined, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, block?.[name]]))
}
