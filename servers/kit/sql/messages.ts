// Encodes the messages of the extended query protocol (protocol-message-formats) into one buffer, so that a whole round trip is one write:
// pg makes a buffer of each, and thirteen of them cost more than the statement does.

export interface Step {
  readonly text: string
  readonly values?: readonly (string | null)[]
}

const PARSE = 0x50
const BIND = 0x42
const DESCRIBE = 0x44
const EXECUTE = 0x45
const SYNC = 0x53

const initialBytes = 1_024

/** Grows as needed; one for each round trip. */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(initialBytes)
  #at = 0
  #start = 0

  /** Parse and Bind of the unnamed statement and portal, parameters and results in text. */
  prepare({ text, values = [] }: Step): this {
    this.#begin(PARSE)
    this.#string('').#string(text).#int16(0).#end()
    this.#begin(BIND)
    this.#string('').#string('').#int16(0).#int16(values.length)
    for (const value of values) {
      if (value === null) this.#int32(-1)
      else this.#int32(Buffer.byteLength(value)).#text(value)
    }
    return this.#int16(0).#end()
  }

  describePortal(): this {
    this.#begin(DESCRIBE)
    return this.#text('P').#string('').#end()
  }

  /** @param rows most rows of this Execute; 0 sets no limit */
  execute(rows: number): this {
    this.#begin(EXECUTE)
    return this.#string('').#int32(rows).#end()
  }

  sync(): Buffer {
    this.#begin(SYNC)
    this.#end()
    return this.#buffer.subarray(0, this.#at)
  }

  #begin(code: number): void {
    this.#room(5)
    this.#buffer[this.#at] = code
    this.#start = this.#at + 1
    this.#at += 5
  }

  #end(): this {
    this.#buffer.writeUInt32BE(this.#at - this.#start, this.#start)
    return this
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }

  #string(text: string): this {
    this.#text(text).#room(1)
    this.#buffer[this.#at++] = 0
    return this
  }

  #text(text: string): this {
    this.#room(Buffer.byteLength(text))
    this.#at += this.#buffer.write(text, this.#at)
    return this
  }

  #int16(value: number): this {
    this.#room(2)
    this.#at = this.#buffer.writeUInt16BE(value, this.#at)
    return this
  }

  #int32(value: number): this {
    this.#room(4)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
    return this
  }
}
