// The tools of this server behind a real socket, and a fake n8n.
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { environmentOf, type Json, type ToolClient, withTools } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import type { Environment } from '../../kit/definition.ts'
import { type N8nBackend, openN8n } from '../backend.ts'
import type { N8nConfig } from '../config.ts'
import { n8n } from '../index.ts'

export interface Wire extends ToolClient {
  readonly backend: N8nBackend
}

export interface Setup {
  config?: Partial<N8nConfig>
  environment?: Partial<Environment>
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
  const environment = environmentOf(setup.environment)
  const backend = openN8n(configOf(setup.config ?? {}), environment)
  try {
    await withTools({ name: 'n8n', tools: n8n.tools(backend, environment) }, (client) => work({ ...client, backend }))
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
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'))
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
