// The echo on mcp-lite with Hono, over /mcp with sessions.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { InMemorySessionAdapter, McpServer, StreamableHttpTransport } from 'mcp-lite'

const mcp = new McpServer({ name: 'echo', version: '1' })
mcp.tool('echo', {
  description: 'Returns its text.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  handler: ({ text }) => ({ content: [{ type: 'text', text }] }),
})
const handle = new StreamableHttpTransport({ sessionAdapter: new InMemorySessionAdapter({ maxEventBufferSize: 1024 }) }).bind(mcp)
const app = new Hono()
app.all('/mcp', (context) => handle(context.req.raw))
serve({ fetch: app.fetch, port: Number(process.env.MCP_PORT), hostname: '127.0.0.1' })
