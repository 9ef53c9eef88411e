// The kind and encoding of a file's bytes, and the text of one line.
import { isUtf8 } from 'node:buffer'
import {
  byteOrderMark,
  type ContentKind,
  contentKind,
  decodeUtf16,
  decodeWindows1252,
  wholeCharacters,
} from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'

export type Charset = 'auto' | 'utf-8' | 'latin1' | 'utf-16le' | 'utf-16be'

/** How the lines of a text file are found and read. */
export interface TextFormat {
  readonly charset: Charset
  /** Bytes of a code unit. */
  readonly width: 1 | 2
  /** Bytes of the byte order mark. */
  readonly start: number
}

export type Content = { readonly kind: 'text'; readonly format: TextFormat } | Exclude<ContentKind, { kind: 'text' }>

/** The kind of a file is decided by this many bytes from its start. */
export const sampleBytes = 8_192

/** @param atStart whether these are the first bytes, which alone have a signature or a byte order mark */
export function sniff(sample: Buffer, atStart = true): Content {
  const content = contentKind(sample, atStart)
  if (content.kind !== 'text') return content
  const { mark } = content
  if (mark === 'utf-16le' || mark === 'utf-16be') return { kind: 'text', format: { charset: mark, width: 2, start: 2 } }
  return { kind: 'text', format: formatOf('auto', sample) }
}

export function formatOf(charset: 'auto' | 'utf-8' | 'latin1', sample: Buffer): TextFormat {
  const marked = charset !== 'latin1' && byteOrderMark(sample) === 'utf-8'
  return { charset, width: 1, start: marked ? 3 : 0 }
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
  const { text, read } = decode(whole ? bytes : trimPartial(bytes, charset), charset)
  const line = whole && text.endsWith('\r') ? text.slice(0, -1) : text
  const kept = line.length > maxChars ? line.slice(0, cutBefore(line, maxChars)) : line
  const missing = whole && kept === line ? 0 : length - byteLength(kept, charset, read)
  // A carriage return within the line would end it for the reader, and every line number after it would be wrong.
  const cleaned = cleanText(kept.replaceAll('\r', '␍'))
  return { text: missing > 0 ? `${cleaned}…[+${missing} bytes]` : cleaned, read }
}

function decode(bytes: Buffer, charset: Charset): DecodedLine {
  switch (charset) {
    case 'utf-16le':
    case 'utf-16be':
      return { text: decodeUtf16(bytes, charset), read: 'plain' }
    case 'latin1':
      return { text: decodeWindows1252(bytes), read: 'plain' }
    case 'utf-8':
    case 'auto':
      if (isUtf8(bytes)) return { text: bytes.toString('utf8'), read: 'plain' }
      return charset === 'auto'
        ? { text: decodeWindows1252(bytes), read: 'latin1' }
        : { text: bytes.toString('utf8'), read: 'damaged' }
  }
}

/** Drops an incomplete character at the end. */
function trimPartial(bytes: Buffer, charset: Charset): Buffer {
  if (charset === 'latin1') return bytes
  if (charset === 'utf-16le' || charset === 'utf-16be') return bytes.subarray(0, bytes.length & ~1)
  return bytes.subarray(0, wholeCharacters(bytes))
}

/** The position, moved out of the middle of a surrogate pair. */
function cutBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1)
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at
}

function byteLength(text: string, charset: Charset, read: DecodedLine['read']): number {
  if (charset === 'utf-16le' || charset === 'utf-16be') return text.length * 2
  return charset === 'latin1' || read === 'latin1' ? text.length : Buffer.byteLength(text)
}

/** In seconds; `unknown` beyond the calendar: any writer can set such a time, and it must not break a listing. */
export function showTime(mtimeMs: number): string {
  const time = new Date(mtimeMs)
  return Number.isNaN(time.getTime()) ? 'unknown' : `${time.toISOString().slice(0, -5)}Z`
}
