// The echo on the official TypeScript SDK 2.x over /mcp with sessions and JSON answers, its fastest mode.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const sessions = new Map()

async function connected() {
  const server = new McpServer({ name: 'echo', version: '1' })
  server.registerTool(
    'echo',
    { description: 'Returns its text.', inputSchema: z.object({ text: z.string() }) },
    async ({ text }) => ({
      content: [{ type: 'text', text }],
    }),
  )
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => sessions.set(id, transport),
  })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await server.connect(transport)
  return transport
}

createServer(async (req, res) => {
  const id = req.headers['mcp-session-id']
  const transport = id === undefined ? await connected() : sessions.get(id)
  if (transport === undefined) res.writeHead(404).end()
  else await transport.handleRequest(req, res)
}).listen(Number(process.env.MCP_PORT), '127.0.0.1')
