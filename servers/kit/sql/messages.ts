// The messages of the extended query protocol (protocol-message-formats), to be sent as one buffer for a whole round trip: pg writes each of them
// to the socket, and thirteen writes cost more than the statement does.

export interface Step {
  readonly text: string
  readonly values?: readonly (string | null)[]
}

/** Parse and Bind of the unnamed statement and portal, parameters and results in text. */
export function prepare({ text, values = [] }: Step): Buffer[] {
  const parameters = values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), value]))
  // No name, no types; no names, no formats, the parameters, no formats.
  return [message('P', '\0', text, '\0\0\0'), message('B', '\0\0\0\0', int16(values.length), ...parameters, '\0\0')]
}

export const describePortal = message('D', 'P\0')
export const sync = message('S')

/** @param rows most rows of this Execute; 0 sets no limit */
export function execute(rows: number): Buffer {
  return message('E', '\0', int32(rows))
}

function message(code: string, ...parts: (string | Buffer)[]): Buffer {
  const body = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
  const length = body.reduce((sum, { length }) => sum + length, 4)
  return Buffer.concat([Buffer.from(code), int32(length), ...body])
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}
