// @modelcontextprotocol/client, the second generation of the official TypeScript SDK.
import assert from 'node:assert/strict'
import {
  Client,
  type ClientOptions,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import { streamableHttp } from '../../protocol/index.ts'
import { sampleServer } from '../helpers/sample-server.ts'
import { withServer } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { type CallResult, type Connection, testClient, text } from './behaviours.ts'

/** @param meta what a client of 2026-07-28 sends with each call, such as the log level it wants */
async function open(transport: Transport, options: ClientOptions = {}, meta?: Record<string, unknown>): Promise<Connection> {
  const client = new Client({ name: 'typescript-v2', version: '1.0.0' }, options)
  const logs: string[] = []
  client.setNotificationHandler('notifications/message', ({ params }) => void logs.push(String(params.data)))
  try {
    await client.connect(transport)
  } catch (error) {
    await client.close() // its EventSource would try again for ever
    throw error
  }
  return {
    serverName: client.getServerVersion()?.name,
    protocolVersion: client.getNegotiatedProtocolVersion(),
    logs,
    listTools: async () => (await client.listTools()).tools,
    callTool: async (name, args, { onProgress, signal } = {}) =>
      (await client.callTool(
        { name, ...(args === undefined ? {} : { arguments: args }), ...(meta === undefined ? {} : { _meta: meta }) },
        { ...(onProgress === undefined ? {} : { onprogress: onProgress }), ...(signal === undefined ? {} : { signal }) },
      )) as CallResult,
    close: () => client.close(),
  }
}

testClient({
  transport: 'sse',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) => open(new SSEClientTransport(new URL('/sse', url), { requestInit: { headers } })),
})

// A client that may speak 2026-07-28 asks for it first, on this transport too, and must be told no in a way that lets it go on.
testClient({
  transport: 'sse',
  mode: 'auto',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) =>
    open(new SSEClientTransport(new URL('/sse', url), { requestInit: { headers } }), { versionNegotiation: { mode: 'auto' } }),
})

testClient({
  transport: 'http',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) => open(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } })),
})

testClient({
  transport: 'http',
  mode: 'auto',
  protocolVersion: '2026-07-28',
  reconnects: true,
  connect: ({ url, headers }) =>
    open(
      new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }),
      { versionNegotiation: { mode: 'auto' } },
      { 'io.modelcontextprotocol/logLevel': 'info' },
    ),
})

for (const mode of ['legacy', 'auto'] as const) {
  test(`/mcp ${mode}: gets the result of a call whose answer began with keep-alive comments`, async () => {
    const sample = sampleServer()
    await withServer(streamableHttp(sample.server, { silentMs: 50, keepAliveMs: 100 }), async (url) => {
      const transport = new StreamableHTTPClientTransport(new URL('/mcp', url))
      const connection = await open(transport, mode === 'auto' ? { versionNegotiation: { mode } } : {})
      setTimeout(sample.release, 500)
      assert.equal(text(await connection.callTool('wait')), 'released')
      await connection.close()
    })
  })
}
