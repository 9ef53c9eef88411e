// Bodies with a Content-Encoding. gzip and zlib are read as raw deflate behind their header: what follows the end of the data does not matter
// then, and a body that ends too early is recognised.
import { pipeline, Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createInflateRaw, constants as zlib } from 'node:zlib'

type Coding = 'br' | 'deflate' | 'gzip'

const maxHeaderBytes = 65_536

/** The codings of a body in the order in which they were applied; undefined when one cannot be decoded. */
export function codingsOf(contentEncoding: string | undefined): Coding[] | undefined {
  const codings: Coding[] = []
  for (const part of (contentEncoding ?? '').slice(0, 200).toLowerCase().split(',')) {
    const name = part.trim().replace(/^x-/, '')
    if (name === 'br' || name === 'deflate' || name === 'gzip') codings.push(name)
    else if (/^(compress|zstd|dcb|dcz|exi|aes128gcm|pack200-gzip)$/.test(name)) return undefined
    // Anything else is a mistake for "not encoded", such as `none` or `utf-8`.
  }
  return codings.length > 2 ? undefined : codings
}

/** @param state `truncated` is set when the body ended before its data did */
export async function* inflate(
  body: AsyncIterable<Buffer>,
  coding: Coding,
  state: { truncated: boolean },
): AsyncGenerator<Buffer, void> {
  if (coding === 'br') {
    yield* through(body, createBrotliDecompress({ finishFlush: zlib.BROTLI_OPERATION_FLUSH }))
    return
  }
  const iterator = body[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  let start = -1
  while (start < 0) {
    const { done, value } = await iterator.next()
    if (done !== true) head = Buffer.concat([head, value])
    start = dataStart(head)
    if (done === true && start < 0) {
      state.truncated = head.length > 0
      return
    }
  }
  let supplied = 0
  const rest = async function* (): AsyncGenerator<Buffer> {
    for (let chunk: Buffer | undefined = head.subarray(start); chunk !== undefined; ) {
      supplied += chunk.length
      yield chunk
      const next: IteratorResult<Buffer> = await iterator.next()
      chunk = next.done === true ? undefined : next.value
    }
  }
  const inflater = createInflateRaw({ finishFlush: zlib.Z_SYNC_FLUSH })
  try {
    yield* through(rest(), inflater)
    // A checksum follows the data, and is not taken as data.
    state.truncated ||= start > 0 && inflater.bytesWritten >= supplied
  } finally {
    await iterator.return?.(undefined)
  }
}

async function* through(body: AsyncIterable<Buffer>, inflater: Transform): AsyncGenerator<Buffer, void> {
  const input = Readable.from(body, { objectMode: false })
  pipeline(input, inflater, () => {}) // whoever reads the inflater sees the error
  try {
    yield* inflater as AsyncIterable<Buffer>
  } finally {
    inflater.destroy()
    input.destroy()
  }
}

/** Where the deflated data start behind a header of gzip (RFC 1952 §2.3) or zlib (RFC 1950 §2.2); -1 when more bytes are needed. */
function dataStart(bytes: Buffer): number {
  const [a = 0, b = 0, , flags = 0] = bytes
  if (bytes.length < 2) return -1
  if (a !== 0x1f || b !== 0x8b) return (a & 0x0f) === 8 && ((a << 8) | b) % 31 === 0 ? 2 : 0
  let at = 10
  if (flags & 4) at += bytes.length < 12 ? maxHeaderBytes : 2 + bytes.readUInt16LE(10)
  for (const text of [flags & 8, flags & 16]) {
    if (text === 0) continue
    const end = at < bytes.length ? bytes.indexOf(0, at) : -1
    at = end === -1 ? maxHeaderBytes : end + 1
  }
  if (flags & 2) at += 2
  if (at <= bytes.length) return at
  return bytes.length > maxHeaderBytes ? 0 : -1 // a header without end is an error of the data
}
