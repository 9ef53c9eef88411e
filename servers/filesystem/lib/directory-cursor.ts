// Where a listing continues: the sort key and the path of the last entry. A position instead of a number, so that entries that appear or
// vanish between two pages neither repeat nor hide another.
import { createHash } from 'node:crypto'
import { ToolError } from '../../../protocol/index.ts'
import type { RawPath } from './raw-path.ts'

export interface Position {
  /** What the listing is sorted by; undefined for names. */
  readonly key: number | undefined
  readonly segments: readonly RawPath[]
}

/** @param listing everything that decides which entries there are and in which order */
export function writeCursor(listing: readonly unknown[], { key, segments }: Position): string {
  return Buffer.from(JSON.stringify([digest(listing), key ?? null, ...segments])).toString('base64url')
}

/** @throws ToolError INVALID_ARGUMENT when the cursor was not made for this listing */
export function readCursor(listing: readonly unknown[], cursor: string, sortedByName: boolean): Position {
  const parts = parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  const [made, key, ...segments] = Array.isArray(parts) ? parts : []
  const isPosition =
    segments.length > 0 &&
    segments.every((segment) => typeof segment === 'string' && /^[^/\0\u0100-\uffff]{1,255}$/.test(segment)) &&
    (sortedByName ? key === null : typeof key === 'number')
  if (made !== digest(listing) || !isPosition) {
    throw new ToolError('INVALID_ARGUMENT', '"cursor" is not of this listing', {
      hint: 'the whole NEXT of the page before, unchanged; or no cursor, for the first page',
    })
  }
  return { key: key ?? undefined, segments }
}

/** Not a signature: a cursor gives access to nothing. It detects a cursor of another listing, which would leave out entries silently. */
function digest(listing: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(listing)).digest('base64url').slice(0, 8)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // not a cursor: the caller reports it
  }
}
