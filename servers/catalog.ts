// The servers that exist, each loaded only when it is wanted.
import type { AnyServer } from './runtime/definition.ts'

export const catalog = {
  filesystem: async () => (await import('./filesystem/index.ts')).filesystem,
} satisfies Record<string, () => Promise<AnyServer>>

export type ServerName = keyof typeof catalog

export const serverNames = Object.keys(catalog) as ServerName[]
