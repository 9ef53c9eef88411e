import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Wire, withFiles } from './wire.ts'

type Read = (content: Buffer | string, args?: Record<string, unknown>) => Promise<Answer>

/** Writes a file and reads it. */
const withReader = (work: (read: Read, wire: Wire) => Promise<void>) => () =>
  withFiles(async (folder, wire) => {
    await work(async (content, args) => {
      await writeFile(join(folder, 'root/a'), content)
      return wire.call('read_file', { path: 'a', ...args })
    }, wire)
  })

const utf16le = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')
const utf16be = (text: string): Buffer => utf16le(text).swap16()

test(
  'UTF-16 with a byte order mark is read line by line, in both byte orders',
  withReader(async (read) => {
    // Characters that hold the byte of a line feed, also beside a zero byte of their neighbour.
    const lines = ['first', 'ਊ ੁ 䄊 ੁĀ Āਁ', 'ünïcödé 😀', 'last']
    for (const [encode, name] of [
      [utf16le, 'utf-16le'],
      [utf16be, 'utf-16be'],
    ] as const) {
      const all = await read(encode(`${lines.join('\r\n')}\r\n`))
      assert.equal(all.data, lines.join('\n'))
      assert.match(all.text, new RegExp(`^a: lines 1-4 of 4, .*, ${name}\n`))
      assert.equal((await read(encode(lines.join('\n')), { offset: 2, limit: 1 })).data, lines[1])
      for (let tail = 1; tail <= 5; tail++) {
        assert.equal((await read(encode(lines.join('\n')), { tail })).data, lines.slice(-tail).join('\n'))
        assert.equal((await read(encode(`${lines.join('\n')}\n`), { tail })).data, lines.slice(-tail).join('\n'))
      }
      assert.equal((await read(encode('a\n'))).data, 'a')
      assert.match((await read(encode(''))).text, /^a: no lines, 2 B/)
    }
  }),
)

test(
  'half a character at the end of a UTF-16 file does no harm',
  withReader(async (read) => {
    assert.equal((await read(Buffer.concat([utf16le('one\ntwo'), Buffer.from([0x41])]))).data, 'one\ntwo')
  }),
)

test(
  'a UTF-8 byte order mark is no part of the first line',
  withReader(async (read) => {
    const { data, structured } = await read('\ufeffone\ntwo')
    assert.equal(data, 'one\ntwo')
    assert.deepEqual(structured.lines, ['one', 'two'])
  }),
)

test(
  'lines that are not UTF-8 are read as latin1, the others as UTF-8',
  withReader(async (read) => {
    const mixed = await read(
      Buffer.concat([Buffer.from('grün\n'), Buffer.from('gr\xfcn \x80 \x93q\x94\n', 'latin1'), Buffer.from('ok')]),
    )
    assert.equal(mixed.data, 'grün\ngrün € “q”\nok')
    assert.match(mixed.text, /^NOTE: 1 of these lines is not UTF-8 and read as latin1$/m)
    const all = await read(Buffer.from('gr\xfcn', 'latin1'))
    assert.match(all.text, /^a: lines 1-1 of 1, .*, latin1\n/)
  }),
)

test(
  'a forced encoding is obeyed, and damage is told',
  withReader(async (read) => {
    assert.equal((await read('grün', { encoding: 'latin1' })).data, 'grÃ¼n')
    const forced = await read(Buffer.from('gr\xfcn\nok', 'latin1'), { encoding: 'utf-8' })
    assert.equal(forced.data, 'gr\ufffdn\nok')
    assert.match(forced.text, /^NOTE: 1 of these lines holds bytes that are not UTF-8, shown as \ufffd$/m)
    assert.equal((await read('a\0b\nc', { encoding: 'utf-8' })).data, 'ab\nc')
  }),
)

test(
  'next keeps the encoding that was asked for',
  withReader(async (read) => {
    assert.deepEqual((await read('a\nb', { encoding: 'latin1', limit: 1 })).next, {
      path: 'a',
      offset: 2,
      limit: 1,
      encoding: 'latin1',
    })
  }),
)

test(
  'base64 comes in lines that page like text and join to the file',
  withReader(async (read, wire) => {
    const bytes = Buffer.from(Array.from({ length: 2_000 }, (_, i) => (i * 7) % 256))
    const parts: string[] = []
    let answer = await read(bytes, { encoding: 'base64', limit: 10 })
    assert.match(answer.text, /^a: lines 1-10 of 36, 2\.0 KiB, .*, base64\n/)
    for (;;) {
      parts.push(answer.data)
      if (answer.next === undefined) break
      answer = await wire.call('read_file', answer.next)
    }
    assert.equal(parts.length, 4)
    assert.deepEqual(Buffer.from(parts.join(''), 'base64'), bytes)
    assert.equal((await read(bytes, { encoding: 'base64', tail: 1 })).data, bytes.subarray(35 * 57).toString('base64'))
    assert.equal((await read(bytes, { encoding: 'base64', limit: 35 })).next?.offset, 36)
    assert.equal((await read(bytes, { encoding: 'base64', limit: 36 })).next, undefined)
    assert.match(
      (await read(bytes, { encoding: 'base64', offset: 37 })).text,
      /^ERROR INVALID_ARGUMENT: .*as base64 the file has 36/,
    )
  }),
)

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

test(
  'a picture of up to 700,000 bytes is shown as a picture',
  withReader(async (read) => {
    const small = await read(png)
    assert.match(small.text, /^a: image\/png, 70 B, modified [^,]*$/)
    assert.deepEqual(small.blocks[1], { type: 'image', data: png.toString('base64'), mimeType: 'image/png' })
    const most = await read(Buffer.concat([png, Buffer.alloc(700_000 - png.length)]))
    assert.equal(most.isError, false, most.text)
    assert.equal(most.blocks.length, 2)
    const above = await read(Buffer.concat([png, Buffer.alloc(700_001 - png.length)]))
    assert.equal(above.blocks.length, 1)
    assert.match(above.text, /^a: not text but image\/png, 684 KiB/)
    assert.equal(above.meta.truncated, true)
  }),
)

test(
  'other binary files are described by what they begin with',
  withReader(async (read) => {
    const kinds: [bytes: string, type: string][] = [
      ['%PDF-1.7\nlooks like text\n', 'application/pdf'],
      ['PK\x03\x04\x14\0\0\0', 'application/zip'],
      ['\x1f\x8b\x08\0', 'application/gzip'],
      ['SQLite format 3\0', 'application/vnd.sqlite3'],
      ['\x7fELF\x02\x01\x01\0', 'application/x-elf'],
      ['text with\0NUL', 'application/octet-stream'],
    ]
    for (const [bytes, type] of kinds) {
      const { text, meta } = await read(Buffer.from(bytes, 'latin1'))
      assert.ok(text.startsWith(`a: not text but ${type}`), text)
      assert.match(text, /^first bytes: [0-9a-f]+$/m)
      assert.match(text, /^NOTE: encoding "base64" gives the bytes/m)
      assert.equal(meta.truncated, true)
    }
  }),
)

test(
  'text that begins like a binary file is text',
  withReader(async (read) => {
    for (const text of ['BZh is how bzip2 begins', 'ID3 tags', 'PAR1\n', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'GIF89a']) {
      assert.equal((await read(text)).data, text.trimEnd())
    }
  }),
)
