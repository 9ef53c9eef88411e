// Official TypeScript SDK v2 (@modelcontextprotocol/server), stateless, all five revisions.
// npm install @modelcontextprotocol/server @modelcontextprotocol/node zod && node typescript-sdk-2.mjs PORT  →  /mcp
import { createServer } from 'node:http'
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

function newServer() {
  const server = new McpServer({ name: 'typescript-sdk-2', version: '1.0.0' })
  const about = {
    description: 'Echo',
    inputSchema: z.object({ text: z.string().optional() }),
    outputSchema: z.object({ text: z.string() }),
  }
  server.registerTool('echo', { ...about, annotations: { readOnlyHint: true } }, async ({ text = '' }) => ({
    content: [{ type: 'text', text: JSON.stringify({ text }) }],
    structuredContent: { text },
  }))
  return server
}

const handle = toNodeHandler(createMcpHandler(newServer))
const isLocalHost = localhostHostValidation()
const isLocalOrigin = localhostOriginValidation()

createServer((req, res) => {
  if (isLocalHost(req, res) && isLocalOrigin(req, res)) handle(req, res)
}).listen(Number(process.argv[2]), '127.0.0.1')
