// Finds a text in the files of a listing, within limits of bytes and time for the whole call.
import { type Context, monotonicMs, ToolError } from '../../../protocol/index.ts'
import { decodeUtf16, type Utf16 } from '../../kit/content-kind.ts'
import { clip } from '../../kit/text.ts'
import { Turns } from '../../kit/waiting.ts'
import type { Location } from '../types.ts'
import { KnownLines } from './line-index.ts'
import { Lines } from './lines.ts'
import { showPath } from './raw-path.ts'
import type { OpenEntry, Sandbox } from './sandbox.ts'
import { decodeLine, sampleBytes, sniff, type TextFormat } from './text.ts'
import type { Entry } from './walk.ts'

const chunkBytes = 64 * 1024
const maxLineChars = 240
/** Longest search in one call. */
export const maxSearchMs = 5_000
/** How long a search runs before other calls get a turn: small local files are read synchronously. */
const turnMs = 10
/** A match is shown with at most this many characters of its line before it. */
const contextChars = 80

export interface Match {
  readonly line: number
  readonly text: string
}

/** `budget`: the limits of this call are used up before this file could be searched. */
type Found = Match | 'none' | 'budget'

export class Search {
  /** Files that take more than all the bytes or time of a call, of which only the start was searched. */
  readonly partly: string[] = []
  files = 0
  readonly #sandbox: Sandbox
  readonly #maxBytes: number
  readonly #context: Pick<Context, 'signal' | 'progress'>
  readonly #deadline = monotonicMs() + maxSearchMs
  /** The text as it is found in files of one and of two bytes for each character. */
  readonly #needles: Record<1 | 2, string>
  readonly #turns = new Turns(turnMs)
  #bytesLeft: number
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes)

  constructor(sandbox: Sandbox, text: string, maxBytes: number, context: Pick<Context, 'signal' | 'progress'>) {
    this.#sandbox = sandbox
    this.#maxBytes = maxBytes
    this.#bytesLeft = maxBytes
    this.#context = context
    this.#needles = { 1: foldAscii(Buffer.from(text).toString('latin1')), 2: foldAscii(text) }
  }

  /** The first line of the entry that holds the text, if it is a file; upper and lower case of ASCII letters are the same. */
  async find({ root, segments }: Location, entry: Entry): Promise<Found> {
    if (entry.kind !== 'file' || entry.remark !== undefined) return 'none'
    await this.#turns.yield()
    if (this.#bytesLeft <= 0 || monotonicMs() > this.#deadline) return 'budget'
    const location = { root, segments: [...segments, ...entry.segments] }
    const name = showPath(entry.segments)
    try {
      const found = await this.#sandbox.use(location, (file) => (file.kind === 'file' ? this.#findIn(file, name) : 'none'))
      return found ?? 'none'
    } catch (error) {
      if (error instanceof ToolError && error.code === 'FORBIDDEN') return 'none' // a file that may not be read
      throw error
    }
  }

  async #findIn(file: OpenEntry, name: string): Promise<Found> {
    const size = Number(file.stat.size)
    const head = this.#buffer.subarray(0, Math.min(sampleBytes, size))
    const content = sniff(head.subarray(0, await file.read(head, 0)))
    if (content.kind !== 'text') return 'none'
    const isLarge = size > this.#maxBytes
    // A file that does not fit into what is left waits for the next page, unless it would never fit.
    if (size > this.#bytesLeft && !(isLarge && this.#bytesLeft === this.#maxBytes)) return 'budget'
    this.files += 1
    const found = await this.#findText(file, content.format, size, Math.min(size, this.#bytesLeft))
    if (found === 'budget' && this.files > 1) return 'budget' // the next page starts with this file
    if (found === 'budget' || (found === 'none' && isLarge)) {
      this.partly.push(name)
      return 'none'
    }
    return found
  }

  async #findText(file: OpenEntry, format: TextFormat, size: number, end: number): Promise<Found> {
    const overlap = this.#needles[1].length * format.width
    let line = 1
    let lineStart = format.start
    for (let position = format.start; position < end; ) {
      await this.#turns.yield()
      this.#context.signal.throwIfAborted()
      if (monotonicMs() > this.#deadline) return 'budget'
      const chunk = this.#buffer.subarray(0, end - position)
      const read = await file.read(chunk, position)
      this.#bytesLeft -= read
      const bytes = chunk.subarray(0, read)
      const text = foldAscii(format.width === 1 ? bytes.toString('latin1') : decodeUtf16(bytes, format.charset as Utf16))
      const index = text.indexOf(this.#needles[format.width])
      const isLast = read < chunk.length || position + read >= end
      const next = position + read - (overlap < read ? overlap - (overlap % format.width) : 0)
      const searched = index === -1 ? (next - position) / format.width : index
      for (let at = text.indexOf('\n'); at !== -1 && at < searched; at = text.indexOf('\n', at + 1)) {
        line += 1
        lineStart = position + (at + 1) * format.width
      }
      if (index !== -1) {
        const at = position + index * format.width
        return { line, text: await this.#lineText(file, format, size, lineStart, at) }
      }
      position = isLast ? end : next
    }
    return 'none'
  }

  /** The line that starts at `start` and has a match at `position`, from shortly before the match on. */
  async #lineText(file: OpenEntry, format: TextFormat, size: number, start: number, position: number): Promise<string> {
    const lines = new Lines(file, { size, format, context: this.#context, searchMs: maxSearchMs, known: new KnownLines() })
    let text = ''
    // Of a line without end only what is shown is kept.
    const from = Math.max(start, position - 4 * maxLineChars)
    await lines.read(from, size, position - from + 4 * maxLineChars, ({ bytes: kept, length: whole }) => {
      const cut =
        from > start && format.width === 1
          ? Math.max(
              0,
              kept.findIndex((byte) => (byte & 0xc0) !== 0x80),
            )
          : 0 // of a character
      const bytes = kept.subarray(cut)
      const length = whole - cut
      const decoded = decodeLine(bytes, length, format.charset, bytes.length).text
      const at = foldAscii(decoded).indexOf(this.#needles[2])
      text = at > contextChars ? `…${decoded.slice(at - contextChars)}` : decoded
      return 'last'
    })
    return clip(text, maxLineChars)
  }
}

/** ASCII letters in lower case. Other letters could change the length of the text, by which positions are counted. */
function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
