// The published revisions of MCP and how they differ on the wire: one row each.

export interface Revision {
  readonly version: string
  /** legacy: `initialize` handshake; modern: stateless, each request describes itself in `_meta`. */
  readonly era: 'legacy' | 'modern'
  /** JSON-RPC batches exist in 2025-03-26 only (changelog of 2025-06-18). */
  readonly batching: boolean
  readonly audioContent: boolean
  readonly resourceLinks: boolean
  /** `structuredContent` and `outputSchema`: none, objects only, or any JSON value. */
  readonly structured: 'none' | 'object' | 'any'
}

/** Every supported revision, oldest first. */
export const revisions = [
  { version: '2024-11-05', era: 'legacy', batching: false, audioContent: false, resourceLinks: false, structured: 'none' },
  { version: '2025-03-26', era: 'legacy', batching: true, audioContent: true, resourceLinks: false, structured: 'none' },
  { version: '2025-06-18', era: 'legacy', batching: false, audioContent: true, resourceLinks: true, structured: 'object' },
  { version: '2025-11-25', era: 'legacy', batching: false, audioContent: true, resourceLinks: true, structured: 'object' },
  { version: '2026-07-28', era: 'modern', batching: false, audioContent: true, resourceLinks: true, structured: 'any' },
] as const satisfies readonly Revision[]

/** The revision of a session whose client has not said one: a reconnecting client skips `initialize` (see docs/clients.md). */
export const latestLegacy: Revision = revisions[3]

/** What an absent `MCP-Protocol-Version` header means on `/mcp` (2025-06-18 basic/transports §Protocol Version Header). */
export const assumedWithoutHeader: Revision = revisions[1]

export const modern: Revision = revisions[4]

export function findRevision(version: string): Revision | undefined {
  return revisions.find((revision) => revision.version === version)
}

/**
 * The answer to `initialize`: the requested revision if it is a supported legacy one, otherwise the latest legacy one
 * (lifecycle §Version Negotiation: not an error, the client decides whether to go on). Never a modern one: it has no `initialize`.
 */
export function negotiate(requested: string): Revision {
  const known = findRevision(requested)
  return known?.era === 'legacy' ? known : latestLegacy
}
