// Finds a text in the files of a listing, within limits of bytes and time for the whole call.
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import { decodeUtf16, type Utf16, wholeCharacters } from '../../kit/content-kind.ts'
import { clip } from '../../kit/text.ts'
import { turnsOf } from '../../kit/waiting.ts'
import type { Cancellable, Location } from '../types.ts'
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

export function searchFor(text: string, sandbox: Sandbox, maxBytes: number, { signal }: Cancellable) {
  /** The text as it is found in files of one and of two bytes for each character. */
  const expressions = { 1: anyCase(Buffer.from(text).toString('latin1')), 2: anyCase(text) }
  const deadline = monotonicMs() + maxSearchMs
  const pause = turnsOf(turnMs)
  const buffer = Buffer.allocUnsafeSlow(chunkBytes)
  let bytesLeft = maxBytes
  const search = {
    /** Files that take more than all the bytes or time of a call, of which only the start was searched. */
    partly: [] as string[],
    /** How many files were searched. */
    files: 0,
    find,
  }

  /** The first line of the entry that holds the text, if it is a file; upper and lower case of ASCII letters are the same. */
  async function find({ root, segments }: Location, entry: Entry): Promise<Found> {
    if (entry.kind !== 'file' || entry.remark !== undefined) return 'none'
    await pause()
    if (bytesLeft <= 0 || monotonicMs() > deadline) return 'budget'
    const location = { root, segments: [...segments, ...entry.segments] }
    const name = showPath(entry.segments)
    try {
      return (await sandbox.use(location, (file) => findIn(file, name))) ?? 'none'
    } catch (error) {
      if (error instanceof ToolError && error.code === 'FORBIDDEN') return 'none' // what may not be read, or is no regular file any more
      throw error
    }
  }

  async function findIn(file: OpenEntry, name: string): Promise<Found> {
    const size = Number(file.stat.size)
    const head = buffer.subarray(0, Math.min(sampleBytes, size))
    const content = sniff(head.subarray(0, await file.read(head, 0)))
    if (content.kind !== 'text') return 'none'
    // A file that does not fit into what is left waits for the next page, unless it would never fit.
    if (size > bytesLeft && (size <= maxBytes || bytesLeft < maxBytes)) return 'budget'
    search.files += 1
    const found = await findText(file, content.format, Math.min(size, bytesLeft))
    if (found === 'budget' && search.files > 1) return 'budget' // the next page starts with this file
    if (found === 'budget' || (found === 'none' && size > maxBytes)) {
      search.partly.push(name)
      return 'none'
    }
    return found
  }

  async function findText(file: OpenEntry, format: TextFormat, end: number): Promise<Found> {
    const { width } = format
    const overlap = Buffer.byteLength(text) * width
    let line = 1
    let lineStart = format.start
    for (let position = format.start; position < end; ) {
      await pause()
      signal.throwIfAborted()
      if (monotonicMs() > deadline) return 'budget'
      const chunk = buffer.subarray(0, end - position)
      const read = await file.read(chunk, position)
      bytesLeft -= read
      const bytes = chunk.subarray(0, read)
      const content = width === 1 ? bytes.toString('latin1') : decodeUtf16(bytes, format.charset as Utf16)
      const index = content.search(expressions[width])
      const isLast = read < chunk.length || position + read >= end
      const next = position + read - (overlap < read ? overlap : 0)
      const searched = index === -1 ? (next - position) / width : index
      for (let at = content.indexOf('\n'); at !== -1 && at < searched; at = content.indexOf('\n', at + 1)) {
        line += 1
        lineStart = position + (at + 1) * width
      }
      if (index !== -1) return { line, text: await lineText(file, format, lineStart, position + index * width) }
      position = isLast ? end : next
    }
    return 'none'
  }

  /** The line that starts at `start` and has a match at `position`, from shortly before the match on. */
  async function lineText(file: OpenEntry, format: TextFormat, start: number, position: number): Promise<string> {
    // Of a line without end only what is shown is read.
    const from = Math.max(start, position - 4 * maxLineChars)
    const wanted = position - from + 4 * maxLineChars
    const part = await file.part(from, wanted)
    const isCharStart = (byte: number): boolean => (byte & 0xc0) !== 0x80
    const first = from > start && format.width === 1 ? Math.max(0, part.findIndex(isCharStart)) : 0
    const end = part.indexOf(format.lineFeed, position - from, 'utf16le')
    const isCut = end === -1 && part.length === wanted
    const whole = isCut && format.width === 1 ? wholeCharacters(part) : part.length
    const bytes = part.subarray(first, end === -1 ? whole : end)
    const line = `${decodeLine(bytes, bytes.length, format.charset, bytes.length).text}${isCut ? '…' : ''}`
    const at = line.search(expressions[2])
    return clip(at > contextChars ? `…${line.slice(at - contextChars)}` : line, maxLineChars)
  }

  return search
}

/** Finds the text in either case of its ASCII letters. Folding other letters could change the length of a text, by which positions are counted. */
function anyCase(text: string): RegExp {
  const either = (char: string): string =>
    /[a-z]/i.test(char)
      ? `[${char.toLowerCase()}${char.toUpperCase()}]`
      : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return new RegExp(Array.from({ length: text.length }, (_, i) => either(text.charAt(i))).join(''))
}
