// The same echo on Octet: on the protocol library alone, and as a whole server with limits, metrics, health and audit trail.
import { createServer } from 'node:http'
import { createAccess, defineTool, httpSse, Server, streamableHttp } from '../protocol/index.ts'
import { serve } from '../servers/host/serve.ts'
import { defineServer } from '../servers/kit/definition.ts'

export const echo = defineTool({
  name: 'echo',
  description: 'Returns its text.',
  inputSchema: {
    type: 'object',
    properties: { text: { type: 'string', maxLength: 100_000 }, times: { type: 'integer', minimum: 1, maximum: 10, default: 1 } },
    required: ['text'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  handler: ({ text }) => text,
})

export const definition = defineServer({
  name: 'echo',
  title: 'Echo',
  instructions: 'Echo.',
  config: { type: 'object', properties: {} },
  missing: () => undefined,
  open: () => ({ upstream: 'none', probe: async () => ({}), close: async () => {} }),
  tools: () => [echo],
})

export function serveLibrary(): void {
  const server = new Server({ name: 'echo', version: '1', tools: [echo] })
  const access = createAccess({ loopback: true })
  const sse = httpSse(server, { access, maxSessions: 2_000 })
  const mcp = streamableHttp(server, { access })
  createServer({ keepAliveTimeout: 65_000 }, (req, res) => (req.url === '/mcp' ? mcp(req, res) : sse(req, res))).listen(
    Number(process.env.MCP_PORT),
    '127.0.0.1',
  )
}

export function serveWhole(): void {
  void serve([definition], { env: process.env })
}
