// What the bytes of an object are: text in which encoding, a picture, or something else.
import { isUtf8 } from 'node:buffer'

export type Content =
  | { readonly kind: 'text'; readonly text: Decoded }
  | { readonly kind: 'image' | 'gzip' | 'binary'; readonly type: string }

export interface Decoded {
  readonly text: string
  readonly charset: 'utf-8' | 'windows-1252' | 'utf-16le' | 'utf-16be'
  /** Bytes before the first whole character: a page may begin within one. */
  readonly skipped: number
  /** Bytes of the text; what follows of the given bytes is the beginning of a character. */
  readonly length: number
  /** Bytes that are no character, shown as �. */
  readonly damaged: boolean
}

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
  ['application/vnd.apache.parquet', 0, 'PAR1'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['video/mp4, image/heic or avif', 4, 'ftyp'],
  ['video/x-matroska or webm', 0, '\x1a\x45\xdf\xa3'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/flac', 0, 'fLaC'],
  ['application/ogg', 0, 'OggS'],
  ['audio/wav', 8, 'WAVE'],
]

/** Formats that models are shown; the others are described. */
const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** @param atStart whether these are an object's first bytes, which alone have a signature */
export function sniff(bytes: Buffer, atStart: boolean, more: boolean): Content {
  const head = bytes.toString('latin1', 0, 512)
  const type = atStart ? signatures.find(([, at, mark]) => head.startsWith(mark, at))?.[0] : undefined
  // Short signatures of letters may begin a text; a text has no control characters.
  if (type !== undefined && (hasControls(bytes) || type === 'application/pdf')) {
    return { kind: pictures.has(type) ? 'image' : type === 'application/gzip' ? 'gzip' : 'binary', type }
  }
  const marked = atStart ? byteOrderMark(bytes) : undefined
  if (marked !== undefined) return { kind: 'text', text: decodeUtf16(bytes, marked) }
  if (!hasManyControls(bytes)) {
    const text = decodeText(bytes, more)
    if (!text.damaged || isMostlyText(text.text)) return { kind: 'text', text }
  }
  return { kind: 'binary', type: type ?? 'application/octet-stream' }
}

/** Reads bytes as text whatever they are. @param more whether the object goes on, so that the last character may be cut */
export function decodeText(bytes: Buffer, more: boolean): Decoded {
  const skipped = isLead(bytes[0]) ? 0 : continuationBytes(bytes)
  const length = more ? wholeCharacters(bytes) : bytes.length
  const body = bytes.subarray(Math.min(skipped, length), length)
  if (isUtf8(body)) return { text: body.toString('utf8'), charset: 'utf-8', skipped, length, damaged: false }
  const text = body.toString('utf8')
  // Text that has real multi-byte characters beside broken ones is damaged UTF-8; text that has none is in an older encoding.
  if (/[\u0080-\ufffc]/.test(text) || hasControls(bytes) || !isMostlyAscii(bytes)) {
    return { text, charset: 'utf-8', skipped, length, damaged: true }
  }
  return { text: windows1252(bytes), charset: 'windows-1252', skipped: 0, length: bytes.length, damaged: false }
}

export function byteOrderMark(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined
}

/** Cuts neither a code unit nor a surrogate pair in two. */
export function decodeUtf16(bytes: Buffer, charset: 'utf-16le' | 'utf-16be'): Decoded {
  let length = bytes.length & ~1
  const units = Buffer.from(bytes.subarray(0, length))
  if (charset === 'utf-16be') units.swap16()
  if (length >= 4 && (units.readUInt16LE(length - 2) & 0xfc00) === 0xd800) length -= 2
  return { text: units.toString('utf16le', 0, length), charset, skipped: 0, length, damaged: false }
}

function hasControls(bytes: Buffer): boolean {
  return bytes.some(isControl)
}

/** A bell here and there is no sign of a binary object; a NUL is. */
function hasManyControls(bytes: Buffer): boolean {
  let count = 0
  for (const byte of bytes) {
    if (byte === 0) return true
    if (isControl(byte)) count += 1
  }
  return count > bytes.length * 0.05
}

/** Tab, line and page ends, escape and substitute may be in a text. */
function isControl(byte: number): boolean {
  return byte < 0x09 || (byte > 0x0d && byte < 0x1a) || (byte > 0x1b && byte < 0x20)
}

function isMostlyAscii(bytes: Buffer): boolean {
  let high = 0
  for (const byte of bytes) if (byte > 0x7f) high += 1
  return high <= bytes.length * 0.3
}

function isMostlyText(text: string): boolean {
  return (text.match(/\ufffd/g)?.length ?? 0) <= text.length * 0.02
}

function isLead(byte: number | undefined): boolean {
  return byte === undefined || (byte & 0xc0) !== 0x80
}

/** Of the character that the page begins within; 0 where these are no such bytes. */
function continuationBytes(bytes: Buffer): number {
  const lead = bytes.findIndex((byte) => isLead(byte))
  return lead > 0 && lead <= 3 ? lead : 0
}

/** Bytes up to the last character that is there as a whole. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number
    if (byte < 0x80) break
    if (byte >= 0xc2 && byte <= 0xf4) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return wanted > back && back < bytes.length ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}

/** What everybody means by latin1: WHATWG Encoding §4.2 maps the label to windows-1252, whose 0x80…0x9f are not controls. */
function windows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (char) => c1[char.charCodeAt(0) - 0x80] as string)
}

const c1 = Array.from('€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ')
