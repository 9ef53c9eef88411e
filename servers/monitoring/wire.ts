// For tests: this folder's tools behind a real socket, and upstreams that do what a test says.
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { type CallToolResult, httpSse, Server } from '../../protocol/index.ts'
import type { Environment } from '../runtime/definition.ts'
import { type MonitoringBackend, openMonitoring } from './backend.ts'
import type { MonitoringConfig } from './config.ts'
import { monitoringTools } from './tools.ts'

// biome-ignore lint/suspicious/noExplicitAny: what arrives in a test is asserted, not typed
type Json = Record<string, any>

export interface Setup {
  config?: Partial<MonitoringConfig>
  maxResultChars?: number
  ca?: string
}

export interface Answer {
  readonly text: string
  readonly isError: boolean
  /** The arguments after `NEXT: `. */
  readonly next: Record<string, unknown> | undefined
  /** What is between the tags of untrusted data. */
  readonly data: string
  readonly meta: { truncated: boolean; warnings: string[] }
  readonly structured: Json
}

export interface Progress {
  readonly progress: number
  readonly total: number
  readonly message: string
}

export interface Wire {
  call(tool: string, args: Record<string, unknown>): Promise<Answer>
  /** Sends the call and gives back how to cancel it, and its answer if it gets one. */
  start(
    tool: string,
    args: Record<string, unknown>,
    onProgress?: (progress: Progress) => void,
  ): { cancel(): Promise<void>; answer: Promise<Answer> }
  readonly backend: MonitoringBackend
}

export function configOf(config: Partial<MonitoringConfig> = {}): MonitoringConfig {
  return { LOKI_MAX_HOURS: 168, LOKI_MAX_QUERY_BYTES: 10_737_418_240, ...config }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export function environmentOf({ maxResultChars = 40_000, ca }: Setup = {}): Environment {
  return { version: '0.0.0', maxResultChars, toolTimeoutMs: 50_000, readOnly: true, ca, log: silent }
}

/** An upstream on a free port, which answers as `listener` says. */
export async function withUpstream(listener: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const upstream = createServer(listener).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  try {
    await work(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)
  } finally {
    upstream.closeAllConnections()
    upstream.close()
  }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const environment = environmentOf(setup)
  const backend = openMonitoring(configOf(setup.config), environment)
  const server = new Server({
    name: 'monitoring',
    version: '0.0.0',
    tools: monitoringTools(backend, environment),
    structuredContent: 'auto',
    onInternalError: (error) => console.error(error),
  })
  const handler = httpSse(server)
  const http = createServer(handler).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const stream = await new Promise<IncomingMessage>((resolve, reject) => get(`${origin}/sse`, resolve).on('error', reject))
  try {
    const wire = { backend, ...(await client(origin, stream)) }
    await work(wire)
  } finally {
    stream.destroy()
    await handler.close(1_000)
    http.close()
    await backend.close()
  }
}

async function client(origin: string, stream: IncomingMessage): Promise<Omit<Wire, 'backend'>> {
  const waiting = new Map<number, (message: Record<string, unknown>) => void>()
  const listening = new Map<number, (progress: Progress) => void>()
  let endpoint: ((path: string) => void) | undefined
  const path = new Promise<string>((resolve) => {
    endpoint = resolve
  })
  let event = ''
  createInterface({ input: stream }).on('line', (line) => {
    if (line.startsWith('event: ')) event = line.slice(7)
    if (!line.startsWith('data: ')) return
    if (event === 'endpoint') return endpoint?.(line.slice(6))
    const message = JSON.parse(line.slice(6)) as Json
    if (message.method === 'notifications/progress') return listening.get(message.params.progressToken)?.(message.params)
    waiting.get(message.id as number)?.(message)
    waiting.delete(message.id as number)
  })
  stream.on('error', () => {}) // the test destroys it
  const url = origin + (await path)
  let id = 0
  const post = (message: Record<string, unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      const req = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, (res) => {
        res.resume().on('end', () => (res.statusCode === 202 ? resolve() : reject(new Error(`status ${res.statusCode}`))))
      })
      req.on('error', reject).end(JSON.stringify({ jsonrpc: '2.0', ...message }))
    })
  const ask = (method: string, params: Record<string, unknown>) => {
    id += 1
    const at = id
    const answer = new Promise<Json>((resolve) => waiting.set(at, resolve))
    return { id: at, answer: post({ id: at, method, params }).then(() => answer) }
  }
  // Structured content is sent from this revision on.
  const clientInfo = { name: 'test', version: '0' }
  await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }).answer
  const start: Wire['start'] = (name, args, onProgress) => {
    if (onProgress !== undefined) listening.set(id + 1, onProgress)
    const _meta = onProgress === undefined ? {} : { _meta: { progressToken: id + 1 } }
    const asked = ask('tools/call', { name, arguments: args, ..._meta })
    return {
      cancel: () => post({ method: 'notifications/cancelled', params: { requestId: asked.id } }),
      answer: asked.answer.then(toAnswer),
    }
  }
  return { start, call: (name, args) => start(name, args).answer }
}

function toAnswer(message: Json): Answer {
  const result = message.result as CallToolResult | undefined
  if (result === undefined) throw new Error(`no result: ${JSON.stringify(message)}`)
  const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const structured = (result.structuredContent ?? {}) as Json
  const next = /^NEXT: (.*)$/m.exec(text.replace(/<untrusted-data[\s\S]*<\/untrusted-data/, ''))?.[1]
  return {
    text,
    isError: result.isError === true,
    next: next === undefined ? undefined : JSON.parse(next),
    data: /<untrusted-data id="([^"]+)">\n([\s\S]*)\n<\/untrusted-data id="\1">/.exec(text)?.[2] ?? '',
    meta: structured.meta,
    structured,
  }
}
