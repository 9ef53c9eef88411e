// The reference server's methods: a tools-only MCP server of all five revisions, without any transport. It shares no code with the cases
// (only the list of revisions), so that a fault in one is not a fault in both.
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'

// biome-ignore lint/suspicious/noExplicitAny: it handles arbitrary JSON, good and bad
export type Message = Record<string, any>

export const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']
export const MODERN = '2026-07-28'
export const KEY = 'io.modelcontextprotocol/'

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']
const SERVER_INFO = { name: 'reference', version: '1.0.0' }
const PAGE = 2

/** What a method may know and do besides its params. */
export interface Scope {
  revision: string
  signal: AbortSignal
  /** Sends a notification that belongs to the request. */
  emit(notification: Message): void
  /** Log messages are wanted. */
  wantsLogs: boolean
  setWantsLogs(value: boolean): void
}

export class RpcError extends Error {
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}

interface Tool extends Message {
  name: string
  inputSchema: Message
  run(args: Message, scope: Scope, progress: (value: number) => void): Promise<Message>
}

const readOnly = { title: 'T', readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Names of tools that were called, so that a test can tell that no other one was. */
export const calledTools = new Set<string>()

export const TOOLS: Tool[] = [
  {
    name: 'echo',
    title: 'Echo',
    description: 'Gives its arguments back.',
    annotations: readOnly,
    icons: [{ src: 'https://example.com/i.png', mimeType: 'image/png', sizes: ['48x48'] }],
    inputSchema: {
      type: 'object',
      properties: {
        text: { type: 'string', 'x-mcp-header': 'Text' },
        count: { type: 'integer', 'x-mcp-header': 'Count' },
        note: { type: 'string' },
      },
      additionalProperties: false,
    },
    outputSchema: { type: 'object', properties: { text: { type: 'string' }, note: { type: 'string' } }, required: ['text'] },
    async run(args, scope, progress) {
      progress(1)
      await sleep(12, undefined, { signal: scope.signal })
      progress(2)
      const answer = { text: args.text ?? '', ...(args.note === undefined ? {} : { note: args.note }) }
      const content: Message[] = [
        { type: 'text', text: JSON.stringify(answer), annotations: { audience: ['user'], priority: 0.5 } },
        { type: 'image', data: PIXEL, mimeType: 'image/png' },
        { type: 'resource', resource: { uri: 'test://a', mimeType: 'text/plain', text: 'a' } },
      ]
      if (scope.revision >= '2025-03-26') content.push({ type: 'audio', data: 'AAAA', mimeType: 'audio/wav' })
      if (scope.revision >= '2025-06-18') content.push({ type: 'resource_link', uri: 'test://a', name: 'a' })
      return { content, ...(scope.revision >= '2025-06-18' ? { structuredContent: answer } : {}) }
    },
  },
  {
    name: 'wait',
    description: 'Takes its time.',
    annotations: readOnly,
    inputSchema: { type: 'object', properties: { ms: { type: 'integer', minimum: 0 } }, required: ['ms'] },
    async run({ ms }, scope, progress) {
      for (let step = 1; step <= 4; step += 1) {
        await sleep(ms / 4, undefined, { signal: scope.signal })
        progress(step * 25)
      }
      return { content: [{ type: 'text', text: 'done' }] }
    },
  },
  {
    name: 'erase',
    description: 'Destroys something: the suite must never call it.',
    annotations: { destructiveHint: true },
    inputSchema: { type: 'object' },
    run: async () => ({ content: [] }),
  },
]

const ajv = new Ajv2020({ strict: false })
const validators = new Map(TOOLS.map((tool) => [tool.name, ajv.compile(tool.inputSchema)]))

const isObject = (value: unknown): value is Message => typeof value === 'object' && value !== null && !Array.isArray(value)

const isModernScope = (scope: Scope): boolean => scope.revision === MODERN

const CAPABILITIES = { tools: { listChanged: true }, logging: {}, resources: {} }
const HINTS = { ttlMs: 60_000, cacheScope: 'public' }

/** The result of a request. Throws RpcError. */
export async function dispatch(request: Message, scope: Scope): Promise<Message> {
  const params = request.params ?? {}
  if (!isObject(params)) throw new RpcError(-32602, 'params must be an object')
  const result = await method(request.method, params, scope)
  if (!isModernScope(scope)) return result
  return { resultType: 'complete', ...result, _meta: { [`${KEY}serverInfo`]: SERVER_INFO, ...result._meta } }
}

async function method(name: string, params: Message, scope: Scope): Promise<Message> {
  const isModern = isModernScope(scope)
  const level = params._meta?.[`${KEY}logLevel`]
  if (isModern && level !== undefined && !LEVELS.includes(level)) throw new RpcError(-32602, 'unknown log level')
  if (name === 'tools/list') return listTools(params, isModern)
  if (name === 'tools/call') return callTool(params, scope)
  if (name === 'resources/list') return { resources: [], ...(isModern ? HINTS : {}) }
  if (isModern && name === 'server/discover') {
    const extensions = { 'com.example/extension': {} }
    return {
      supportedVersions: [...LEGACY, MODERN],
      capabilities: { ...CAPABILITIES, extensions },
      instructions: 'Echo.',
      ...HINTS,
    }
  }
  if (!isModern && name === 'initialize') return initialize(params)
  if (!isModern && name === 'ping') return {}
  if (!isModern && name === 'logging/setLevel') {
    if (!LEVELS.includes(params.level)) throw new RpcError(-32602, 'unknown log level')
    scope.setWantsLogs(params.level === 'debug')
    return {}
  }
  throw new RpcError(-32601, 'Method not found')
}

function initialize(params: Message): Message {
  if (typeof params.protocolVersion !== 'string') throw new RpcError(-32602, 'protocolVersion is missing')
  const protocolVersion = LEGACY.includes(params.protocolVersion) ? params.protocolVersion : LEGACY.at(-1)
  return { protocolVersion, capabilities: CAPABILITIES, serverInfo: SERVER_INFO, instructions: 'Echo.' }
}

function listTools({ cursor }: Message, isModern: boolean): Message {
  const start = cursor === undefined ? 0 : Number(/^page-(\d+)$/.exec(String(cursor))?.[1] ?? Number.NaN) * PAGE
  if (!(start >= 0 && start < TOOLS.length)) throw new RpcError(-32602, 'invalid cursor')
  const tools = TOOLS.slice(start, start + PAGE).map(({ run: _, ...tool }) => tool)
  const next = start + PAGE < TOOLS.length ? { nextCursor: `page-${start / PAGE + 1}` } : {}
  return { tools, ...next, ...(isModern ? HINTS : {}) }
}

async function callTool(params: Message, scope: Scope): Promise<Message> {
  const tool = TOOLS.find((candidate) => candidate.name === params.name)
  if (tool === undefined) throw new RpcError(-32602, 'Unknown tool')
  const args = params.arguments ?? {}
  if (!isObject(args)) throw new RpcError(-32602, 'arguments must be an object')
  const validate = validators.get(tool.name)
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))
  if (validate !== undefined && !validate(given)) {
    return { isError: true, content: [{ type: 'text', text: ajv.errorsText(validate.errors) }] }
  }
  calledTools.add(tool.name)
  const token = params._meta?.progressToken
  const progress = (value: number): void => {
    if (token !== undefined)
      scope.emit({ method: 'notifications/progress', params: { progressToken: token, progress: value, total: 100 } })
  }
  const wantsLogs = isModernScope(scope) ? /^(?:debug|info)$/.test(params._meta?.[`${KEY}logLevel`]) : scope.wantsLogs
  if (wantsLogs)
    scope.emit({ method: 'notifications/message', params: { level: 'info', logger: 'tools', data: { tool: tool.name } } })
  return tool.run(given, scope, progress)
}
