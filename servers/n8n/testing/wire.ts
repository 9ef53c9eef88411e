// For tests: this folder's tools behind a real socket, and an n8n that answers as a test says.
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type CallToolResult, httpSse, Server } from '../../../protocol/index.ts'
import { McpSession, withServer } from '../../../test/wire.ts'
import type { Environment } from '../../runtime/definition.ts'
import { type N8nBackend, openN8n } from '../backend.ts'
import type { N8nConfig } from '../config.ts'
import { n8nTools } from '../tools.ts'

// biome-ignore lint/suspicious/noExplicitAny: what arrives in a test is asserted, not typed
export type Json = any

export interface Answer {
  readonly text: string
  readonly isError: boolean
  /** The arguments after `NEXT: `. */
  readonly next: Record<string, unknown> | undefined
  /** What is between the tags of untrusted data. */
  readonly data: string
  readonly structured: Json
}

export interface Wire {
  call(tool: string, args?: Record<string, unknown>): Promise<Answer>
  list(): Promise<Json[]>
  readonly session: McpSession
  readonly backend: N8nBackend
}

export interface Setup {
  config?: Partial<N8nConfig>
  maxResultChars?: number
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export function environmentOf({ maxResultChars = 40_000 }: Setup = {}): Environment {
  return { version: '0.0.0', maxResultChars, toolTimeoutMs: 50_000, readOnly: true, ca: undefined, log: silent }
}

export function configOf(config: Partial<N8nConfig>): N8nConfig {
  return {
    N8N_API_KEY: 'key-of-the-test',
    DB_POSTGRESDB_DATABASE: 'n8n',
    DB_POSTGRESDB_USER: 'postgres',
    DB_POSTGRESDB_SCHEMA: 'public',
    DB_TABLE_PREFIX: '',
    DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED: true,
    ...config,
  }
}

/** The server before the n8n at `config.N8N_API_URL`, and a client of it. */
export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const environment = environmentOf(setup)
  const backend = openN8n(configOf(setup.config ?? {}), environment)
  const server = new Server({
    name: 'n8n',
    version: '0.0.0',
    tools: n8nTools(backend, environment),
    structuredContent: 'auto',
    onInternalError: (error) => console.error(error),
  })
  const handler = httpSse(server)
  try {
    await withServer(handler, async (url) => {
      const session = await McpSession.open(`${url}/sse`)
      try {
        // Structured content is sent from this revision on.
        const clientInfo = { name: 'test', version: '0' }
        await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
        await work({
          backend,
          session,
          call: async (tool, args = {}) => toAnswer(await session.call(tool, args)),
          list: async () => (await session.request('tools/list')).result.tools,
        })
      } finally {
        session.close()
        await handler.close(1_000)
      }
    })
  } finally {
    await backend.close()
  }
}

/** The server before an upstream of the test's own. */
export function withUpstream(
  listener: RequestListener,
  work: (wire: Wire, url: string) => Promise<void>,
  setup: Setup = {},
): Promise<void> {
  return withServer(listener, (url) =>
    withWire({ ...setup, config: { N8N_API_URL: url, ...setup.config } }, (wire) => work(wire, url)),
  )
}

export interface Recording {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Json
}

/** A real answer of n8n 2.41.1. */
export function recording(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))
}

export function reply(res: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  res.end(typeof body === 'string' ? body : JSON.stringify(body))
}

export function replay(res: ServerResponse, name: string): void {
  const { status, body } = recording(name)
  reply(res, body, status)
}

/** Path and query of a request. */
export function target(req: IncomingMessage): URL {
  return new URL(req.url ?? '/', 'http://n8n')
}

function toAnswer(result: CallToolResult): Answer {
  const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const next = /^NEXT: (.*)$/m.exec(text.replace(/<untrusted-data[\s\S]*<\/untrusted-data/, ''))?.[1]
  return {
    text,
    isError: result.isError === true,
    next: next === undefined ? undefined : JSON.parse(next),
    data: /<untrusted-data id="([^"]+)">\n([\s\S]*)\n<\/untrusted-data id="\1">/.exec(text)?.[2] ?? '',
    structured: result.structuredContent ?? {},
  }
}
