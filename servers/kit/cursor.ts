// Cursors of listings that go on after the last name shown: the server keeps nothing between the pages.
import { ToolError } from '../../protocol/index.ts'
import { parseIfJson } from './text.ts'

/** What the next page begins after, such as a schema and a name. */
export function writeCursor(...parts: string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** The parts of a cursor; none for the first page. @throws ToolError INVALID_ARGUMENT when it is not a cursor */
export function readCursor(cursor: string | undefined): string[] {
  if (cursor === undefined) return []
  const parts = parseIfJson(Buffer.from(cursor, 'base64url').toString())
  if (Array.isArray(parts) && parts.every((part) => typeof part === 'string' && !part.includes('\0'))) return parts as string[]
  throw new ToolError('INVALID_ARGUMENT', '"cursor" is not one that this tool gave', {
    hint: 'leave "cursor" out to start again',
  })
}
