// Selects the lines of a text file that make one result: from a line on, or before the end.
import { ToolError } from '../../../protocol/index.ts'
import type { Line, Lines, Taken } from './lines.ts'
import { type DecodedLine, decodeLine, type TextFormat } from './text.ts'

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

export interface Known {
  readonly totalLines: number | undefined
  mark(linesBefore: number): { position: number; linesBefore: number } | undefined
}

/** The lines from number `offset` on. `count`: whether to read on to the end in order to count. */
export async function fromLine(
  lines: Lines,
  format: TextFormat,
  caps: Caps,
  offset: number,
  known: Known,
  count: boolean,
): Promise<Window & { readonly end: number }> {
  const mark = known.mark(offset - 1) ?? { position: format.start, linesBefore: 0 }
  const { position, skipped } = await lines.skip(mark.position, offset - 1 - mark.linesBefore, mark.linesBefore)
  if (position >= lines.size && offset > 1) throw beyond(offset, mark.linesBefore + skipped)
  const page = new Page(format, caps, 'first')
  const { position: end, endless } = await lines.read(position, lines.size, caps.lineChars * 4, (line) => page.take(line))
  const more = end < lines.size || endless
  const last = offset - 1 + page.lines.length
  let { totalLines } = known
  if (!more) totalLines = last
  else if (totalLines === undefined && count) totalLines = last + (await lines.skip(end, Number.MAX_SAFE_INTEGER)).skipped
  return { ...page.result(), first: offset, totalLines, more, endless, end }
}

/** The `count` lines that begin `tail` lines before the end, or the last of them that fit: of a log the latest lines matter. */
export async function fromEnd(
  lines: Lines,
  format: TextFormat,
  caps: Caps,
  tail: number,
  count: number,
  totalLines: number | undefined,
): Promise<Window> {
  const end = await lines.back(lines.size, tail - count)
  const begin = await lines.back(end, Math.min(count, caps.lines))
  const page = new Page(format, caps, 'last')
  const { endless } = await lines.read(begin, end, caps.lineChars * 4, (line) => page.take(line))
  return {
    ...page.result(),
    first: totalLines === undefined ? undefined : totalLines - (tail - count) - page.lines.length + 1,
    totalLines,
    more: begin > format.start || page.dropped,
    endless,
  }
}

/** Collects decoded lines up to the caps; keeps the first that fit or the last, and always at least one. */
class Page {
  readonly lines: DecodedLine[] = []
  dropped = false
  readonly #bytes: number[] = []
  readonly #format: TextFormat
  readonly #caps: Caps
  readonly #keep: 'first' | 'last'
  #sumChars = 0
  #sumBytes = 0

  constructor(format: TextFormat, caps: Caps, keep: 'first' | 'last') {
    this.#format = format
    this.#caps = caps
    this.#keep = keep
  }

  take({ bytes, length }: Line): Taken {
    const line = decodeLine(bytes, length, this.#format.charset, this.#caps.lineChars)
    if (
      this.#keep === 'first' &&
      this.lines.length > 0 &&
      this.#isOver(line.text.length + this.#caps.extraChars, bytes.length + 1)
    )
      return 'refused'
    this.lines.push(line)
    this.#bytes.push(bytes.length + 1)
    this.#sumChars += line.text.length + this.#caps.extraChars
    this.#sumBytes += bytes.length + 1
    if (this.#keep === 'first') return this.lines.length < this.#caps.lines ? 'more' : 'last'
    while (this.lines.length > 1 && (this.#isOver(0, 0) || this.lines.length > this.#caps.lines)) {
      this.#sumChars -= (this.lines.shift() as DecodedLine).text.length + this.#caps.extraChars
      this.#sumBytes -= this.#bytes.shift() as number
      this.dropped = true
    }
    return 'more'
  }

  result(): { lines: string[]; latin1: number; damaged: number } {
    return {
      lines: this.lines.map(({ text }) => text),
      latin1: this.lines.filter(({ read }) => read === 'latin1').length,
      damaged: this.lines.filter(({ read }) => read === 'damaged').length,
    }
  }

  #isOver(chars: number, bytes: number): boolean {
    return this.#sumChars + chars > this.#caps.chars || this.#sumBytes + bytes > this.#caps.bytes
  }
}

function beyond(offset: number, totalLines: number): ToolError {
  return new ToolError('INVALID_ARGUMENT', `"offset" ${offset} is beyond the last line; the file has ${totalLines}`, {
    hint: 'a smaller offset, or "tail" for the end of the file',
  })
}
