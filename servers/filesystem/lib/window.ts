// Selects the lines of a file that make one result: from a line on, or before the end, as text or as base64.
import { ToolError } from '../../../protocol/index.ts'
import type { Line, Lines, Taken } from './lines.ts'
import type { OpenEntry } from './sandbox.ts'
import { type DecodedLine, decodeLine, type TextFormat } from './text.ts'

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
  const page = new Page(format, caps, 'first')
  const { position: end, endless } = await lines.read(position, lines.size, caps.lineChars * 4, (line) => page.take(line))
  const more = end < lines.size || endless
  const last = offset - 1 + page.lines.length
  if (more && !endless) known.mark(end, last)
  let totalLines = more ? known.totalLines : last
  if (totalLines === undefined && count) totalLines = last + (await lines.skip(end, Number.MAX_SAFE_INTEGER)).skipped
  return page.window(offset, totalLines, more, endless)
}

/** The `size` lines that begin `tail` lines before the end, or the last of them that fit: of a log the latest lines matter. */
export async function fromEnd(lines: Lines, caps: Caps, tail: number, size: number, count: boolean): Promise<Window> {
  const { known, format } = lines.options
  let { totalLines } = known
  if (totalLines === undefined && count) totalLines = (await lines.skip(format.start, Number.MAX_SAFE_INTEGER)).skipped
  const end = await lines.back(lines.size, tail - size)
  const begin = await lines.back(end, Math.min(size, caps.lines))
  const page = new Page(format, caps, 'last')
  const { endless } = await lines.read(begin, end, caps.lineChars * 4, (line) => page.take(line))
  const first = totalLines === undefined ? undefined : totalLines - (tail - size) - page.lines.length + 1
  return page.window(first, totalLines, begin > format.start || page.dropped, endless)
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

/** Collects decoded lines up to the caps; keeps the first that fit or the last, and always at least one. */
class Page {
  readonly lines: (DecodedLine & { readonly bytes: number })[] = []
  dropped = false
  readonly #format: TextFormat
  readonly #caps: Caps
  readonly #keep: 'first' | 'last'
  #charsLeft: number
  #bytesLeft: number

  constructor(format: TextFormat, caps: Caps, keep: 'first' | 'last') {
    this.#format = format
    this.#caps = caps
    this.#keep = keep
    this.#charsLeft = caps.chars
    this.#bytesLeft = caps.bytes
  }

  take({ bytes, length }: Line): Taken {
    const { text, read } = decodeLine(bytes, length, this.#format.charset, this.#caps.lineChars)
    const line = { text, read, bytes: bytes.length + 1 }
    this.lines.push(line)
    this.#count(line, 1)
    while (this.lines.length > 1 && (this.#charsLeft < 0 || this.#bytesLeft < 0 || this.lines.length > this.#caps.lines)) {
      const dropped = this.#keep === 'first' ? this.lines.pop() : this.lines.shift()
      this.#count(dropped ?? line, -1)
      if (this.#keep === 'first') return 'refused'
      this.dropped = true
    }
    return this.#keep === 'first' && this.lines.length === this.#caps.lines ? 'last' : 'more'
  }

  #count({ text, bytes }: Page['lines'][number], times: 1 | -1): void {
    this.#charsLeft -= times * (text.length + this.#caps.extraChars)
    this.#bytesLeft -= times * bytes
  }

  window(first: number | undefined, totalLines: number | undefined, more: boolean, endless: boolean): Window {
    const lines = this.lines.map(({ text }) => text)
    const latin1 = this.lines.filter(({ read }) => read === 'latin1').length
    const damaged = this.lines.filter(({ read }) => read === 'damaged').length
    return { lines, first, totalLines, more, latin1, damaged, endless }
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
