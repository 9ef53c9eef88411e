// Selects the lines of a file that make one result: from a line on, or before the end, as text or as base64.
import { ToolError } from '../../../protocol/index.ts'
import type { Lines } from './lines.ts'
import type { OpenEntry } from './sandbox.ts'
import { type DecodedLine, decodeLine } from './text.ts'

/** Of a file as base64, lines like those of a text: 76 characters and an end for 57 bytes each (RFC 2045 §6.8). */
const base64 = { bytesInLine: 57, charsInLine: 77 }

export interface Caps {
  /** Most characters of all lines together. */
  readonly chars: number
  readonly bytes: number
  readonly lines: number
  readonly lineChars: number
  /** Characters that each line costs beside its text: its end, and its number if it is shown. */
  readonly extraChars: number
}

export interface Window {
  readonly lines: readonly string[]
  /** Number of the first line; undefined where the lines before were not counted. */
  readonly first: number | undefined
  readonly totalLines: number | undefined
  /** There are lines after (or, counted from the end, before) these. */
  readonly more: boolean
  /** Numbers of lines that are not UTF-8: read as latin1, or shown with replacement characters. */
  readonly latin1: number
  readonly damaged: number
  /** The last line goes on for longer than there was time to search. */
  readonly endless: boolean
}

/** The lines from number `offset` on. `count`: whether to read on to the end in order to count. */
export async function fromLine(lines: Lines, caps: Caps, offset: number, count: boolean): Promise<Window> {
  const { known, format } = lines.options
  const mark = known.nearestMark(offset - 1) ?? { position: format.start, linesBefore: 0 }
  const { position, skipped } = await lines.skip(mark.position, offset - 1 - mark.linesBefore, mark.linesBefore)
  if (position >= lines.size && offset > 1) throw beyond(offset, mark.linesBefore + skipped)
  // Named one by one: copying the object with `...` costs a tenth of the call for a short file.
  const { lines: taken, end, latin1, damaged, endless } = await collect(lines, position, lines.size, caps, 'first')
  const more = end < lines.size || endless
  const last = offset - 1 + taken.length
  if (more && !endless) known.mark(end, last)
  let totalLines = more ? known.totalLines : last
  if (totalLines === undefined && count) totalLines = last + (await lines.skip(end, Number.MAX_SAFE_INTEGER)).skipped
  return { lines: taken, first: offset, totalLines, more, latin1, damaged, endless }
}

/** The `size` lines that begin `tail` lines before the end, or the last of them that fit: of a log the latest lines matter. */
export async function fromEnd(lines: Lines, caps: Caps, tail: number, size: number, count: boolean): Promise<Window> {
  const { known, format } = lines.options
  let { totalLines } = known
  if (totalLines === undefined && count) totalLines = (await lines.skip(format.start, Number.MAX_SAFE_INTEGER)).skipped
  const end = await lines.back(lines.size, tail - size)
  const begin = await lines.back(end, Math.min(size, caps.lines))
  const page = await collect(lines, begin, end, caps, 'last')
  const first = totalLines === undefined ? undefined : totalLines - (tail - size) - page.lines.length + 1
  return { ...page, first, totalLines, more: page.begin > format.start }
}

/** Lines of base64 from number `offset` on, or the last `tail`. @throws ToolError INVALID_ARGUMENT when there is no such line */
export async function inBase64(entry: OpenEntry, caps: Caps, offset: number, tail: number): Promise<Window> {
  const { bytesInLine, charsInLine } = base64
  const size = Number(entry.stat.size)
  const totalLines = Math.ceil(size / bytesInLine)
  const first = tail > 0 ? Math.max(1, totalLines - tail + 1) : offset
  if (first > Math.max(1, totalLines)) throw beyond(first, totalLines, 'as base64 the file')
  const fitting = Math.max(1, Math.min(Math.floor(caps.chars / charsInLine), Math.floor(caps.bytes / bytesInLine)))
  const count = Math.min(caps.lines, fitting, totalLines - first + 1)
  const start = (first - 1) * bytesInLine
  const bytes = await entry.part(start, Math.min(size - start, count * bytesInLine))
  if (bytes.length < Math.min(size - start, count * bytesInLine)) throw shorterError()
  const lines = Array.from({ length: count }, (_, i) => bytes.toString('base64', i * bytesInLine, (i + 1) * bytesInLine))
  return { lines, first, totalLines, more: first - 1 + count < totalLines, latin1: 0, damaged: 0, endless: false }
}

/** Decodes the lines between two positions up to the caps: the first that fit or the last, and always at least one. */
async function collect(lines: Lines, from: number, to: number, caps: Caps, keep: 'first' | 'last') {
  const kept: (DecodedLine & { start: number; chars: number; bytes: number })[] = []
  let chars = 0
  let bytes = 0
  let end = from
  let endless = false
  const fits = (): boolean => kept.length === 1 || (chars <= caps.chars && bytes <= caps.bytes && kept.length <= caps.lines)
  await lines.each(from, to, caps.lineChars * 4, (line) => {
    endless = line.endless
    const { text, read } = decodeLine(line.bytes, line.length, lines.options.format.charset, caps.lineChars)
    const added = { text, read, start: line.start, chars: text.length + caps.extraChars, bytes: line.bytes.length + 1 }
    kept.push(added)
    chars += added.chars
    bytes += added.bytes
    if (keep === 'first' && !fits()) {
      kept.pop()
      return false
    }
    while (!fits()) {
      const dropped = kept.shift() ?? added
      chars -= dropped.chars
      bytes -= dropped.bytes
    }
    end = line.next
    return keep === 'last' || kept.length < caps.lines
  })
  return {
    lines: kept.map(({ text }) => text),
    begin: kept[0]?.start ?? from,
    /** Where the first line begins that was not taken. */
    end,
    latin1: kept.filter(({ read }) => read === 'latin1').length,
    damaged: kept.filter(({ read }) => read === 'damaged').length,
    endless,
  }
}

function beyond(offset: number, totalLines: number, file = 'the file'): ToolError {
  return new ToolError('INVALID_ARGUMENT', `"offset" ${offset} is beyond the last line; ${file} has ${totalLines}`, {
    retry: { offset: Math.max(1, totalLines) },
  })
}

export function shorterError(): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'the file became shorter while it was read', { hint: 'the same call again' })
}
