// The kind and encoding of a file's bytes, and the text of one line.
import { isUtf8 } from 'node:buffer'
import {
  type ByteOrderMark,
  contentKind,
  decodeUtf16,
  decodeWindows1252,
  type Utf16,
  wholeCharacters,
} from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'

export type Charset = 'auto' | 'utf-8' | 'latin1' | Utf16

/** How the lines of a text file are found and read. */
export interface TextFormat {
  readonly charset: Charset
  /** Bytes of a code unit. */
  readonly width: 1 | 2
  /** A byte, or the two of a code unit, which Buffer.indexOf finds only at even positions when it is given `utf16le`. */
  readonly lineFeed: number | Buffer
  /** Bytes of the byte order mark. */
  readonly start: number
}

const lineFeeds = { 'utf-16le': Buffer.from([10, 0]), 'utf-16be': Buffer.from([0, 10]) }

/** The kind of a file is decided by this many bytes from its start. */
export const sampleBytes = 8_192

/** @param atStart whether these are the first bytes, which alone have a signature or a byte order mark */
export function sniff(sample: Buffer, atStart = true) {
  const content = contentKind(sample, atStart)
  return content.kind === 'text' ? { kind: content.kind, format: formatOf('auto', content.mark) } : content
}

/** @param mark which the file starts with */
export function formatOf(charset: 'auto' | 'utf-8' | 'latin1', mark: ByteOrderMark | undefined): TextFormat {
  if (charset === 'auto' && isUtf16(mark)) return { charset: mark, width: 2, lineFeed: lineFeeds[mark], start: 2 }
  return { charset, width: 1, lineFeed: 10, start: mark === 'utf-8' && charset !== 'latin1' ? 3 : 0 }
}

export interface DecodedLine {
  readonly text: string
  /** How it was decoded, if that was ambiguous. */
  readonly read: 'plain' | 'latin1' | 'damaged'
}

/**
 * The text of one line, of which `bytes` holds at least the first 4 × `maxChars` bytes out of `length`: cleaned, cut, and in one line.
 * With `auto`, a line that is not UTF-8 is read as latin1: logs that several programs write hold both.
 */
export function decodeLine(bytes: Buffer, length: number, charset: Charset, maxChars: number): DecodedLine {
  const whole = bytes.length === length
  // Without an incomplete character at the end. In the other charsets these at most three bytes are of characters that are cut off anyway.
  const { text, read } = decode(whole ? bytes : bytes.subarray(0, wholeCharacters(bytes)), charset)
  const line = whole && text.endsWith('\r') ? text.slice(0, -1) : text
  const kept = line.length > maxChars ? line.slice(0, maxChars).replace(/[\ud800-\udbff]$/, '') : line // no half of a pair
  const missing = whole && kept === line ? 0 : length - byteLength(kept, charset, read)
  // A carriage return within the line would end it for the reader, and every line number after it would be wrong.
  const cleaned = cleanText(kept.replaceAll('\r', '␍'))
  return { text: missing > 0 ? `${cleaned}…[+${missing} bytes]` : cleaned, read }
}

function decode(bytes: Buffer, charset: Charset): DecodedLine {
  if (isUtf16(charset)) return { text: decodeUtf16(bytes, charset), read: 'plain' }
  if (charset === 'latin1') return { text: decodeWindows1252(bytes), read: 'plain' }
  if (isUtf8(bytes)) return { text: bytes.toString(), read: 'plain' }
  if (charset === 'auto') return { text: decodeWindows1252(bytes), read: 'latin1' }
  return { text: bytes.toString(), read: 'damaged' }
}

function isUtf16(charset: Charset | ByteOrderMark | undefined): charset is Utf16 {
  return charset === 'utf-16le' || charset === 'utf-16be'
}

function byteLength(text: string, charset: Charset, read: DecodedLine['read']): number {
  if (isUtf16(charset)) return text.length * 2
  return charset === 'latin1' || read === 'latin1' ? text.length : Buffer.byteLength(text)
}

/** In seconds; `unknown` beyond the calendar: any writer can set such a time, and it must not break a listing. */
export function showTime(mtimeMs: number): string {
  const time = new Date(mtimeMs)
  return Number.isNaN(time.getTime()) ? 'unknown' : `${time.toISOString().slice(0, -5)}Z`
}
