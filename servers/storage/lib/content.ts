// Detects what the bytes of an object are: text and its encoding, an image, or something else; and decompresses the beginning of a .gz object.
import { isUtf8 } from 'node:buffer'
import { constants, createGunzip } from 'node:zlib'
import { contentKind, decodeUtf16, decodeWindows1252, hasControls, type Utf16, wholeCharacters } from '../../kit/content-kind.ts'

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
export function sniff(bytes: Buffer, atStart: boolean, more: boolean) {
  const content = contentKind(bytes, atStart)
  if (content.kind !== 'text') return content
  const { kind, mark } = content
  const text = mark === 'utf-16le' || mark === 'utf-16be' ? readUtf16(bytes, mark) : decodeText(bytes, more)
  return !text.damaged || isMostlyText(text.text)
    ? { kind, text }
    : ({ kind: 'binary', type: 'application/octet-stream' } as const)
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
  return bytes.filter((byte) => byte > 0x7f).length <= bytes.length * 0.3
}

function isMostlyText(text: string): boolean {
  return (text.match(/\ufffd/g)?.length ?? 0) <= text.length * 0.02
}

/** Bytes of a character that started before the page; 0 where there are none. */
function continuationBytes(bytes: Buffer): number {
  const lead = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80)
  return lead > 0 && lead <= 3 ? lead : 0
}

/**
 * The first `maxBytes` of the decompressed content of `packed`, the beginning of a gzip file; undefined where nothing can be decompressed.
 * A decompression bomb costs no more than a text.
 * @param whole whether `packed` is the whole file
 * @returns `more`: there is more output, because it was cut here, the input was, or is damaged
 */
export async function unpackStart(packed: Buffer, maxBytes: number, whole: boolean) {
  // With a sync flush at the end, a cut input gives all the output it holds, and its end is not an error.
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 16_384 })
  gunzip.end(packed)
  const chunks: Buffer[] = []
  let length = 0
  let more = !whole
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > maxBytes) break
    }
    more ||= length > maxBytes
  } catch {
    more = true // damaged from here on
  }
  return length === 0 && more ? undefined : { bytes: Buffer.concat(chunks).subarray(0, maxBytes), more }
}
