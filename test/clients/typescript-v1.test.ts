// @modelcontextprotocol/sdk, the first generation of the official TypeScript SDK.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { type CallResult, type Connection, testClient } from './behaviours.ts'

async function open(transport: Transport): Promise<Connection> {
  const client = new Client({ name: 'typescript-v1', version: '1.0.0' })
  const logs: string[] = []
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logs.push(String(params.data)))
  let protocolVersion: string | undefined
  const { setProtocolVersion } = transport
  transport.setProtocolVersion = (version) => {
    protocolVersion = version
    setProtocolVersion?.call(transport, version)
  }
  try {
    await client.connect(transport)
  } catch (error) {
    await client.close() // its EventSource would try again for ever
    throw error
  }
  return {
    serverName: client.getServerVersion()?.name,
    protocolVersion,
    logs,
    listTools: async () => (await client.listTools()).tools,
    callTool: async (name, args, { onProgress, signal } = {}) =>
      (await client.callTool({ name, ...(args === undefined ? {} : { arguments: args }) }, undefined, {
        ...(onProgress === undefined ? {} : { onprogress: onProgress }),
        ...(signal === undefined ? {} : { signal }),
      })) as CallResult,
    close: () => client.close(),
  }
}

testClient({
  transport: 'sse',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) => open(new SSEClientTransport(new URL('/sse', url), { requestInit: { headers } })),
})

testClient({
  transport: 'http',
  protocolVersion: '2025-11-25',
  reconnects: true,
  connect: ({ url, headers }) =>
    open(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }) as Transport),
})
