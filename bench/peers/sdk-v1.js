// The echo on the official TypeScript SDK 1.x over HTTP+SSE, as its documentation shows it. Copied beside its packages before it is run.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import express from 'express'
import { z } from 'zod'

const sessions = new Map()
const app = express()
app.get('/sse', async (_req, res) => {
  const server = new McpServer({ name: 'echo', version: '1' })
  server.registerTool('echo', { description: 'Returns its text.', inputSchema: { text: z.string() } }, async ({ text }) => ({
    content: [{ type: 'text', text }],
  }))
  const transport = new SSEServerTransport('/messages', res)
  sessions.set(transport.sessionId, transport)
  res.on('close', () => sessions.delete(transport.sessionId))
  await server.connect(transport)
})
app.post('/messages', (req, res) => sessions.get(req.query.sessionId)?.handlePostMessage(req, res) ?? res.sendStatus(404))
app.listen(Number(process.env.MCP_PORT), '127.0.0.1')
