// The guard between the socket and node-postgres: cuts messages of the server into frames and keeps what is too long from being buffered.
// node-postgres collects a whole message before it looks at it, so one value of 200 MB costs 400 MB; here its length is known from the
// five bytes at its head, and only the beginning of each cell is kept.
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
  /** More than `maxUnits` bytes have come since `reset()`; `cells` are those of the row that was being read. */
  flood(cells: Cell[]): void
  /** The stream is not what it should be; the connection is of no use any more. */
  broken(error: Error): void
}

export interface WireLimits {
  /** Bytes of one cell that are kept. */
  readonly cellBytes: number
  /** Bytes of one field of an error or a notice that are kept. */
  readonly fieldBytes: number
  /** Largest message of another kind. */
  readonly messageBytes: number
  /** Bytes that one statement may send in all. */
  readonly floodBytes: number
}

const DATA_ROW = 0x44
const ERROR = 0x45
const NOTICE = 0x4e
const NOTIFICATION = 0x41
const COPY_DATA = 0x64
const acknowledgements: ReadonlySet<number> = new Set([0x31, 0x32, 0x33])
const headBytes = 5

type Mode = 'head' | 'row' | 'report' | 'pass' | 'skip'

export class WireReader {
  readonly #events: WireEvents
  readonly #limits: WireLimits
  readonly #head = Buffer.alloc(headBytes)
  #headFilled = 0
  #mode: Mode = 'head'
  /** Bytes of the current message that are still to come. */
  #left = 0
  #received = 0
  #flooded = false
  #row: RowReader
  #report = new ReportReader(0)
  #held: Buffer[] = []

  constructor(events: WireEvents, limits: WireLimits) {
    this.#events = events
    this.#limits = limits
    this.#row = new RowReader(limits.cellBytes)
  }

  /** A new statement begins: the count of its bytes does too. */
  reset(): void {
    this.#received = 0
    this.#flooded = false
  }

  read(chunk: Buffer): void {
    this.#received += chunk.length
    let at = 0
    while (at < chunk.length) {
      if (this.#mode === 'head') {
        const whole = this.#wholeMessage(chunk, at)
        // ParseComplete, BindComplete and CloseComplete say nothing that is not known: half of all messages, dropped here.
        if (whole > 0 && !acknowledgements.has(chunk[at] ?? 0)) this.#events.pass(chunk.subarray(at, at + whole))
        at = whole > 0 ? at + whole : this.#readHead(chunk, at)
        continue
      }
      const end = Math.min(chunk.length, at + this.#left)
      this.#take(chunk.subarray(at, end))
      this.#left -= end - at
      at = end
      if (this.#left === 0) this.#finish()
    }
    if (this.#received > this.#limits.floodBytes && !this.#flooded) {
      this.#flooded = true
      this.#events.flood(this.#mode === 'row' ? this.#row.partial() : [])
    }
  }

  /** Length of the small message that lies completely in the chunk, or 0: then it is read piece by piece. */
  #wholeMessage(chunk: Buffer, at: number): number {
    if (this.#headFilled > 0 || chunk.length - at < headBytes || chunk[at] === DATA_ROW) return 0
    const length = chunk.readUInt32BE(at + 1)
    return length >= 4 && length <= this.#limits.fieldBytes && at + 1 + length <= chunk.length ? 1 + length : 0
  }

  #readHead(chunk: Buffer, at: number): number {
    const taken = Math.min(headBytes - this.#headFilled, chunk.length - at)
    chunk.copy(this.#head, this.#headFilled, at, at + taken)
    this.#headFilled += taken
    if (this.#headFilled < headBytes) return at + taken
    this.#headFilled = 0
    const code = this.#head[0] ?? 0
    this.#left = this.#head.readUInt32BE(1) - 4
    if (this.#left < 0) {
      this.#left = 0
      this.#events.broken(new Error('the server sent a message with an impossible length'))
      return chunk.length
    }
    this.#mode = this.#modeOf(code)
    if (this.#mode === 'row') this.#row.begin()
    else if (this.#mode === 'report') this.#report = new ReportReader(this.#limits.fieldBytes)
    else if (this.#mode === 'pass') this.#held = [Buffer.from(this.#head)]
    if (this.#left === 0) this.#finish()
    return at + taken
  }

  #modeOf(code: number): Mode {
    if (code === DATA_ROW) return 'row'
    const large = this.#left > this.#limits.messageBytes
    if (code === ERROR || code === NOTICE) return this.#left > this.#limits.fieldBytes ? 'report' : 'pass'
    if (!large) return 'pass'
    if (code !== NOTIFICATION && code !== COPY_DATA) this.#events.broken(new Error('the server sent a message that is too large'))
    return 'skip'
  }

  #take(bytes: Buffer): void {
    if (this.#mode === 'row') this.#row.read(bytes)
    else if (this.#mode === 'report') this.#report.read(bytes)
    else if (this.#mode === 'pass') this.#held.push(Buffer.from(bytes)) // the chunk's buffer is used again
  }

  #finish(): void {
    const mode = this.#mode
    this.#mode = 'head'
    if (mode === 'row') this.#events.row(this.#row.end())
    else if (mode === 'report') this.#events.pass(this.#report.message(this.#head[0] ?? ERROR))
    else if (mode === 'pass' && !acknowledgements.has(this.#head[0] ?? 0)) {
      const whole = Buffer.concat(this.#held)
      this.#held = []
      this.#events.pass(whole)
    }
  }
}

/** Reads one DataRow (protocol-message-formats: int16 count, then int32 length and bytes for each cell) as its bytes come. */
class RowReader {
  readonly #keep: number
  #cells: Cell[] = []
  #count = -1
  #number = 0
  #numberBytes = 0
  #numberWanted = 2
  #cellLength = -1
  #cellSeen = 0
  #parts: Buffer[] = []
  #kept = 0

  constructor(keep: number) {
    this.#keep = keep
  }

  begin(): void {
    this.#cells = []
    this.#count = -1
    this.#cellLength = -1
    this.#expectNumber(2)
  }

  read(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#cellLength >= 0) {
        at = this.#readCell(bytes, at)
        continue
      }
      // The usual case: the number lies in one piece.
      if (this.#numberBytes === 0 && bytes.length - at >= this.#numberWanted) {
        const value = this.#numberWanted === 2 ? bytes.readUInt16BE(at) : bytes.readInt32BE(at)
        at += this.#numberWanted
        this.#gotNumber(value)
        continue
      }
      this.#number = (this.#number << 8) | (bytes[at] ?? 0)
      at += 1
      if (++this.#numberBytes === this.#numberWanted) this.#gotNumber(this.#number)
    }
  }

  end(): Cell[] {
    const cells = this.#cells
    this.#cells = []
    return cells
  }

  /** The cells so far, the one being read among them. */
  partial(): Cell[] {
    if (this.#cellLength < 0) return this.#cells
    return [...this.#cells, { head: decodeHead(Buffer.concat(this.#parts)), bytes: this.#cellLength }]
  }

  #expectNumber(bytes: 2 | 4): void {
    this.#number = 0
    this.#numberBytes = 0
    this.#numberWanted = bytes
  }

  #gotNumber(value: number): void {
    const isCount = this.#count === -1
    this.#expectNumber(4)
    if (isCount) {
      this.#count = value
    } else if (value < 0) {
      this.#cells.push(null)
    } else if (value === 0) {
      this.#cells.push('')
    } else {
      this.#cellLength = value
      this.#cellSeen = 0
      this.#kept = 0
      this.#parts = []
    }
  }

  #readCell(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#cellLength - this.#cellSeen)
    if (this.#cellSeen === 0 && end - at === this.#cellLength && this.#cellLength <= this.#keep) {
      this.#cells.push(bytes.toString('utf8', at, end))
      this.#cellLength = -1
      return end
    }
    if (this.#kept < this.#keep) {
      // A copy: a slice would keep the whole chunk of the socket alive.
      const part = Buffer.from(bytes.subarray(at, Math.min(end, at + this.#keep - this.#kept)))
      this.#parts.push(part)
      this.#kept += part.length
    }
    this.#cellSeen += end - at
    if (this.#cellSeen === this.#cellLength) {
      const text = Buffer.concat(this.#parts)
      this.#cells.push(
        this.#cellLength <= this.#keep ? text.toString('utf8') : { head: decodeHead(text), bytes: this.#cellLength },
      )
      this.#cellLength = -1
      this.#parts = []
    }
    return end
  }
}

/** An error or a notice (fields of one type byte and a C string each, closed by a zero byte) with every field cut to `keep` bytes. */
class ReportReader {
  readonly #keep: number
  readonly #out: Buffer[] = []
  #inField = false
  #kept = 0

  constructor(keep: number) {
    this.#keep = keep
  }

  read(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (!this.#inField) {
        this.#out.push(Buffer.from(bytes.subarray(at, at + 1)))
        this.#inField = bytes[at] !== 0
        this.#kept = 0
        at += 1
        continue
      }
      const zero = bytes.indexOf(0, at)
      const end = zero === -1 ? bytes.length : zero
      const part = Buffer.from(bytes.subarray(at, Math.min(end, at + this.#keep - this.#kept)))
      this.#kept += part.length
      this.#out.push(part)
      at = end
      if (zero === -1) continue
      this.#out.push(Buffer.of(0))
      this.#inField = false
      at += 1
    }
  }

  message(code: number): Buffer {
    const body = Buffer.concat(this.#out)
    const head = Buffer.alloc(headBytes)
    head[0] = code
    head.writeUInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
}

/** UTF-8 text that was cut anywhere: without the pieces of a character at its end. */
function decodeHead(bytes: Buffer): string {
  return new StringDecoder('utf8').write(bytes)
}
