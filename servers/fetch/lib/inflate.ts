// Bodies with a Content-Encoding. gzip and zlib are read as raw deflate behind their header: what follows the end of the data does not matter
// then, and a body without its checksum is complete.
import { createBrotliDecompress, createInflateRaw } from 'node:zlib'

type Coding = 'br' | 'deflate' | 'gzip'

/** A header of gzip is longer only when a file name, a comment or an extra field is. */
const headerBytes = 4_096
const maxHeaderBytes = 2 * 65_536

/** The codings of a body in the order in which they were applied; undefined when one cannot be decoded. */
export function codingsOf(contentEncoding: string | undefined): Coding[] | undefined {
  const parts = (contentEncoding ?? '').slice(0, 200).toLowerCase().split(',')
  const names = parts.map((part) => part.trim().replace(/^x-/, ''))
  // Anything else than these and the codings is a mistake for "not encoded", such as `none` or `utf-8`.
  if (names.some((name) => /^(compress|zstd|dcb|dcz|exi|aes128gcm|pack200-gzip)$/.test(name))) return undefined
  const codings = names.filter((name) => name === 'br' || name === 'deflate' || name === 'gzip')
  return codings.length > 2 ? undefined : codings
}

/** @param state `truncated` is set when the body ended before its data did */
export async function* inflate(
  body: AsyncGenerator<Buffer, void>,
  coding: Coding,
  state: { truncated: boolean },
): AsyncGenerator<Buffer, void> {
  const inflater = coding === 'br' ? createBrotliDecompress() : createInflateRaw()
  let fed = false
  // An error at the end, as of a body that is cut off, discards what was inflated and not yet taken.
  const end = (): void => {
    if (fed && inflater.readableLength === 0) inflater.end()
  }
  const feed = async (): Promise<void> => {
    for await (const chunk of coding === 'br' ? body : withoutHeader(body, state)) {
      await new Promise<void>((taken) => inflater.write(chunk, () => taken()))
      if (inflater.destroyed) return
    }
    fed = true
    end()
  }
  feed().catch((error) => inflater.destroy(error))
  try {
    for await (const part of inflater as AsyncIterable<Buffer>) {
      yield part
      end()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_BUF_ERROR') throw error
    state.truncated = true
  } finally {
    inflater.destroy()
  }
}

async function* withoutHeader(body: AsyncGenerator<Buffer, void>, state: { truncated: boolean }): AsyncGenerator<Buffer, void> {
  let head = await readHead(body, headerBytes)
  if (dataStart(head) > head.length) head = await readHead(body, maxHeaderBytes, head)
  const start = dataStart(head)
  if (start > head.length) {
    state.truncated = true
    return
  }
  if (start < head.length) yield head.subarray(start)
  yield* body
}

/** Where the deflated data start behind a header of gzip (RFC 1952 §2.3) or zlib (RFC 1950 §2.2). */
function dataStart(bytes: Buffer): number {
  if (bytes.length < 2) return Number.POSITIVE_INFINITY
  const [a = 0, b = 0, , flags = 0] = bytes
  if (a !== 0x1f || b !== 0x8b) return (a & 0x0f) === 8 && ((a << 8) | b) % 31 === 0 ? 2 : 0
  let at = 10
  if (flags & 4) at += 2 + (bytes[10] ?? 0) + 256 * (bytes[11] ?? 0)
  for (const text of [flags & 8, flags & 16]) if (text !== 0) at = bytes.indexOf(0, at) + 1 || Number.POSITIVE_INFINITY
  return flags & 2 ? at + 2 : at
}

/** At least so many bytes from the start, or all there are. @param head what was read before */
export async function readHead(body: AsyncGenerator<Buffer, void>, bytes: number, head: Buffer = Buffer.alloc(0)) {
  const parts = [head]
  for (let length = head.length; length < bytes; ) {
    const { value } = await body.next()
    if (value === undefined) break
    parts.push(value)
    length += value.length
  }
  return Buffer.concat(parts)
}
