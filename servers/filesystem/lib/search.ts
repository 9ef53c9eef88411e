// Finds a text in the files of a listing, within limits of bytes and time for the whole call.
import { ToolError } from '../../../protocol/index.ts'
import { decodeUtf16 } from '../../kit/content-kind.ts'
import { clip } from '../../kit/text.ts'
import { Turns } from '../../kit/waiting.ts'
import type { Location } from '../types.ts'
import { Lines } from './lines.ts'
import { OpenEntry, type OpenFile, type Sandbox } from './sandbox.ts'
import { decodeLine, sampleBytes, sniff, type TextFormat } from './text.ts'

const chunkBytes = 64 * 1024
const maxLineChars = 240
/** How long a search runs before other calls get a turn: small local files are read synchronously. */
const turnMs = 10
/** A match is shown with at most this many characters of its line before it. */
const contextChars = 80

export interface Match {
  readonly line: number
  readonly text: string
}

/** `budget`: the limits of this call are used up before this file could be searched. */
export type Found = Match | 'none' | 'budget'

export interface SearchOptions {
  readonly text: string
  readonly maxBytes: number
  readonly maxMs: number
  readonly signal: AbortSignal
}

export class Search {
  /** Files that take more than all the bytes or time of a call, of which only the start was searched. */
  readonly partly: string[] = []
  files = 0
  readonly #sandbox: Sandbox
  readonly #options: SearchOptions
  readonly #deadline: number
  readonly #needles: Record<'bytes' | 'utf-16le' | 'utf-16be', string>
  readonly #turns = new Turns(turnMs)
  #bytesLeft: number
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes)

  constructor(sandbox: Sandbox, options: SearchOptions) {
    this.#sandbox = sandbox
    this.#options = options
    this.#deadline = performance.now() + options.maxMs
    this.#bytesLeft = options.maxBytes
    const wide = options.text.toLowerCase()
    this.#needles = { bytes: foldBytes(Buffer.from(options.text)), 'utf-16le': wide, 'utf-16be': wide }
  }

  /** The first line of the file that holds the text; upper and lower case of ASCII letters are the same. */
  async find(location: Location, name: string): Promise<Found> {
    await this.#turns.yield()
    if (this.#isOver()) return 'budget'
    const entry = await this.#sandbox.open(location)
    if (!(entry instanceof OpenEntry)) return 'none'
    try {
      if (entry.kind !== 'file') return 'none'
      const file = await entry.read()
      try {
        return await this.#findIn(file, Number(entry.stat.size), name)
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof ToolError) return 'none' // a file that may not be read
      throw error
    } finally {
      await entry.close()
    }
  }

  async #findIn(file: OpenFile, size: number, name: string): Promise<Found> {
    const head = this.#buffer.subarray(0, Math.min(sampleBytes, size))
    const content = sniff(head.subarray(0, await file.read(head, 0, this.#options.signal)))
    if (content.kind !== 'text') return 'none'
    const isLarge = size > this.#options.maxBytes
    // A file that does not fit into what is left waits for the next page, unless it would never fit.
    if (size > this.#bytesLeft && !(isLarge && this.#bytesLeft === this.#options.maxBytes)) return 'budget'
    this.files += 1
    const end = Math.min(size, this.#bytesLeft)
    const position = await this.#positionIn(file, content.format, end)
    if (position === 'budget' && this.files > 1) return 'budget' // the next page starts with this file
    if (position === 'budget') {
      this.partly.push(name)
      return 'none'
    }
    if (position !== undefined) return this.#lineAt(file, content.format, size, position)
    if (isLarge) this.partly.push(name)
    return 'none'
  }

  /** The byte position of the first match. */
  async #positionIn(file: OpenFile, format: TextFormat, end: number): Promise<number | 'budget' | undefined> {
    const charset = format.width === 2 ? (format.charset as 'utf-16le' | 'utf-16be') : 'bytes'
    const needle = this.#needles[charset]
    const overlap = Buffer.byteLength(this.#options.text) * format.width
    for (let position = format.start; position < end; ) {
      await this.#turns.yield()
      if (performance.now() > this.#deadline) return 'budget'
      const chunk = this.#buffer.subarray(0, end - position)
      const read = await file.read(chunk, position, this.#options.signal)
      const bytes = chunk.subarray(0, read)
      this.#bytesLeft -= read
      const text = charset === 'bytes' ? foldBytes(bytes) : decodeUtf16(bytes, charset).toLowerCase()
      const index = text.indexOf(needle)
      if (index !== -1) return position + index * format.width
      if (read < chunk.length || position + read >= end) return undefined
      position += read - (overlap < read ? overlap - (overlap % format.width) : 0)
    }
    return undefined
  }

  async #lineAt(file: OpenFile, format: TextFormat, size: number, position: number): Promise<Match> {
    const { signal, maxMs } = this.#options
    const lines = new Lines(file, { size, format, signal, searchMs: maxMs, onMark() {} })
    // All lines that start at or before the match, without the one that holds it.
    const { position: start, skipped } = await lines.skipTo(format.start, position)
    const line = skipped + 1
    let text = ''
    await lines.read(start, size, position - start + 4 * maxLineChars, ({ bytes, length }) => {
      const decoded = decodeLine(bytes, length, format.charset, bytes.length).text
      const at = decoded.toLowerCase().indexOf(this.#options.text.toLowerCase())
      text = at > contextChars ? `…${decoded.slice(at - contextChars)}` : decoded
      return 'last'
    })
    return { line, text: clip(text, maxLineChars) }
  }

  #isOver(): boolean {
    return this.#bytesLeft <= 0 || performance.now() > this.#deadline
  }
}

/** One character for each byte, ASCII letters in lower case. */
function foldBytes(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
