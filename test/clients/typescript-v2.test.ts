// @modelcontextprotocol/client, the second generation of the official TypeScript SDK.
import { Client, type ClientOptions, SSEClientTransport, type Transport } from '@modelcontextprotocol/client'
import { type CallResult, type Connection, testClient } from './behaviours.ts'

async function open(transport: Transport, options: ClientOptions = {}): Promise<Connection> {
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
        { name, ...(args === undefined ? {} : { arguments: args }) },
        { ...(onProgress === undefined ? {} : { onprogress: onProgress }), ...(signal === undefined ? {} : { signal }) },
      )) as CallResult,
    close: () => client.close(),
  }
}

testClient({
  label: 'SSE',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) => open(new SSEClientTransport(new URL('/sse', url), { requestInit: { headers } })),
})

// A client that may speak 2026-07-28 asks for it first, on this transport too, and must be told no in a way that lets it go on.
testClient({
  label: 'SSE, mode auto',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) =>
    open(new SSEClientTransport(new URL('/sse', url), { requestInit: { headers } }), { versionNegotiation: { mode: 'auto' } }),
})
