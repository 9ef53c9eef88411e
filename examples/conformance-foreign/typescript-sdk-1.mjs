// Official TypeScript SDK v1 (@modelcontextprotocol/sdk), wired as its documentation shows, on both transports.
// npm install @modelcontextprotocol/sdk zod && node typescript-sdk-1.mjs PORT  →  /sse and /mcp
import { randomUUID } from 'node:crypto'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

function newServer() {
  const server = new McpServer({ name: 'typescript-sdk-1', version: '1.0.0' })
  const about = { description: 'Echo', inputSchema: { text: z.string().optional() }, outputSchema: { text: z.string() } }
  server.registerTool('echo', { ...about, annotations: { readOnlyHint: true } }, async ({ text = '' }) => ({
    content: [{ type: 'text', text: JSON.stringify({ text }) }],
    structuredContent: { text },
  }))
  return server
}

const app = createMcpExpressApp()
const streams = new Map()
const sessions = new Map()

app.get('/sse', async (_, res) => {
  const transport = new SSEServerTransport('/messages', res)
  streams.set(transport.sessionId, transport)
  res.on('close', () => streams.delete(transport.sessionId))
  await newServer().connect(transport)
})

app.post('/messages', async (req, res) => {
  const transport = streams.get(req.query.sessionId)
  if (transport === undefined) res.status(400).send('No transport found for sessionId')
  else await transport.handlePostMessage(req, res, req.body)
})

app.all('/mcp', async (req, res) => {
  const id = req.headers['mcp-session-id']
  let transport = sessions.get(id)
  if (id !== undefined && transport === undefined) {
    res.status(404).json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
    return
  }
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (sessionId) => void sessions.set(sessionId, transport),
      onsessionclosed: (sessionId) => void sessions.delete(sessionId),
    })
    await newServer().connect(transport)
  }
  await transport.handleRequest(req, res, req.body)
})

app.listen(Number(process.argv[2]), '127.0.0.1')
