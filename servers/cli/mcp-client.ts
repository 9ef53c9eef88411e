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
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string }
}

/** @param limitMs for each request @throws Error with the reason when no MCP server answers there, as the functions it returns do */
export async function openClient(url: URL, token: string | undefined, limitMs: number) {
  let headers: Record<string, string> = {
    ...bearer(token),
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  let lastId = 0

  const post = async (message: object): Promise<{ text: string; type: string }> => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    const answer = await send(url, { method: 'POST', headers }, limitMs, body)
    const { status, text } = answer
    const type = answer.headers['content-type'] ?? ''
    if (status === 401) throw new Error('a token is needed, or it is wrong (401); set MCP_AUTH_TOKEN')
    // Some servers answer a JSON-RPC error with a status of 400 or 404.
    if (status >= 300 && !(type.startsWith('application/json') && text.includes('"jsonrpc"')))
      throw new Error(`answers ${status}, which is not MCP: ${text.slice(0, 200)}`)
    const session = answer.headers['mcp-session-id']
    if (typeof session === 'string') headers = { ...headers, 'mcp-session-id': session }
    return { text, type }
  }

  const request = async (method: string, params: object): Promise<Record<string, unknown>> => {
    const id = ++lastId
    const { text, type } = await post({ id, method, params })
    const messages = type.startsWith('text/event-stream') ? eventsOf(text) : [text]
    const response = messages.map((message) => JSON.parse(message) as Response).find((message) => message.id === id)
    if (response === undefined) throw new Error(`${method} was not answered`)
    if (response.error !== undefined) throw new Error(`${response.error.message} (${response.error.code})`)
    return response.result ?? {}
  }

  const clientInfo = { name: 'octet', version: packageJson.version }
  const { protocolVersion: agreed } = await request('initialize', { protocolVersion, capabilities: {}, clientInfo })
  headers = { ...headers, 'mcp-protocol-version': String(agreed) }
  await post({ method: 'notifications/initialized' })

  return {
    async tools(): Promise<ListedTool[]> {
      const tools: ListedTool[] = []
      let cursor: unknown
      for (let page = 0; page < maxPages; page++) {
        const result = await request('tools/list', cursor === undefined ? {} : { cursor })
        tools.push(...(result.tools as ListedTool[]))
        cursor = result.nextCursor
        if (cursor === undefined) break
      }
      return tools
    },
    async call(name: string, args: unknown): Promise<CallToolResult> {
      return (await request('tools/call', { name, arguments: args })) as unknown as CallToolResult
    },
  }
}

/** The data of each event of a whole stream. */
function eventsOf(stream: string): string[] {
  return stream
    .split(/\r?\n\r?\n/)
    .map((event) =>
      event
        .split(/\r?\n/)
        .flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length).trimStart()] : []))
        .join('\n'),
    )
    .filter((data) => data !== '')
}
