// Where a listing continues: the sort key and the path of the last entry. A position instead of a number, so that entries that appear or
// vanish between two pages neither repeat nor hide another.
import { createHash } from 'node:crypto'
import { ToolError } from '../../../protocol/index.ts'
import { readCursor, writeCursor } from '../../kit/cursor.ts'
import type { RawPath } from './raw-path.ts'

export interface Position {
  /** What the listing is sorted by; undefined for names. */
  readonly key: number | undefined
  readonly segments: readonly RawPath[]
}

/** @param listing everything that decides which entries there are and in which order */
export function writePosition(listing: readonly unknown[], { key, segments }: Position): string {
  return writeCursor(digest(listing), String(key ?? ''), ...segments)
}

/** @throws ToolError INVALID_ARGUMENT when the cursor was not made for this listing */
export function readPosition(listing: readonly unknown[], cursor: string): Position {
  const [made, key, ...segments] = readCursor(cursor)
  const isPath = segments.length > 0 && segments.every((segment) => /^[^/\0\u0100-\uffff]{1,255}$/.test(segment))
  if (made !== digest(listing) || !isPath || Number.isNaN(Number(key))) {
    throw new ToolError('INVALID_ARGUMENT', '"cursor" is not of this listing', {
      hint: 'the whole NEXT of the page before, unchanged; or no cursor, for the first page',
    })
  }
  return { key: key === '' ? undefined : Number(key), segments: segments as RawPath[] }
}

/** Not a signature: a cursor gives access to nothing. It detects a cursor of another listing, which would leave out entries silently. */
function digest(listing: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(listing)).digest('base64url').slice(0, 8)
}
