// For tests: this folder's tools behind a real socket, and their answers taken apart.
import { type CallToolResult, httpSse, Server } from '../../../protocol/index.ts'
import { McpSession, withServer } from '../../../test/wire.ts'
import type { Environment } from '../../runtime/definition.ts'
import { type Limits, openStorage, type StorageBackend } from '../backend.ts'
import type { StorageConfig } from '../config.ts'
import { storageTools } from '../tools.ts'

export interface Answer {
  readonly text: string
  readonly isError: boolean
  readonly blocks: CallToolResult['content']
  /** The arguments after `NEXT: `. */
  readonly next: Record<string, unknown> | undefined
  /** What is between the tags of untrusted data. */
  readonly data: string
  /** The structured content, as loosely typed as JSON is. */
  readonly structured: ReturnType<typeof JSON.parse>
}

export interface Wire {
  call(tool: string, args: Record<string, unknown>): Promise<Answer>
  /** Sends the call, and gives back how to cancel it. */
  start(tool: string, args: Record<string, unknown>): { cancel(): Promise<unknown>; answer: Promise<Answer> }
  list(args?: Record<string, unknown>): Promise<Answer>
  get(args?: Record<string, unknown>): Promise<Answer>
  readonly session: McpSession
  readonly backend: StorageBackend
}

export interface Setup {
  endpoint: string
  config?: Partial<StorageConfig>
  limits?: Partial<Limits>
  environment?: Partial<Environment>
  structured?: 'never' | 'auto'
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export function configOf(endpoint: string, config: Partial<StorageConfig> = {}): StorageConfig {
  return {
    MINIO_ENDPOINT: endpoint,
    MINIO_ACCESS_KEY: 'test-key',
    MINIO_SECRET_KEY: 'test-secret',
    MINIO_PATH_STYLE: true,
    MINIO_ALLOWED_BUCKETS: [],
    MINIO_DENY_KEYS: [],
    ...config,
  }
}

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

/** Runs `use` against the tools on a free port. */
export async function withStorage<T>(setup: Setup, use: (wire: Wire) => Promise<T>): Promise<T> {
  const environment = environmentOf(setup.environment)
  const backend = openStorage(configOf(setup.endpoint, setup.config), environment, setup.limits)
  const server = new Server({
    name: 'storage',
    version: '0.0.0',
    tools: storageTools(backend, environment),
    structuredContent: setup.structured ?? 'auto',
  })
  const handler = httpSse(server)
  try {
    return await withServer(handler, (url) => withSession(`${url}/sse`, (wire) => use({ ...wire, backend })))
  } finally {
    await handler.close(1_000)
    await backend.close()
  }
}

/** Runs `use` with a session on a server that is there already. */
export async function withSession<T>(url: string, use: (wire: Omit<Wire, 'backend'>) => Promise<T>): Promise<T> {
  const session = await McpSession.open(url)
  try {
    await session.request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '0' },
    })
    await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    const call: Wire['call'] = async (tool, args) => answerOf(await session.call(tool, args))
    let id = 1_000_000
    return await use({
      session,
      call,
      list: (args = {}) => call('minio_list_objects', args),
      get: (args = {}) => call('minio_get_object', args),
      start(tool, args) {
        id += 1
        const at = id
        const sent = session.post({ jsonrpc: '2.0', id: at, method: 'tools/call', params: { name: tool, arguments: args } })
        const answer = sent.then(async () => {
          for (;;) {
            const message = await session.message()
            if (message.id === at) return answerOf(message.result)
          }
        })
        answer.catch(() => {}) // a cancelled call has none
        return {
          cancel: () => session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: at } }),
          answer,
        }
      },
    })
  } finally {
    session.close()
  }
}

function answerOf(result: CallToolResult): Answer {
  const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const next = /^NEXT: (.*)$/m.exec(text.replace(/<untrusted-data[\s\S]*<\/untrusted-data/, ''))?.[1]
  return {
    text,
    isError: result.isError === true,
    blocks: result.content,
    next: next === undefined ? undefined : JSON.parse(next),
    data: /<untrusted-data id="([^"]+)">\n([\s\S]*)\n<\/untrusted-data id="\1">/.exec(text)?.[2] ?? '',
    structured: result.structuredContent ?? {},
  }
}
