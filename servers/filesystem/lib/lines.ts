// Lines of a file of any size, found with one buffer of constant size.
import { type Context, monotonicMs, ToolError } from '../../../protocol/index.ts'
import { formatBytes } from '../../kit/report.ts'
import type { KnownLines } from './line-index.ts'
import type { OpenEntry } from './sandbox.ts'
import type { TextFormat } from './text.ts'

const chunkBytes = 64 * 1024
const progressEveryBytes = 64 * 1024 * 1024

export interface LinesOptions {
  /** With two-byte code units an even number of bytes after the byte order mark. */
  readonly size: number
  readonly format: TextFormat
  readonly context: Pick<Context, 'signal' | 'progress'>
  /** Milliseconds after which a search for a line is given up. */
  readonly searchMs: number
  /** The first bytes of the file, which were read before. */
  readonly head: Buffer
  /** Is told where lines start that were searched for. */
  readonly known: KnownLines
}

interface Line {
  /** The first `keepBytes` of it, without the line's end. */
  readonly bytes: Buffer
  /** All of its bytes, without the line's end. */
  readonly length: number
  readonly start: number
  /** Where the next line starts. */
  readonly next: number
  /** It goes on for longer than there was time to search. */
  readonly endless: boolean
}

export class Lines {
  /** Where the file ends, which is less than its size was if it was truncated while it was read. */
  size: number
  readonly #file: OpenEntry
  readonly options: LinesOptions
  readonly #deadline: number
  #buffer: Buffer | undefined

  constructor(file: OpenEntry, options: LinesOptions) {
    this.#file = file
    this.options = options
    this.size = options.size
    this.#deadline = monotonicMs() + options.searchMs
  }

  /**
   * The position `count` lines after `from`, which must be the start of a line. When the file has fewer, `skipped` says how many there are
   * and `position` is its end.
   * @throws ToolError TIMEOUT when it lies too far away
   */
  async skip(from: number, count: number, linesBefore = 0): Promise<{ position: number; skipped: number }> {
    let skipped = 0
    let lineStart = from
    let reported = from
    for (let position = from; skipped < count && position < this.size; ) {
      const chunk = await this.#chunk(position, this.size)
      for (let next = this.#lineEnd(chunk, 0); next !== -1 && skipped < count; next = this.#lineEnd(chunk, next)) {
        lineStart = position + next
        skipped += 1
      }
      position += chunk.length
      if (position - reported >= progressEveryBytes) {
        reported = position
        this.#mark(lineStart, linesBefore + skipped)
      }
      if (skipped < count && this.#late()) {
        this.#mark(lineStart, linesBefore + skipped)
        throw new ToolError(
          'TIMEOUT',
          `the search came to line ${linesBefore + skipped} (${formatBytes(position)} of ${formatBytes(this.size)}) in ${this.options.searchMs} ms`,
          { hint: 'the same call again goes on from there; or tail for the end of the file' },
        )
      }
    }
    if (skipped < count && lineStart < this.size) return { position: this.size, skipped: skipped + 1 } // the last line has no end
    return { position: lineStart, skipped }
  }

  /**
   * The start of the line that is `count` lines before `end`, which must be the end of a line or of the file; or of the first line, when the
   * file has no more.
   */
  async back(end: number, count: number): Promise<number> {
    const { start, width } = this.options.format
    if (count === 0 || end <= start) return end
    let found = 0
    // The end of the last line itself ends no line before it.
    for (let upper = end - width; upper > start; ) {
      const lower = Math.max(start, upper - chunkBytes)
      const chunk = await this.#chunk(lower, upper)
      for (let at = this.#lineFeedBefore(chunk, chunk.length); at !== -1; at = this.#lineFeedBefore(chunk, at)) {
        if (++found === count) return lower + at + width
      }
      upper = lower
      if (this.#late()) {
        throw new ToolError('TIMEOUT', `the last ${count} lines do not begin within ${formatBytes(end - upper)} before the end`, {
          hint: 'a smaller tail',
        })
      }
    }
    return start
  }

  /**
   * Gives the lines between `from` and `end` to `take` until it returns false. A line's bytes are overwritten after that. Not a generator: for
   * short lines that would take half as long again.
   */
  async each(from: number, end: number, keepBytes: number, take: (line: Line) => boolean): Promise<void> {
    const { width } = this.options.format
    let start = from
    let kept: Buffer[] = []
    let keptBytes = 0
    let length = 0
    const line = (next: number, endless = false): Line => ({
      bytes: kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept),
      length,
      start,
      next,
      endless,
    })
    for (let position = from; position < Math.min(end, this.size); ) {
      const chunk = await this.#chunk(position, Math.min(end, this.size))
      for (let at = 0; at < chunk.length; ) {
        const next = this.#lineEnd(chunk, at)
        const stop = next === -1 ? chunk.length : next - width
        // NULs at the start of a line are the hole that a truncated log has there.
        if (keptBytes === 0 && width === 1) while (at < stop && chunk[at] === 0) at += 1
        if (keptBytes < keepBytes && stop > at) {
          const piece = chunk.subarray(at, Math.min(stop, at + keepBytes - keptBytes))
          kept.push(next === -1 ? Buffer.from(piece) : piece) // the buffer is used again for the next chunk
          keptBytes += piece.length
        }
        length += stop - at
        if (next === -1) break
        if (!take(line(position + next))) return
        start = position + next
        at = next
        kept = []
        keptBytes = length = 0
      }
      position += chunk.length
      if (length > keepBytes && this.#late()) return void take(line(position, true))
    }
    const last = Math.min(end, this.size)
    if (start < last) take(line(last))
  }

  #mark(position: number, linesBefore: number): void {
    this.options.known.mark(position, linesBefore)
    this.options.context.progress(position, this.options.size)
  }

  #late(): boolean {
    return monotonicMs() > this.#deadline
  }

  /** The bytes from `from` up to `to`, or as many as the buffer holds. Never empty before the end of the file. */
  async #chunk(from: number, to: number): Promise<Buffer> {
    const { head } = this.options
    if (to <= head.length) return head.subarray(from, to)
    this.#buffer ??= Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(this.size, 2)))
    const chunk = this.#buffer.subarray(0, to - from)
    this.options.context.signal.throwIfAborted()
    const filled = await this.#file.read(chunk, from)
    if (filled < chunk.length) this.size = from + filled
    return chunk.subarray(0, filled)
  }

  /** Index after the first line feed at or after `at`, or -1. */
  #lineEnd(chunk: Buffer, at: number): number {
    const { lineFeed, width } = this.options.format
    const found = chunk.indexOf(lineFeed, at, 'utf16le')
    return found === -1 ? -1 : found + width
  }

  /** Index of the last line feed before `at`, or -1. */
  #lineFeedBefore(chunk: Buffer, at: number): number {
    const { lineFeed, width } = this.options.format
    return at < width ? -1 : chunk.lastIndexOf(lineFeed, at - width, 'utf16le')
  }
}
