// mcp-lite with its in-memory sessions, on Hono.
// npm install mcp-lite hono @hono/node-server zod && node mcp-lite.mjs PORT  →  /mcp
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { InMemorySessionAdapter, McpServer, StreamableHttpTransport } from 'mcp-lite'
import { z } from 'zod'

const server = new McpServer({ name: 'mcp-lite', version: '1.0.0', schemaAdapter: (schema) => z.toJSONSchema(schema) })
server.tool('echo', {
  description: 'Echo',
  inputSchema: z.object({ text: z.string().optional() }),
  outputSchema: z.object({ text: z.string() }),
  annotations: { readOnlyHint: true },
  handler: ({ text = '' }) => ({ content: [{ type: 'text', text: JSON.stringify({ text }) }], structuredContent: { text } }),
})

const transport = new StreamableHttpTransport({ sessionAdapter: new InMemorySessionAdapter({ maxEventBufferSize: 1024 }) })
const handle = transport.bind(server)
const app = new Hono()
app.all('/mcp', (context) => handle(context.req.raw))
serve({ fetch: app.fetch, port: Number(process.argv[2]), hostname: '127.0.0.1' })
