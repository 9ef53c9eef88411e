import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { renderTable, tableWidth, wrap } from '../columns.ts'

const longest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length))

test('columns are as wide as their widest cell, and notes stand below their row, wrapped', () => {
  const reason = 'password authentication failed for user "mcp_reader" [postgresql://mcp_reader@db.example:5432/shop]'
  const table = renderTable(
    ['server', 'state'],
    [{ cells: ['postgres', 'down'], notes: [reason, 'next: correct it'] }, { cells: ['fetch', 'ok'] }],
  )
  assert.equal(
    table,
    [
      'server    state',
      'postgres  down',
      '  password authentication failed for user "mcp_reader"',
      '  [postgresql://mcp_reader@db.example:5432/shop]',
      '  next: correct it',
      'fetch     ok',
    ].join('\n'),
  )
})

test('a table that is too wide is narrowed to 80 columns; an address is never cut', () => {
  const wide = ['who@'.repeat(10), 'tool_'.repeat(8), 'ok']
  const table = renderTable(['who', 'tool', 'outcome'], [{ cells: wide }])
  assert.equal(longest(table), tableWidth)
  assert.match(table, /^who@who@\S*… {2}tool_\S*… {2}ok$/m)
  const url = `http://127.0.0.1:8080/${'base/'.repeat(20)}sse`
  const addresses = renderTable(['server', 'URL'], [{ cells: ['a-server-with-a-long-name', url] }])
  assert.match(addresses, new RegExp(`^a-serve… {2}${url}$`, 'm'))
})

test('colours are added to the row alone, and change no column', () => {
  const rows = [{ cells: ['a', 'down'], notes: ['why'], mark: 'bad' as const }, { cells: ['b', 'ok'] }]
  const coloured = renderTable(['server', 'state'], rows, true)
  assert.match(coloured, /^\x1b\[31ma {7}down\x1b\[0m\n {2}why\nb {7}ok$/m)
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ''), renderTable(['server', 'state'], rows))
})

test('wrap keeps words and lines', () => {
  assert.deepEqual(wrap('one two three\nfour', 8), ['one two', 'three', 'four'])
  assert.deepEqual(wrap('a http://long.example/address b', 10), ['a', 'http://long.example/address', 'b'])
})
