// The echo on FastMCP (npm), which serves /sse and /mcp on the official SDK.
import { FastMCP } from 'fastmcp'
import { z } from 'zod'

const nothing = () => {}
const logger = { debug: nothing, error: console.error, info: nothing, log: nothing, warn: nothing }
const server = new FastMCP({ name: 'echo', version: '1.0.0', logger })
server.addTool({
  name: 'echo',
  description: 'Returns its text.',
  parameters: z.object({ text: z.string() }),
  execute: async ({ text }) => text,
})
await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.MCP_PORT), host: '127.0.0.1', enableJsonResponse: true },
})
