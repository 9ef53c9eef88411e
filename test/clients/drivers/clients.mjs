// @ai-sdk/mcp, @openai/agents and mcp-remote; see README.md. OCTET_TEST_CLIENTS_NPM is the folder where they are installed.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const folder = process.env.OCTET_TEST_CLIENTS_NPM
const [, , client, transport, url, token] = process.argv
const require = createRequire(join(folder, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
const version = (name) => JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
const headers = { Authorization: `Bearer ${token}` }

const clients = {
  async 'ai-sdk'() {
    const { createMCPClient } = await load('@ai-sdk/mcp')
    const mcp = await createMCPClient({ transport: { type: transport, url, headers } })
    return {
      version: version('@ai-sdk/mcp'),
      list: async () => (await mcp.listTools()).tools,
      call: (name) => mcp.callTool({ name, arguments: {} }),
      close: () => mcp.close(),
    }
  },
  async 'openai-agents'() {
    const { MCPServerSSE, MCPServerStreamableHttp } = await load('@openai/agents-core')
    const options = { url, requestInit: { headers } }
    if (transport === 'sse') {
      // Its EventSource takes headers by a fetch of its own.
      options.eventSourceInit = { fetch: (to, init) => fetch(to, { ...init, headers: { ...init?.headers, ...headers } }) }
    }
    const server = transport === 'sse' ? new MCPServerSSE(options) : new MCPServerStreamableHttp(options)
    await server.connect()
    return {
      version: version('@openai/agents-core'),
      list: () => server.listTools(),
      // It passes only the content on.
      call: async (name) => ({ content: await server.callTool(name, {}) }),
      close: () => server.close(),
    }
  },
  async 'mcp-remote'() {
    const { Client } = await load('@modelcontextprotocol/client')
    const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio')
    const command = join(folder, 'node_modules/mcp-remote/dist/proxy.js')
    const args = [command, url, '--transport', `${transport}-only`, '--allow-http', '--header', `Authorization: Bearer ${token}`]
    const mcp = new Client({ name: 'claude-desktop', version: '1' })
    await mcp.connect(new StdioClientTransport({ command: process.execPath, args, env: process.env, stderr: 'ignore' }), {
      timeout: 10_000,
    })
    return {
      version: version('mcp-remote'),
      list: async () => (await mcp.listTools()).tools,
      call: (name) => mcp.callTool({ name, arguments: {} }, { timeout: 10_000 }),
      close: () => mcp.close(),
    }
  },
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
process.on('uncaughtException', (error) => say({ error: String(error?.message ?? error) }))

try {
  const connection = await clients[client]()
  say({ connected: connection.version })
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, name] = line.split(' ')
    try {
      if (command === 'list') say({ tools: (await connection.list()).map((tool) => tool.name) })
      else {
        const { isError = false, content } = await connection.call(name)
        say({ isError, content })
      }
    } catch (error) {
      say({ error: String(error?.message ?? error) })
    }
  }
  await Promise.race([connection.close(), new Promise((resolve) => setTimeout(resolve, 1_000))])
} catch (error) {
  say({ error: String(error?.message ?? error) })
}
process.exit(0)
