// The beginning of what is in a .gz object. Stops at a limit of output, so that a bomb costs no more than a text.
import { constants, createGunzip } from 'node:zlib'

export interface Unpacked {
  readonly bytes: Buffer
  /** The output goes on: it was cut here, or the input was. */
  readonly more: boolean
}

/**
 * The first `maxBytes` of what `packed`, the beginning of a gzip file, unpacks to; undefined where it cannot be unpacked at all.
 * @param whole whether `packed` is the whole file
 */
export function unpackStart(packed: Buffer, maxBytes: number, whole: boolean): Promise<Unpacked | undefined> {
  return new Promise((resolve) => {
    // With a sync flush at the end, what a cut input holds so far comes out, and its end is no error.
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
