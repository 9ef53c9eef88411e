import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from '../../../test/runner/harness.ts'
import { xmlReader } from '../lib/body.ts'
import { decodeText, sniff, unpackStart } from '../lib/content.ts'
import { showKey } from '../lib/keys.ts'

test('reads text in the encoding it is in', () => {
  const cases: [bytes: Buffer | string, charset: string, text: string][] = [
    ['', 'utf-8', ''],
    ['café', 'utf-8', 'café'],
    [Buffer.from('caf\xe9 cr\xe8me', 'latin1'), 'windows-1252', 'café crème'],
    [Buffer.from('\ufeffwide🙂', 'utf16le').subarray(0, -2), 'utf-16le', '\ufeffwide'],
    [Buffer.from('\ufeffwide🙂', 'utf16le').swap16().subarray(0, -2), 'utf-16be', '\ufeffwide'],
  ]
  for (const [bytes, charset, expected] of cases) {
    const content = sniff(Buffer.from(bytes), true, false)
    assert.ok(content.kind === 'text')
    assert.deepEqual([content.text.charset, content.text.text], [charset, expected])
  }
})

test('bytes that are mostly not characters are not text, even without a control character', () => {
  const bytes = Buffer.from(Array.from({ length: 4_000 }, (_, i) => 0x80 + ((i * 7) % 0x80)))
  assert.deepEqual(sniff(bytes, true, false), { kind: 'binary', type: 'application/octet-stream' })
})

test('cuts text at every byte so that the parts join to the whole', () => {
  const whole = Buffer.from('aé日🙂z')
  for (let size = 4; size <= whole.length; size++) {
    let text = ''
    for (let at = 0; at < whole.length; ) {
      const bytes = whole.subarray(at, at + size)
      const part = decodeText(bytes, at + bytes.length < whole.length)
      assert.ok(part.length > 0)
      assert.equal(part.skipped, 0)
      text += part.text
      at += part.length
    }
    assert.equal(text, 'aé日🙂z')
  }
  const inside = decodeText(whole.subarray(2), false)
  assert.deepEqual([inside.skipped, inside.text], [1, '日🙂z'])
})

test('shows damaged text as such, not in another encoding', () => {
  const damaged = decodeText(Buffer.concat([Buffer.from('日本 '), Buffer.from([0xff]), Buffer.from(' é')]), false)
  assert.deepEqual([damaged.text, damaged.damaged, damaged.charset], ['日本 � é', true, 'utf-8'])
})

test('unpacks no more than the limit, whole, cut or damaged', async () => {
  const text = Array.from({ length: 1_563 }, (_, i) => createHash('sha256').update(String(i)).digest('hex')).join('') // compresses to a half
  const packed = gzipSync(text)
  assert.deepEqual(await unpackStart(gzipSync('small'), 100, true), { bytes: Buffer.from('small'), more: false })
  assert.deepEqual(await unpackStart(gzipSync(''), 100, true), { bytes: Buffer.alloc(0), more: false })
  const limited = await unpackStart(packed, 1_000, true)
  assert.deepEqual([limited?.bytes.toString(), limited?.more], [text.slice(0, 1_000), true])
  const cut = await unpackStart(packed.subarray(0, 10_000), 1_000_000, false)
  assert.ok(cut !== undefined && cut.bytes.length > 10_000 && cut.more)
  assert.equal(text.startsWith(cut.bytes.toString()), true)
  assert.equal(await unpackStart(Buffer.from('\x1f\x8bnot gzip', 'latin1'), 100, true), undefined)
  const damaged = Buffer.concat([packed.subarray(0, 30_000), Buffer.alloc(100, 0x55), packed.subarray(30_100)])
  const wrongSum = Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)])
  for (const bytes of [damaged, wrongSum]) {
    const start = await unpackStart(bytes, 1_000_000, true)
    assert.ok(start !== undefined && start.bytes.length > 90_000 && start.more)
    assert.equal(start.bytes.subarray(0, 40_000).toString(), text.slice(0, 40_000))
  }
})

test('shows a key on one line with nothing hidden, so that JSON gives it back', () => {
  for (const key of ['a/b c.txt', 'ünï/🙂', 'quote"inside', "it's"]) assert.equal(showKey(key), key)
  for (const key of [
    '"starts',
    ' lead',
    'trail ',
    'tab\t',
    'line\nbreak',
    'cr\r',
    'nul\x01',
    'bidi\u202egpj',
    'tag\u{e0041}',
    'bom\ufeff',
    '\x1b[2J',
  ]) {
    const shown = showKey(key)
    assert.match(shown, /^"[^\x00-\x1f\u202e\ufeff\u{e0041}]*"$/u)
    assert.equal(JSON.parse(shown), key)
  }
})

test('reads XML in pieces of any size', () => {
  const item = '<E><F>1</F><O><F>of O</F></O><G>2</G></E>'
  const xml = `<?xml version="1.0"?>\n<A xmlns="urn:x"><B>1 &lt; 2 &amp;amp; &#x1F642;&#65;</B>${item}<C/><D a="1"> t </D>\n<E><F></F></E>\n</A>\n`
  for (const size of [1, 2, 7, 1_000]) {
    const found: unknown[] = []
    const reader = xmlReader('A', (name, fields) => found.push([name, fields]))
    for (let at = 0; at < xml.length; at += size) reader.write(xml.slice(at, at + size))
    reader.end()
    assert.deepEqual(found, [
      ['O', { F: 'of O' }],
      ['E', { F: '1', G: '2' }],
      ['E', { F: '' }],
    ])
    assert.deepEqual(reader.fields, { B: '1 < 2 &amp; 🙂A', C: '', D: ' t ' })
  }
})

test('refuses XML with entities, wrong nesting, endless depth or text', () => {
  const cases = ['<!DOCTYPE a><a/>', '<a><b></a></b>', '<a/><b/>', '<a>'.repeat(13), `<a>${'x'.repeat(70_000)}`, '< >', '<a', '']
  for (const xml of cases) {
    const reader = xmlReader('a', () => {})
    assert.throws(() => {
      reader.write(xml)
      reader.end()
    }, SyntaxError)
  }
})
