// The revisions of the specification this suite knows, oldest first, and which of them are of the same era.

export const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const

export type Revision = (typeof REVISIONS)[number]

/** `sse`: HTTP+SSE of 2024-11-05 (GET stream + POST). `http`: Streamable HTTP (one URL). */
export type TransportName = 'sse' | 'http'

/** The revision without a handshake: every request carries its own version and capabilities. */
export const MODERN: Revision = '2026-07-28'

export const LEGACY_REVISIONS = REVISIONS.filter((revision) => revision !== MODERN)

export function isRevision(text: string): text is Revision {
  return (REVISIONS as readonly string[]).includes(text)
}

export function isWithin(revision: Revision, since: Revision | undefined, until: Revision | undefined): boolean {
  // Revisions are dates, so they sort as text.
  return (since === undefined || revision >= since) && (until === undefined || revision <= until)
}

/**
 * The public address of a section. Pages have moved: what is `basic` since 2025-03-26 was `basic/messages` in 2024-11-05, and the
 * utilities of the base protocol are `basic/patterns` since 2026-07-28.
 */
export function specificationUrl(revision: Revision, page: string, section: string): string {
  if (page.startsWith('interop')) return ''
  let path = page
  if (revision === '2024-11-05' && page === 'basic/index') path = 'basic/messages'
  if (revision === MODERN) path = path.replace(/^basic\/utilities\//, 'basic/patterns/')
  path = path.replace(/\/index$/, '')
  return `https://modelcontextprotocol.io/specification/${revision}/${path}${section === 'overview' ? '' : `#${section}`}`
}
