// A file as base64, in lines like any text: 76 characters for 57 bytes each (RFC 2045 §6.8), so that offset, limit and tail mean the same.
import type { Context } from '../../../protocol/index.ts'
import { ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import type { Limits } from '../backend.ts'
import type { OpenedFile, ReadArguments } from '../tools/read-file.ts'

const bytesInLine = 57
const charsInLine = 77 // with its end
const defaultLimit = 500

export async function readBase64(limits: Limits, args: ReadArguments, context: Context, file: OpenedFile) {
  const total = Math.ceil(file.size / bytesInLine)
  const tail = args.tail ?? 0
  const limit = args.limit ?? (tail > 0 ? tail : defaultLimit)
  const first = tail > 0 ? Math.max(1, total - tail + 1) : (args.offset ?? 1)
  if (first > Math.max(1, total)) {
    throw new ToolError('INVALID_ARGUMENT', `"offset" ${first} is beyond the last line; as base64 the file has ${total}`)
  }
  const fitting = Math.max(1, Math.min(Math.floor(file.charBudget / charsInLine), Math.floor(limits.maxReadBytes / bytesInLine)))
  const count = Math.min(limit, limits.maxReadLines, fitting, total - first + 1)
  const bytes = Buffer.alloc(Math.max(0, Math.min(count * bytesInLine, file.size - (first - 1) * bytesInLine)))
  let filled = 0
  while (filled < bytes.length) {
    context.signal.throwIfAborted()
    const { bytesRead } = await file.handle.read(bytes, filled, bytes.length - filled, (first - 1) * bytesInLine + filled)
    if (bytesRead === 0)
      throw new ToolError('UPSTREAM_ERROR', 'the file became shorter while it was read', { hint: 'the same call again' })
    filled += bytesRead
  }
  const lines = Array.from({ length: count }, (_, i) => bytes.toString('base64', i * bytesInLine, (i + 1) * bytesInLine))
  const last = first + count - 1
  const next =
    last >= total
      ? undefined
      : { path: file.path, offset: last + 1, ...(args.limit === undefined ? {} : { limit: args.limit }), encoding: 'base64' }
  return report(context, {
    summary: `${file.path}: ${total === 0 ? 'empty' : `base64 lines ${first}-${last} of ${total}`}, ${file.about}`,
    ...(count === 0 ? {} : { untrusted: lines.join('\n') }),
    next,
    truncated: next !== undefined,
    rows: count,
    structured: { ...file.facts, encoding: 'base64', total_lines: total, first_line: first, last_line: last, lines },
  })
}
