// A server's tools behind a real socket, and their answers taken apart.
import { type CallToolResult, httpSse, Server, type ServerOptions } from '../../protocol/index.ts'
import type { Environment } from '../../servers/kit/definition.ts'
import { McpSession, withServer } from './wire.ts'

/** Loosely typed, because what arrives in a test is asserted. */
export type Json = any

export interface Answer {
  readonly text: string
  readonly isError: boolean
  readonly blocks: CallToolResult['content']
  /** The arguments after `NEXT: `. */
  readonly next: Record<string, unknown> | undefined
  /** What is between the tags of untrusted data. */
  readonly data: string
  readonly structured: Json
  /** Of the structured content. */
  readonly meta: { truncated: boolean; warnings: string[] }
}

export interface ToolClient {
  call(tool: string, args?: Record<string, unknown>): Promise<Answer>
  /** Sends the call and gives back how to cancel it, and its answer if it gets one. */
  start(
    tool: string,
    args: Record<string, unknown>,
    onProgress?: (progress: Json) => void,
  ): { cancel(): Promise<unknown>; answer: Promise<Answer> }
  listTools(): Promise<Json[]>
  readonly session: McpSession
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export function environmentOf(environment: Partial<Environment> = {}): Environment {
  return {
    version: '0.0.0',
    maxResultChars: 40_000,
    toolTimeoutMs: 50_000,
    readOnly: true,
    ca: undefined,
    log: silent,
    ...environment,
  }
}

/** Runs `use` against these tools on a free port. */
export async function withTools<T>(
  options: Pick<ServerOptions, 'name' | 'tools'> & Partial<ServerOptions>,
  use: (client: ToolClient) => Promise<T>,
): Promise<T> {
  const handler = httpSse(new Server({ version: '0.0.0', onInternalError: (error) => console.error(error), ...options }))
  try {
    return await withServer(handler, (url) => withToolClient(`${url}/sse`, use))
  } finally {
    await handler.close(1_000)
  }
}

/** Runs `use` with a session on a server that is there already. */
export async function withToolClient<T>(url: string, use: (client: ToolClient) => Promise<T>): Promise<T> {
  const session = await McpSession.open(url)
  try {
    // Structured content is sent from this revision on.
    const clientInfo = { name: 'test', version: '0' }
    await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
    const start: ToolClient['start'] = (name, args, onProgress) => {
      const { id, response } = session.begin(
        'tools/call',
        { name, arguments: args },
        onProgress === undefined ? {} : { onProgress },
      )
      const answer = response.then(answerOf)
      answer.catch(() => {}) // a cancelled call has none
      return {
        cancel: () => session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }),
        answer,
      }
    }
    return await use({
      session,
      start,
      call: (name, args = {}) => start(name, args).answer,
      listTools: async () => (await session.request('tools/list')).result.tools,
    })
  } finally {
    session.close()
  }
}

export function answerOf(message: { result?: CallToolResult }): Answer {
  const { result } = message
  if (result === undefined) throw new Error(`no result: ${JSON.stringify(message)}`)
  const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const structured = (result.structuredContent ?? {}) as Json
  const next = /^NEXT: (.*)$/m.exec(text.replace(/<untrusted-data[\s\S]*<\/untrusted-data/, ''))?.[1]
  return {
    text,
    isError: result.isError === true,
    blocks: result.content,
    next: next === undefined ? undefined : JSON.parse(next),
    data: /<untrusted-data id="([^"]+)">\n([\s\S]*)\n<\/untrusted-data id="\1">/.exec(text)?.[2] ?? '',
    structured,
    meta: structured.meta,
  }
}
