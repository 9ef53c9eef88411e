// Reads the server's messages before node-postgres does and keeps what is too long from being buffered: node-postgres collects a whole message
// before it looks at it, so that one value of 200 MB costs 400 MB. Here only the beginning of each cell, and of each field of an error, is kept.
import { StringDecoder } from 'node:string_decoder'

/** A cell as it came: null, its text, or the beginning of its text. */
export type Cell = string | null | CutCell

export interface CutCell {
  /** What was kept. */
  readonly head: string
  /** Length of the whole value in bytes. */
  readonly bytes: number
}

export interface WireEvents {
  /** Bytes of complete small messages, for node-postgres's parser. Only valid during the call. */
  pass(bytes: Buffer): void
  row(cells: Cell[]): void
  /** More than `floodBytes` bytes have come since `reset()`; `cells` are those of the row that was being read. */
  flood(cells: Cell[]): void
  /** The stream is not what it should be; the connection is of no use any more. */
  broken(error: Error): void
}

export const wireLimits = {
  /** Bytes of one cell that are kept, unless `reset()` says otherwise: 1,000 characters are shown, at most 4 bytes each in UTF-8. */
  cellBytes: 4_096,
  /** Bytes of one field of an error or a notice that are kept. */
  fieldBytes: 8_192,
  /** Largest message of another kind. */
  messageBytes: 1_048_576,
  /** Bytes that one statement may send in all. */
  floodBytes: 268_435_456,
}

/** The bytes that a reader needs next: all of them at once, or the piece that is there. What it gets is only valid until it asks again. */
interface Need {
  readonly bytes: number
  readonly whole: boolean
}
type Reading<T> = Generator<Need, T, Buffer>

const DATA_ROW = 0x44
const ERROR = 0x45
const NOTICE = 0x4e
const NOTIFICATION = 0x41
const COPY_DATA = 0x64
/** ParseComplete, BindComplete and CloseComplete say nothing that is not known: half of all messages, dropped here. */
const acknowledgements: ReadonlySet<number> = new Set([0x31, 0x32, 0x33])
const messageHead: Need = { bytes: 5, whole: true }
const cellCount: Need = { bytes: 2, whole: true }
const cellLength: Need = { bytes: 4, whole: true }

export type WireReader = ReturnType<typeof createWireReader>

export function createWireReader(events: WireEvents, limits = wireLimits) {
  const { fieldBytes, messageBytes, floodBytes } = limits
  let { cellBytes } = limits
  let received = 0
  let flooded = false
  /** Of the row that is being read. */
  let unfinished: Cell[] = []
  /** Copies of the pieces of what is needed as a whole, while it is incomplete. */
  let pieces: Buffer[] = []
  let have = 0
  const messages = readMessages()
  let need = messages.next().value

  return {
    /** A new statement begins: the count of its bytes does too. */
    reset(bytes = limits.cellBytes): void {
      received = 0
      flooded = false
      cellBytes = bytes
    },

    read(chunk: Buffer): void {
      received += chunk.length
      try {
        for (let at = 0; at < chunk.length; ) at = readFrom(chunk, at)
      } catch (error) {
        events.broken(error as Error) // such as a row that is shorter than its cells
      }
      if (received > floodBytes && !flooded) {
        flooded = true
        events.flood([...unfinished])
      }
    },
  }

  /** @returns where to go on */
  function readFrom(chunk: Buffer, at: number): number {
    const small = smallMessage(chunk, at)
    if (small > 0) {
      if (!acknowledgements.has(chunk[at] ?? 0)) events.pass(chunk.subarray(at, at + small))
      return at + small
    }
    const { bytes, whole } = need
    const end = Math.min(chunk.length, at + bytes - have)
    const piece = chunk.subarray(at, end)
    have += piece.length
    if (whole && have < bytes) {
      pieces.push(Buffer.from(piece)) // the chunk's buffer is used again
      return end
    }
    const given = pieces.length === 0 ? piece : Buffer.concat([...pieces, piece])
    pieces = []
    have = 0
    need = messages.next(given).value
    return end
  }

  /** Length of the small message that lies completely in the chunk, the usual case; otherwise 0, and it is read piece by piece. */
  function smallMessage(chunk: Buffer, at: number): number {
    if (need !== messageHead || have > 0) return 0
    if (chunk.length - at < messageHead.bytes || chunk[at] === DATA_ROW) return 0
    const length = chunk.readUInt32BE(at + 1)
    return length >= 4 && length <= fieldBytes && at + 1 + length <= chunk.length ? 1 + length : 0
  }

  function* readMessages(): Reading<never> {
    for (;;) {
      const head = Buffer.from(yield messageHead)
      const code = head[0] ?? 0
      const length = head.readUInt32BE(1) - 4
      if (length < 0) {
        events.broken(new Error('the server sent a message with an impossible length'))
        yield* skip(Number.POSITIVE_INFINITY)
      } else if (code === DATA_ROW) {
        if (length > cellBytes) yield* readLargeRow()
        else events.row(cellsOf(yield { bytes: length, whole: true }))
      } else if ((code === ERROR || code === NOTICE) && length > fieldBytes) {
        events.pass(yield* shortReport(code, length, fieldBytes))
      } else if (length > messageBytes) {
        if (code !== NOTIFICATION && code !== COPY_DATA) events.broken(new Error('the server sent a message that is too large'))
        yield* skip(length)
      } else {
        const message = length === 0 ? head : Buffer.concat([head, yield { bytes: length, whole: true }])
        if (!acknowledgements.has(code)) events.pass(message)
      }
    }
  }

  /** A row some cells of which may be cut. */
  function* readLargeRow(): Reading<void> {
    const cells: Cell[] = []
    unfinished = cells
    const count = (yield cellCount).readUInt16BE()
    for (let i = 0; i < count; i += 1) {
      const length = (yield cellLength).readInt32BE()
      if (length <= 0) {
        cells.push(length < 0 ? null : '')
        continue
      }
      const text = yield { bytes: Math.min(length, cellBytes), whole: true }
      cells.push(text.length === length ? text.toString() : { head: decodeHead(text), bytes: length })
      if (text.length < length) yield* skip(length - text.length)
    }
    unfinished = []
    events.row(cells)
  }
}

/** The cells of a DataRow (protocol-message-formats): int16 count, then int32 length and bytes for each. */
function cellsOf(row: Buffer): Cell[] {
  const cells: Cell[] = []
  let at = 2
  for (let count = row.readUInt16BE(); count > 0; count -= 1) {
    const length = row.readInt32BE(at)
    at += 4
    cells.push(length < 0 ? null : row.toString('utf8', at, at + length))
    at += Math.max(0, length)
  }
  return cells
}

function* skip(bytes: number): Reading<void> {
  for (let left = bytes; left > 0; ) left -= (yield { bytes: left, whole: false }).length
}

/** An error or a notice (fields of a type byte and text, each closed by a zero byte, and one zero byte more) with each field cut to `keep` bytes. */
function* shortReport(code: number, length: number, keep: number): Reading<Buffer> {
  const kept = [code, 0, 0, 0, 0]
  let room = keep + 1 // the type byte is kept too
  for (let left = length; left > 0; ) {
    const piece = yield { bytes: left, whole: false }
    left -= piece.length
    for (let at = 0; at < piece.length; at += 1) {
      if (room === 0) at = piece.indexOf(0, at) // the rest of the field
      if (at === -1) break
      room = piece[at] === 0 ? keep + 1 : room - 1
      kept.push(piece[at] ?? 0)
    }
  }
  const message = Buffer.from(kept)
  message.writeUInt32BE(message.length - 1, 1)
  return message
}

/** UTF-8 text that was cut anywhere: without the pieces of a character at its end. */
function decodeHead(bytes: Buffer): string {
  return new StringDecoder('utf8').write(bytes)
}
