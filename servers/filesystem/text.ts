// What the bytes of a file are: text in which encoding, a picture, or something else; and the text of one line.
import { isUtf8 } from 'node:buffer'
import { cleanText } from '../runtime/report.ts'

export type Charset = 'auto' | 'utf-8' | 'latin1' | 'utf-16le' | 'utf-16be'

/** How the lines of a text file are found and read. */
export interface TextFormat {
  readonly charset: Charset
  /** Bytes of a code unit. */
  readonly width: 1 | 2
  /** Bytes of the byte order mark. */
  readonly start: number
}

export type Content =
  | { readonly kind: 'text'; readonly format: TextFormat }
  | { readonly kind: 'image'; readonly type: string }
  | { readonly kind: 'binary'; readonly type: string }

/** So many bytes from the start decide what a file is. */
export const sampleBytes = 8_192

const signatures: readonly [type: string, at: number, bytes: string][] = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF87a'],
  ['image/gif', 0, 'GIF89a'],
  ['image/webp', 8, 'WEBP'],
  ['application/pdf', 0, '%PDF-'],
  ['application/zip (also docx, xlsx, jar)', 0, 'PK\x03\x04'],
  ['application/gzip', 0, '\x1f\x8b'],
  ['application/zstd', 0, '\x28\xb5\x2f\xfd'],
  ['application/x-xz', 0, '\xfd7zXZ\0'],
  ['application/x-bzip2', 0, 'BZh'],
  ['application/x-7z-compressed', 0, '7z\xbc\xaf\x27\x1c'],
  ['application/x-tar', 257, 'ustar'],
  ['application/vnd.sqlite3', 0, 'SQLite format 3\0'],
  ['application/x-elf', 0, '\x7fELF'],
  ['application/wasm', 0, '\0asm'],
  ['application/vnd.apache.parquet', 0, 'PAR1'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['image/heic or avif', 4, 'ftyp'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/flac', 0, 'fLaC'],
  ['application/ogg', 0, 'OggS'],
  ['audio/wav', 8, 'WAVE'],
  ['font/woff2', 0, 'wOF2'],
]

/** Formats that models are shown; the others are described. */
const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Like git, takes a NUL byte for the sign of a binary file; unlike git, knows UTF-16 by its byte order mark. */
export function sniff(sample: Buffer): Content {
  if (sample[0] === 0xff && sample[1] === 0xfe) return { kind: 'text', format: { charset: 'utf-16le', width: 2, start: 2 } }
  if (sample[0] === 0xfe && sample[1] === 0xff) return { kind: 'text', format: { charset: 'utf-16be', width: 2, start: 2 } }
  const head = sample.toString('latin1', 0, 512)
  const type = signatures.find(([, at, bytes]) => head.startsWith(bytes, at))?.[0]
  // Short signatures of letters may begin a text; a file that has no control characters is one.
  const controls = sample.toString('latin1').match(/[\x00-\x08\x0e-\x1a\x1c-\x1f]/g)?.length ?? 0
  if (type !== undefined && (controls > 0 || type === 'application/pdf')) {
    return pictures.has(type) ? { kind: 'image', type } : { kind: 'binary', type }
  }
  if (sample.includes(0) || controls > sample.length / 10) return { kind: 'binary', type: 'application/octet-stream' }
  return { kind: 'text', format: formatOf('auto', sample) }
}

export function formatOf(charset: 'auto' | 'utf-8' | 'latin1', sample: Buffer): TextFormat {
  const marked = charset !== 'latin1' && sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf
  return { charset, width: 1, start: marked ? 3 : 0 }
}

export interface DecodedLine {
  readonly text: string
  /** How it was read, where that was in question. */
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
      return { text: bytes.toString('utf16le'), read: 'plain' }
    case 'utf-16be':
      return {
        text: Buffer.from(bytes.subarray(0, bytes.length & ~1))
          .swap16()
          .toString('utf16le'),
        read: 'plain',
      }
    case 'latin1':
      return { text: windows1252(bytes), read: 'plain' }
    case 'utf-8':
    case 'auto':
      if (isUtf8(bytes)) return { text: bytes.toString('utf8'), read: 'plain' }
      return charset === 'auto' ? { text: windows1252(bytes), read: 'latin1' } : { text: bytes.toString('utf8'), read: 'damaged' }
  }
}

/** What everybody means by latin1: WHATWG Encoding §4.2 maps the label to windows-1252, whose 0x80…0x9f are not controls. */
function windows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (char) => c1[char.charCodeAt(0) - 0x80] as string)
}

const c1 = Array.from('€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ')

/** Drops a character that the end of the bytes cuts in two. */
function trimPartial(bytes: Buffer, charset: Charset): Buffer {
  if (charset === 'latin1') return bytes
  if (charset === 'utf-16le' || charset === 'utf-16be') return bytes.subarray(0, bytes.length & ~1)
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number
    if (byte < 0x80) break
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return wanted > back ? bytes.subarray(0, bytes.length - back) : bytes
    }
  }
  return bytes
}

/** Not between the halves of a surrogate pair. */
function cutBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1)
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at
}

function byteLength(text: string, charset: Charset, read: DecodedLine['read']): number {
  if (charset === 'utf-16le' || charset === 'utf-16be') return text.length * 2
  return charset === 'latin1' || read === 'latin1' ? text.length : Buffer.byteLength(text)
}
