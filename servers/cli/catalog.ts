// The servers that exist, each loaded only when it is wanted.
import type { AnyTool } from '../../protocol/index.ts'
import type { AnyServer, Environment } from '../kit/definition.ts'
import { failUnknown } from './usage.ts'

export const catalog = {
  postgres: async () => (await import('../postgres/index.ts')).postgres,
  timescaledb: async () => (await import('../timescaledb/index.ts')).timescaledb,
  storage: async () => (await import('../storage/index.ts')).storage,
  monitoring: async () => (await import('../monitoring/index.ts')).monitoring,
  filesystem: async () => (await import('../filesystem/index.ts')).filesystem,
  n8n: async () => (await import('../n8n/index.ts')).n8n,
  fetch: async () => (await import('../fetch/index.ts')).fetch,
  playwright: async () => (await import('../playwright/index.ts')).playwright,
} satisfies Record<string, () => Promise<AnyServer>>

export type ServerName = keyof typeof catalog

export const serverNames = Object.keys(catalog) as ServerName[]

/** The definitions of these servers, of all when none is named. Ends the process when one does not exist. */
export function definitionsOf(names: readonly string[]): Promise<AnyServer[]> {
  return Promise.all(
    [...new Set(names.length > 0 ? names : serverNames)].map((name) =>
      Object.hasOwn(catalog, name) ? catalog[name as ServerName]() : failUnknown('server', name, serverNames),
    ),
  )
}

/** An environment in which tools can be listed, though not called. */
export const listingEnvironment: Environment = {
  version: '',
  maxResultChars: 0,
  toolTimeoutMs: 0,
  readOnly: false,
  ca: undefined,
  log: { debug() {}, info() {}, warn() {}, error() {} },
}

/** The tools of a server, which need no backend to be listed. */
export function toolsOf(definition: AnyServer): readonly AnyTool[] {
  return definition.tools(undefined as never, listingEnvironment)
}
