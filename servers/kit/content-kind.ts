// Detects text, images and other formats by their bytes, and decodes the text encodings that Node lacks.

export type ContentKind =
  | { readonly kind: 'text'; readonly mark: ByteOrderMark | undefined }
  | { readonly kind: 'image' | 'gzip' | 'binary'; readonly type: string }

export type ByteOrderMark = 'utf-8' | Utf16

export type Utf16 = 'utf-16le' | 'utf-16be'

/** `image`: formats that models are shown; the others are described. */
const signatures: readonly [kind: 'image' | 'gzip' | 'binary', type: string, at: number, bytes: string][] = [
  ['image', 'image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image', 'image/jpeg', 0, '\xff\xd8\xff'],
  ['image', 'image/gif', 0, 'GIF87a'],
  ['image', 'image/gif', 0, 'GIF89a'],
  ['image', 'image/webp', 8, 'WEBP'],
  ['binary', 'application/pdf', 0, '%PDF-'],
  ['binary', 'application/zip (also docx, xlsx, jar)', 0, 'PK\x03\x04'],
  ['gzip', 'application/gzip', 0, '\x1f\x8b'],
  ['binary', 'application/x-xz', 0, '\xfd7zXZ\0'],
  ['binary', 'application/x-tar', 257, 'ustar'],
  ['binary', 'application/vnd.sqlite3', 0, 'SQLite format 3\0'],
  ['binary', 'application/x-elf', 0, '\x7fELF'],
  ['binary', 'image/tiff', 0, 'II*\0'],
  ['binary', 'image/tiff', 0, 'MM\0*'],
  ['binary', 'video/mp4, image/heic or avif', 4, 'ftyp'],
  ['binary', 'audio/wav', 8, 'WAVE'],
]

/** So many bytes from the start hold every signature. */
export const signatureBytes = 512

/**
 * Like git, takes a NUL byte as the sign of a binary file, except in holes: long runs of NULs, which sparse and truncated logs have. Unlike
 * git, detects UTF-16 by its byte order mark.
 * @param atStart whether these are the first bytes, which alone have a signature or a mark
 */
export function contentKind(bytes: Buffer, atStart = true): ContentKind {
  const mark = atStart ? byteOrderMark(bytes) : undefined
  if (mark !== undefined && mark !== 'utf-8') return { kind: 'text', mark }
  const head = bytes.toString('latin1', 0, signatureBytes)
  const signature = atStart ? signatures.find(([, , at, start]) => head.startsWith(start, at)) : undefined
  if (signature !== undefined) {
    const [kind, type] = signature
    // Signatures that consist of letters may start a text, too.
    if (type === 'application/pdf' || bytes.includes(0) || !isText(bytes)) return { kind, type }
  }
  return isText(bytes) ? { kind: 'text', mark } : { kind: 'binary', type: 'application/octet-stream' }
}

export function byteOrderMark(bytes: Buffer): ByteOrderMark | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 'utf-8' : undefined
}

export function hasControls(bytes: Buffer): boolean {
  return bytes.some(isControl)
}

/** NULs in a row that count as a hole. */
const minHole = 8

/** Outside of holes no NUL, and few control characters: one in a short text, one in twenty in a long one. */
function isText(bytes: Buffer): boolean {
  let controls = 0
  let printable = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte === 0) {
      let end = i
      while (bytes[end] === 0) end += 1
      if (end - i < minHole) return false
      i = end - 1
    } else if (isControl(byte)) controls += 1
    else printable += 1
  }
  return (printable > 0 || bytes.length === 0) && (controls <= 1 || controls <= (controls + printable) * 0.05)
}

/** Bell, backspace, tab, line and page ends, escape and substitute may be in a text. */
function isControl(byte: number): boolean {
  return byte < 0x07 || (byte > 0x0d && byte < 0x1a) || (byte > 0x1b && byte < 0x20)
}

/** Without a byte too many at the end. */
export function decodeUtf16(bytes: Buffer, charset: Utf16): string {
  const units = bytes.subarray(0, bytes.length & ~1)
  return (charset === 'utf-16le' ? units : Buffer.from(units).swap16()).toString('utf16le')
}

/** What everybody means by latin1: WHATWG Encoding §4.2 maps the label to windows-1252, whose 0x80…0x9f are not controls. */
export function decodeWindows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (char) => c1[char.charCodeAt(0) - 0x80] as string)
}

const c1 = Array.from('€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ')

/** Bytes of UTF-8 up to the last character that is there as a whole. */
export function wholeCharacters(bytes: Buffer): number {
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
