// For tests: this folder's tools behind a real socket, and a folder of files to ask them about.
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type CallToolResult, type Context, httpSse, Server } from '../../../protocol/index.ts'
import type { Environment } from '../../runtime/definition.ts'
import { type Limits, openFilesystem } from '../backend.ts'
import type { FilesystemConfig } from '../config.ts'
import { filesystemTools } from '../tools.ts'

export interface Setup {
  config?: Partial<FilesystemConfig>
  limits?: Partial<Limits>
  maxResultChars?: number
}

export interface Answer {
  readonly text: string
  readonly isError: boolean
  readonly blocks: CallToolResult['content']
  /** The arguments after `NEXT: `. */
  readonly next: Record<string, unknown> | undefined
  /** What is between the tags of untrusted data. */
  readonly data: string
  readonly meta: { truncated: boolean; warnings: string[] }
  readonly structured: Record<string, unknown>
}

export interface Wire {
  call(tool: string, args: Record<string, unknown>): Promise<Answer>
  /** Sends the call and gives back how to cancel it, and its answer if it gets one. */
  start(tool: string, args: Record<string, unknown>): { cancel(): Promise<void>; answer: Promise<Answer> }
  list(): Promise<Record<string, unknown>[]>
  readonly backend: ReturnType<typeof openFilesystem>
}

/** A context for calling a handler without a socket, where a test needs to know when it has ended. */
export function contextOf(signal: AbortSignal, onProgress: (position: number) => void = () => {}): Context {
  return {
    signal,
    requestId: 1,
    session: { id: undefined, protocolVersion: '2025-11-25', client: undefined },
    caller: { principal: 'anonymous', user: undefined, traceparent: undefined, remote: '' },
    warnings: [],
    progress: onProgress,
    log() {},
    annotate() {},
  }
}

export function environmentOf(maxResultChars = 40_000): Environment {
  return { version: '0.0.0', maxResultChars, toolTimeoutMs: 50_000, readOnly: true, ca: undefined, log: silent }
}

/** Makes files of these sizes; a name that ends in a slash makes a folder. */
export async function make(root: string, files: Record<string, number>): Promise<void> {
  for (const [name, size] of Object.entries(files)) {
    await mkdir(join(root, name, name.endsWith('/') ? '.' : '..'), { recursive: true })
    if (!name.endsWith('/')) await writeFile(join(root, name), 'x'.repeat(size))
  }
}

/** The first column of a listing. */
export function namesOf(answer: Answer): string[] {
  return answer.data
    .split('\n')
    .slice(1)
    .map((row) => row.split('\t')[0] as string)
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A temporary folder whose subfolder `root` is the only root, and a client of its server. */
export async function withFiles(work: (folder: string, wire: Wire) => Promise<void>, setup: Setup = {}): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'filesystem-'))
  try {
    await mkdir(join(folder, 'root'))
    await withWire({ ...setup, config: { FS_ROOTS: [join(folder, 'root')], ...setup.config } }, (wire) => work(folder, wire))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const config: FilesystemConfig = {
    FS_ALLOW_HIDDEN: true,
    FS_DENY_HARDLINKS: false,
    FS_MAX_READ_BYTES: 262_144,
    ...setup.config,
  }
  const backend = openFilesystem(config, setup.limits)
  const environment = environmentOf(setup.maxResultChars)
  const server = new Server({
    name: 'filesystem',
    version: '0.0.0',
    tools: filesystemTools(backend, environment),
    maxResultBytes: 1_000_000,
    onInternalError: (error) => console.error(error),
  })
  const handler = httpSse(server)
  const http = createServer(handler).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const stream = await new Promise<IncomingMessage>((resolve, reject) => get(`${origin}/sse`, resolve).on('error', reject))
  try {
    await work({ backend, ...(await client(origin, stream)) })
  } finally {
    stream.destroy()
    await handler.close(1_000)
    http.close()
    await backend.close()
  }
}

async function client(origin: string, stream: IncomingMessage): Promise<Omit<Wire, 'backend'>> {
  const waiting = new Map<number, (message: Record<string, unknown>) => void>()
  let endpoint: ((path: string) => void) | undefined
  const path = new Promise<string>((resolve) => {
    endpoint = resolve
  })
  let event = ''
  createInterface({ input: stream }).on('line', (line) => {
    if (line.startsWith('event: ')) event = line.slice(7)
    if (!line.startsWith('data: ')) return
    if (event === 'endpoint') return endpoint?.(line.slice(6))
    const message = JSON.parse(line.slice(6)) as Record<string, unknown>
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
  const ask = (method: string, params: Record<string, unknown>): { id: number; answer: Promise<Record<string, unknown>> } => {
    id += 1
    const at = id
    const answer = new Promise<Record<string, unknown>>((resolve) => waiting.set(at, resolve))
    return { id: at, answer: post({ id: at, method, params }).then(() => answer) }
  }
  const start: Wire['start'] = (name, args) => {
    const asked = ask('tools/call', { name, arguments: args })
    return {
      cancel: () => post({ method: 'notifications/cancelled', params: { requestId: asked.id } }),
      answer: asked.answer.then(toAnswer),
    }
  }
  return {
    start,
    call: (name, args) => start(name, args).answer,
    async list() {
      const { result } = await ask('tools/list', {}).answer
      return (result as { tools: Record<string, unknown>[] }).tools
    },
  }
}

function toAnswer(message: Record<string, unknown>): Answer {
  const result = message.result as CallToolResult | undefined
  if (result === undefined) throw new Error(`no result: ${JSON.stringify(message)}`)
  const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const structured = (result.structuredContent ?? {}) as Record<string, unknown>
  const next = /^NEXT: (.*)$/m.exec(text.replace(/<untrusted-data[\s\S]*<\/untrusted-data/, ''))?.[1]
  return {
    text,
    isError: result.isError === true,
    blocks: result.content,
    next: next === undefined ? undefined : JSON.parse(next),
    data: /<untrusted-data id="([^"]+)">\n([\s\S]*)\n<\/untrusted-data id="\1">/.exec(text)?.[2] ?? '',
    meta: structured.meta as Answer['meta'],
    structured,
  }
}
