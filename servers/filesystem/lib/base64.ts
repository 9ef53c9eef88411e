// A file as base64, in lines like any text: 76 characters for 57 bytes each (RFC 2045 §6.8), so that offset, limit and tail mean the same.
import { ToolError } from '../../../protocol/index.ts'
import { visibleJson } from '../../kit/text.ts'
import type { Limits } from '../types.ts'

const bytesInLine = 57
const charsInLine = 77 // with its end
const defaultLimit = 500

export interface Base64Part {
  readonly first: number
  readonly last: number
  readonly total: number
  /** Bytes of the file, the end exclusive. */
  readonly start: number
  readonly end: number
}

/** Which lines and bytes make one result. @throws ToolError INVALID_ARGUMENT when the offset is beyond the last line */
export function base64Lines(
  args: { path: string; offset?: number | undefined; limit?: number | undefined; tail?: number | undefined },
  size: number,
  limits: Pick<Limits, 'maxReadLines' | 'maxReadBytes'>,
  charBudget: number,
): Base64Part {
  const total = Math.ceil(size / bytesInLine)
  const tail = args.tail ?? 0
  const limit = args.limit ?? (tail > 0 ? tail : defaultLimit)
  const first = tail > 0 ? Math.max(1, total - tail + 1) : (args.offset ?? 1)
  if (first > Math.max(1, total)) {
    throw new ToolError('INVALID_ARGUMENT', `"offset" ${first} is beyond the last line; as base64 the file has ${total}`, {
      hint: visibleJson({ path: args.path, offset: Math.max(1, total), encoding: 'base64' }),
    })
  }
  const fitting = Math.max(1, Math.min(Math.floor(charBudget / charsInLine), Math.floor(limits.maxReadBytes / bytesInLine)))
  const count = Math.min(limit, limits.maxReadLines, fitting, total - first + 1)
  const start = (first - 1) * bytesInLine
  return { first, last: first + count - 1, total, start, end: Math.max(start, Math.min(size, start + count * bytesInLine)) }
}

export function splitBase64(bytes: Buffer): string[] {
  return Array.from({ length: Math.ceil(bytes.length / bytesInLine) }, (_, i) =>
    bytes.toString('base64', i * bytesInLine, (i + 1) * bytesInLine),
  )
}
