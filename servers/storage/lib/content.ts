// Detects what the bytes of an object are: text and its encoding, an image, or something else.
import { isUtf8 } from 'node:buffer'
import { contentKind, decodeUtf16, decodeWindows1252, hasControls, type Utf16, wholeCharacters } from '../../kit/content-kind.ts'

export type Content =
  | { readonly kind: 'text'; readonly text: Decoded }
  | { readonly kind: 'image' | 'gzip' | 'binary'; readonly type: string }

export interface Decoded {
  readonly text: string
  readonly charset: 'utf-8' | 'windows-1252' | Utf16
  /** Bytes before the first whole character: a page may start within one. */
  readonly skipped: number
  /** Bytes of the text; the given bytes after them are the start of a cut character. */
  readonly length: number
  /** Some bytes are not valid characters and are shown as �. */
  readonly damaged: boolean
}

/** @param atStart whether these are the object's first bytes: only they have a signature */
export function sniff(bytes: Buffer, atStart: boolean, more: boolean): Content {
  const content = contentKind(bytes, atStart)
  if (content.kind !== 'text') return content
  const { mark } = content
  if (mark === 'utf-16le' || mark === 'utf-16be') return { kind: 'text', text: readUtf16(bytes, mark) }
  const text = decodeText(bytes, more)
  return !text.damaged || isMostlyText(text.text) ? { kind: 'text', text } : { kind: 'binary', type: 'application/octet-stream' }
}

/** Decodes any bytes as text. @param more whether the object continues, so that the last character may be cut */
export function decodeText(bytes: Buffer, more: boolean): Decoded {
  const skipped = continuationBytes(bytes)
  const length = more ? wholeCharacters(bytes) : bytes.length
  const body = bytes.subarray(Math.min(skipped, length), length)
  if (isUtf8(body)) return { text: body.toString('utf8'), charset: 'utf-8', skipped, length, damaged: false }
  const text = body.toString('utf8')
  // Valid multi-byte characters beside invalid bytes: damaged UTF-8. No valid ones: an older encoding.
  if (/[\u0080-\ufffc]/.test(text) || hasControls(bytes) || !isMostlyAscii(bytes)) {
    return { text, charset: 'utf-8', skipped, length, damaged: true }
  }
  return { text: decodeWindows1252(bytes), charset: 'windows-1252', skipped: 0, length: bytes.length, damaged: false }
}

/** Never cuts a code unit or a surrogate pair. */
export function readUtf16(bytes: Buffer, charset: Utf16): Decoded {
  let length = bytes.length & ~1
  const last = charset === 'utf-16le' ? bytes[length - 1] : bytes[length - 2]
  if (length >= 4 && last !== undefined && (last & 0xfc) === 0xd8) length -= 2
  return { text: decodeUtf16(bytes.subarray(0, length), charset), charset, skipped: 0, length, damaged: false }
}

function isMostlyAscii(bytes: Buffer): boolean {
  let high = 0
  for (const byte of bytes) if (byte > 0x7f) high += 1
  return high <= bytes.length * 0.3
}

function isMostlyText(text: string): boolean {
  return (text.match(/\ufffd/g)?.length ?? 0) <= text.length * 0.02
}

/** Bytes of a character that started before the page; 0 where there are none. */
function continuationBytes(bytes: Buffer): number {
  const lead = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80)
  return lead > 0 && lead <= 3 ? lead : 0
}
