// What breaks real clients: the facts of docs/clients.md that our code relies on, each shown by a server that gets one thing wrong. When a
// newer client forgives it, the test fails, and the rule that it stands for may go.
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { test } from '../runner/harness.ts'
import type { Connection } from './behaviours.ts'
import { connectPython, skipPython } from './python.ts'

/** What the server does in place of the right thing. */
interface Quirk {
  /** The whole of the first event. */
  endpoint?: (port: number) => string
  /** The bytes of a message event. */
  event?: (json: string) => string
  /** Status of a POST. */
  status?: number
  /** What takes the place of a result. */
  results?: Record<string, unknown>
}

const silent = 'no answer'
/** From the client's first request on: what has not been answered by then is not going to be. */
const silenceMs = 4_000

type Opened = Pick<Connection, 'listTools' | 'callTool' | 'close'>
type Open = (url: string, signal: AbortSignal) => Promise<Opened>

const python: Open = (url, signal) => connectPython({ url, headers: {} }, { transport: 'sse', mode: 'legacy', signal })
const typescript: Open = async (url, signal) => {
  const client = new Client({ name: 'quirks', version: '1.0.0' })
  signal.addEventListener('abort', () => void client.close())
  try {
    await client.connect(new SSEClientTransport(new URL('/sse', url)))
  } catch (error) {
    await client.close()
    throw error
  }
  return {
    listTools: async () => (await client.listTools()).tools,
    callTool: async (name) => (await client.callTool({ name })) as never,
    close: () => client.close(),
  }
}

const pythonTest = test.unless(skipPython)
const text = (length: number) => ({ content: [{ type: 'text', text: 'x'.repeat(length) }] })

pythonTest('Python SDK: takes an event of 1,000,000 bytes', async () => {
  await withQuirk({ results: { 'tools/call': text(999_900) } }, async (server) => {
    assert.match(await outcome(server, python, (c) => c.callTool('any')), /^ok/)
  })
})

pythonTest('Python SDK: ends the stream at an event above 1 MiB', async () => {
  await withQuirk({ results: { 'tools/call': text(1_100_000) } }, async (server) => {
    assert.doesNotMatch(await outcome(server, python, (c) => c.callTool('any')), /^ok/)
  })
})

pythonTest('Python SDK: finds no endpoint behind a byte order mark', async () => {
  await withQuirk({ endpoint: () => '\uFEFFevent: endpoint\ndata: /messages?sessionId=1\n\n' }, async (server) => {
    assert.doesNotMatch(await outcome(server, python, (c) => c.listTools()), /^ok/)
  })
})

pythonTest('Python SDK: waits for an answer on the stream although the POST was refused', async () => {
  await withQuirk({ status: 400 }, async (server) => {
    assert.equal(await outcome(server, python, (c) => c.listTools()), silent)
  })
})

pythonTest('Python SDK: refuses a result without content', async () => {
  await withQuirk({ results: { 'tools/call': { structuredContent: {} } } }, async (server) => {
    assert.doesNotMatch(await outcome(server, python, (c) => c.callTool('any')), /^ok/)
  })
})

pythonTest('Python SDK: refuses a block type it does not know', async () => {
  await withQuirk({ results: { 'tools/call': { content: [{ type: 'video', data: '' }] } } }, async (server) => {
    assert.doesNotMatch(await outcome(server, python, (c) => c.callTool('any')), /^ok/)
  })
})

test('TypeScript SDK: refuses an endpoint of another origin, as localhost is to 127.0.0.1', async () => {
  await withQuirk({ endpoint: (port) => `event: endpoint\ndata: http://localhost:${port}/messages\n\n` }, async (server) => {
    assert.match(await outcome(server, typescript, (c) => c.listTools()), /origin does not match/)
  })
})

test('TypeScript SDK: drops the whole list for one tool whose schema has no type', async () => {
  const tools = [
    { name: 'good', inputSchema: { type: 'object' } },
    { name: 'bad', inputSchema: {} },
  ]
  await withQuirk({ results: { 'tools/list': { tools } } }, async (server) => {
    assert.match(await outcome(server, typescript, (c) => c.listTools()), /inputSchema/)
  })
})

test('TypeScript SDK: loses an answer that has null where a member is optional', async () => {
  await withQuirk({ results: { 'tools/list': { tools: [], _meta: null } } }, async (server) => {
    assert.doesNotMatch(await outcome(server, typescript, (c) => c.listTools()), /^ok/)
  })
})

test('TypeScript SDK: finds no event where lines end in a lone CR', async () => {
  await withQuirk({ event: (json) => `event: message\rdata: ${json}\r\r` }, async (server) => {
    assert.equal(await outcome(server, typescript, (c) => c.listTools()), silent)
  })
})

test('TypeScript SDK: takes comments, unknown events and CRLF', async () => {
  const event = (json: string) => `: ping\r\n\r\nevent: other\r\ndata: 1\r\n\r\nevent: message\r\ndata: ${json}\r\n\r\n`
  await withQuirk({ event }, async (server) => {
    assert.match(await outcome(server, typescript, (c) => c.listTools()), /^ok/)
  })
})

/** `ok …`, the error's message, or that there was no answer in time. */
async function outcome({ url, contacted }: Target, open: Open, use: (connection: Opened) => Promise<unknown>): Promise<string> {
  let connection: Opened | undefined
  const stop = new AbortController()
  const work = (async () => {
    connection = await open(url, stop.signal)
    return `ok ${JSON.stringify(await use(connection)).slice(0, 100)}`
  })().catch((error: Error) => error.message || error.name)
  const silence = contacted.then(() => delay(silenceMs, silent, { signal: stop.signal })).catch(() => silent)
  try {
    return await Promise.race([work, silence])
  } finally {
    stop.abort()
    await connection?.close().catch(() => {})
  }
}

interface Target {
  url: string
  /** The client's first request has come. */
  contacted: Promise<void>
}

async function withQuirk(quirk: Quirk, use: (target: Target) => Promise<void>): Promise<void> {
  const streams = new Set<ServerResponse>()
  let contact: () => void = () => {}
  const contacted = new Promise<void>((resolve) => {
    contact = resolve
  })
  const server = createServer(async (req, res) => {
    contact()
    if (req.method === 'GET') {
      streams.add(res.writeHead(200, { 'Content-Type': 'text/event-stream' }))
      const right = () => 'event: endpoint\ndata: /messages?sessionId=1\n\n'
      res.write((quirk.endpoint ?? right)((server.address() as AddressInfo).port))
      return
    }
    let body = ''
    for await (const chunk of req.setEncoding('utf8')) body += chunk
    res.writeHead(quirk.status ?? 202).end()
    const { id, method, params } = JSON.parse(body)
    if (id === undefined || quirk.status !== undefined) return
    const serverInfo = { name: 'quirk', version: '1' }
    const result =
      quirk.results?.[method] ??
      (method === 'initialize'
        ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo }
        : { tools: [] })
    const json = JSON.stringify({ jsonrpc: '2.0', id, result })
    for (const stream of streams) stream.write((quirk.event ?? ((text) => `event: message\ndata: ${text}\n\n`))(json))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, contacted })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
