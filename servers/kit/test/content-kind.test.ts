import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from '../../../test/runner/harness.ts'
import { contentKind, decodeUtf16, decodeWindows1252, wholeCharacters } from '../content-kind.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

test('tells text from what has a control character too many, and knows its byte order mark', () => {
  const cases: [bytes: Buffer | string, mark: string | undefined][] = [
    ['', undefined],
    ['plain', undefined],
    ['log with \x1b[31mcolour\x1b[0m and one \x07 bell', undefined],
    ['DOS ended its texts with this\x1a', undefined],
    [`${'\0'.repeat(100)}a log that was truncated under its writer\n`, undefined],
    ['x\by', undefined],
    [latin1('caf\xe9 cr\xe8me'), undefined],
    ['\ufeffmarked', 'utf-8'],
    [Buffer.from('\ufeffwide', 'utf16le'), 'utf-16le'],
    [Buffer.from('\ufeffwide', 'utf16le').swap16(), 'utf-16be'],
  ]
  for (const [bytes, mark] of cases) assert.deepEqual(contentKind(Buffer.from(bytes)), { kind: 'text', mark }, String(bytes))
  for (const bytes of [
    Buffer.from('one\0two'),
    Buffer.from(`${'x'.repeat(90)}${'\x01'.repeat(5)}`),
    Buffer.concat([Buffer.from('x'), randomBytes(4_096)]),
  ])
    assert.deepEqual(contentKind(bytes), { kind: 'binary', type: 'application/octet-stream' })
})

test('knows pictures and other formats by how they begin', () => {
  const cases: [bytes: Buffer, kind: string, type: string][] = [
    [latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), 'image', 'image/png'],
    [latin1('\xff\xd8\xff\xe0\0\x10JFIF'), 'image', 'image/jpeg'],
    [latin1('GIF89a\x01\0\x01\0'), 'image', 'image/gif'],
    [latin1('RIFF\x24\0\0\0WEBPVP8 '), 'image', 'image/webp'],
    [latin1('II*\0'), 'binary', 'image/tiff'],
    [latin1('RIFF\x24\0\0\0WAVEfmt '), 'binary', 'audio/wav'],
    [latin1('\0\0\0\x18ftypmp42'), 'binary', 'video/mp4, image/heic or avif'],
    [Buffer.concat([Buffer.from('name'.padEnd(257, '\0')), Buffer.from('ustar')]), 'binary', 'application/x-tar'],
    [gzipSync('x'), 'gzip', 'application/gzip'],
    [Buffer.from('%PDF-1.7\nlooks like text'), 'binary', 'application/pdf'],
  ]
  for (const [bytes, kind, type] of cases) assert.deepEqual(contentKind(bytes), { kind, type })
  for (const text of ['BZh is how bzip2 begins', 'ID3 tags', 'PAR1\n', 'GIF89a', 'OggS'])
    assert.deepEqual(contentKind(Buffer.from(text)), { kind: 'text', mark: undefined }, text)
})

test('what begins in the middle has no signature and no mark', () => {
  assert.deepEqual(contentKind(latin1('\xff\xd8\xff\xe0\0\x10JFIF'), false), { kind: 'binary', type: 'application/octet-stream' })
  assert.deepEqual(contentKind(Buffer.from('%PDF-1.7'), false), { kind: 'text', mark: undefined })
  assert.deepEqual(contentKind(Buffer.from('\ufefftext'), false), { kind: 'text', mark: undefined })
})

test('reads UTF-16 in both orders, up to half a unit, and latin1 as everybody means it', () => {
  const wide = Buffer.from('ünï 😀', 'utf16le')
  assert.equal(decodeUtf16(Buffer.concat([wide, Buffer.from('x')]), 'utf-16le'), 'ünï 😀')
  const swapped = Buffer.from(wide).swap16()
  assert.equal(decodeUtf16(swapped, 'utf-16be'), 'ünï 😀')
  assert.deepEqual(swapped, Buffer.from(wide).swap16(), 'its bytes are left as they were')
  assert.equal(decodeWindows1252(latin1('gr\xfcn \x80 \x93q\x94')), 'grün € “q”')
})

test('ends before a character that is cut, and nowhere else', () => {
  for (const character of ['é', '日', '🙂']) {
    const bytes = Buffer.from(`a${character}`)
    for (let cut = 2; cut < bytes.length; cut++) assert.equal(wholeCharacters(bytes.subarray(0, cut)), 1)
    assert.equal(wholeCharacters(bytes), bytes.length)
  }
  assert.equal(wholeCharacters(Buffer.from([0x61, 0xff])), 2, 'a byte that begins no character')
  assert.equal(wholeCharacters(Buffer.alloc(0)), 0)
})
