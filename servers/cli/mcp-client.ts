// A small MCP client over streamable HTTP: the handshake, tools/list and tools/call of one server.
import packageJson from '../../package.json' with { type: 'json' }
import type { CallToolResult, JsonSchema } from '../../protocol/index.ts'
import { bearer, send } from './http.ts'

const protocolVersion = '2025-06-18'
/** Of tools/list; a server that has more repeats itself. */
const maxPages = 100

/** As tools/list names it. */
export interface ListedTool {
  readonly name: string
  readonly description?: string
  readonly inputSchema: JsonSchema
}

interface Response {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
}

/** @param limitMs for each request @throws Error with the reason when no MCP server answers there, as the functions it returns do */
export async function openClient(url: URL, token: string | undefined, limitMs: number) {
  const accept = 'application/json, text/event-stream'
  const headers: Record<string, string> = { ...bearer(token), 'content-type': 'application/json', accept }
  let lastId = 0

  const post = async (message: object): Promise<{ text: string; type: string }> => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    const { status, text, headers: received } = await send(url, { method: 'POST', headers }, limitMs, body)
    const { 'content-type': type = '', 'mcp-session-id': session } = received
    if (status === 401) throw new Error('a token is needed, or it is wrong (401); set MCP_AUTH_TOKEN')
    // Some servers answer a JSON-RPC error with a status of 400 or 404.
    if (status >= 300 && !(type.startsWith('application/json') && text.includes('"jsonrpc"')))
      throw new Error(`answers ${status}, which is not MCP: ${text.slice(0, 200)}`)
    if (typeof session === 'string') headers['mcp-session-id'] = session
    return { text, type }
  }

  const request = async <T>(method: string, params: object): Promise<T> => {
    const id = ++lastId
    const { text, type } = await post({ id, method, params })
    const messages = type.startsWith('text/event-stream') ? eventsOf(text) : [text]
    const response = messages.map((message) => JSON.parse(message) as Response).find((message) => message.id === id)
    if (response === undefined) throw new Error(`${method} was not answered`)
    if (response.error !== undefined) throw new Error(`${response.error.message} (${response.error.code})`)
    return (response.result ?? {}) as T
  }

  const clientInfo = { name: 'octet', version: packageJson.version }
  const wanted = { protocolVersion, capabilities: {}, clientInfo }
  const agreed = await request<Partial<typeof wanted>>('initialize', wanted)
  headers['mcp-protocol-version'] = String(agreed.protocolVersion)
  await post({ method: 'notifications/initialized' })

  return {
    async tools(): Promise<ListedTool[]> {
      const tools: ListedTool[] = []
      let cursor: string | undefined
      for (let page = 0; page < maxPages; page++) {
        const result = await request<{ tools: ListedTool[]; nextCursor?: string }>('tools/list', { cursor })
        tools.push(...result.tools)
        cursor = result.nextCursor
        if (cursor === undefined) break
      }
      return tools
    },
    call: (name: string, args: unknown) => request<CallToolResult>('tools/call', { name, arguments: args }),
  }
}

/** The data of each event of a whole stream. */
function eventsOf(stream: string): string[] {
  const events = stream.split(/\r?\n\r?\n/).map((event) => event.split(/\r?\n/).filter((line) => line.startsWith('data:')))
  const data = events.map((lines) => lines.map((line) => line.slice('data:'.length)).join('\n'))
  return data.filter((text) => text.trim() !== '')
}
