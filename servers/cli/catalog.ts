// The servers that exist, each loaded only when it is wanted.
import type { AnyServer } from '../kit/definition.ts'

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
