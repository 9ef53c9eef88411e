// Decompresses the beginning of a .gz object, up to a limit of output, so that a decompression bomb costs no more than a text.
import { constants, createGunzip } from 'node:zlib'

/**
 * The first `maxBytes` of the decompressed content of `packed`, the beginning of a gzip file; undefined where nothing can be decompressed.
 * @param whole whether `packed` is the whole file
 * @returns `more`: there is more output, because it was cut here or the input was
 */
export function unpackStart(packed: Buffer, maxBytes: number, whole: boolean) {
  return new Promise<{ bytes: Buffer; more: boolean } | undefined>((resolve) => {
    // With a sync flush at the end, a cut input gives all the output it holds, and its end is not an error.
    const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 16_384 })
    const chunks: Buffer[] = []
    let length = 0
    const finish = (more: boolean): void => {
      const bytes = Buffer.concat(chunks)
      resolve(length === 0 && more ? undefined : { bytes: bytes.subarray(0, maxBytes), more })
    }
    gunzip.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= maxBytes) return
      gunzip.destroy()
      finish(true)
    })
    gunzip.on('error', () => finish(true)) // damaged from here on
    gunzip.on('end', () => finish(!whole))
    gunzip.end(packed)
  })
}
