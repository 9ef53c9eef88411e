import assert from 'node:assert/strict'
import { test } from '../../../../test/runner/harness.ts'
import { type Cell, createWireReader } from '../protocol-guard.ts'

const limits = { cellBytes: 8, fieldBytes: 16, messageBytes: 64, floodBytes: 1_000 }

interface Seen {
  passed: string[]
  rows: Cell[][]
  floods: Cell[][]
  broken: string[]
}

function message(code: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(code)
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function row(...cells: (string | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(cells.length)
  const parts = cells.flatMap((cell) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell))
    return cell === null ? [length] : [length, Buffer.from(cell)]
  })
  return message('D', Buffer.concat([count, ...parts]))
}

/** Reads the bytes in pieces of `size`. */
function read(bytes: Buffer, size: number): Seen {
  const seen: Seen = { passed: [], rows: [], floods: [], broken: [] }
  let passed = Buffer.alloc(0)
  const reader = createWireReader(
    {
      pass: (part) => {
        passed = Buffer.concat([passed, part])
      },
      row: (cells) => seen.rows.push(cells),
      flood: (cells) => seen.floods.push(cells),
      broken: (error) => seen.broken.push(error.message),
    },
    limits,
  )
  for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size))
  for (let at = 0; at < passed.length; ) {
    const length = passed.readUInt32BE(at + 1)
    seen.passed.push(`${String.fromCharCode(passed[at] ?? 0)}:${passed.toString('latin1', at + 5, at + 1 + length)}`)
    at += 1 + length
  }
  return seen
}

test('messages and rows are the same however the bytes are cut into chunks', () => {
  const bytes = Buffer.concat([
    message('1', Buffer.alloc(0)),
    message('T', Buffer.from('description')),
    row('one', null, '', 'eight by', 'longer than eight', 'äöüäöü'),
    row(),
    message('N', Buffer.from(`SNOTICE\0M${'m'.repeat(40)}\0\0`)),
    row('x'),
    message('C', Buffer.from('SELECT 3\0')),
    message('Z', Buffer.from('I')),
  ])
  const whole = read(bytes, bytes.length)
  assert.deepEqual(whole.rows, [
    ['one', null, '', 'eight by', { head: 'longer t', bytes: 17 }, { head: 'äöüä', bytes: 12 }],
    [],
    ['x'],
  ])
  assert.deepEqual(whole.passed, ['T:description', `N:SNOTICE\0M${'m'.repeat(16)}\0\0`, 'C:SELECT 3\0', 'Z:I'])
  for (let size = 1; size < bytes.length; size += 1) assert.deepEqual(read(bytes, size), whole, `pieces of ${size}`)
})

test('a cell is not cut in the middle of a character', () => {
  const [[cell]] = read(row('1234567é and more'), 5).rows as unknown as [[{ head: string }]]
  assert.equal(cell.head, '1234567')
})

test('rows without an end are stopped, with what was read of the last one', () => {
  const { floods, rows } = read(Buffer.concat([row('a'), row('b', 'c'.repeat(2_000), 'd')]), 100)
  assert.deepEqual(floods, [['b', { head: 'cccccccc', bytes: 2_000 }]])
  assert.deepEqual(rows[0], ['a'])
})

test('a message that cannot be is reported', () => {
  const bad = Buffer.from([0x43, 0, 0, 0, 1])
  assert.deepEqual(read(bad, 5).broken, ['the server sent a message with an impossible length'])
  assert.deepEqual(read(message('T', Buffer.alloc(100)), 50).broken, ['the server sent a message that is too large'])
  assert.equal(read(message('D', Buffer.from([0, 5])), 50).broken.length, 1, 'a row without its cells')
  assert.deepEqual(read(message('A', Buffer.alloc(100)), 50), { passed: [], rows: [], floods: [], broken: [] })
})
