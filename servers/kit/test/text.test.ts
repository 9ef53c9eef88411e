import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { cleanText, clip, fitText, visibleJson } from '../text.ts'

test('text is cut after a line, or between two code points where the last line is long', () => {
  assert.equal(fitText('one\ntwo\nthree', 100), 'one\ntwo\nthree')
  assert.equal(fitText('one\ntwo\nthree', 9), 'one\ntwo\n')
  assert.equal(fitText('one\ntwo\nthree', 8), 'one\ntwo\n')
  assert.equal(fitText('a\nlong line without an end', 12), 'a\nlong line ')
  assert.equal(fitText('ab😀c', 3), 'ab')
  assert.equal(fitText('ab😀c', 4), 'ab😀')
})

test('every text can be put together again from its pages', () => {
  const text = 'line 😀\n'.repeat(30) + '😀'.repeat(50)
  for (const size of [2, 3, 7, 8, 9, 64]) {
    let rest = text
    const pages: string[] = []
    while (rest !== '') {
      const page = fitText(rest, size)
      assert.ok(page.length > 0 && page.length <= size)
      pages.push(page)
      rest = rest.slice(page.length)
    }
    assert.equal(pages.join(''), text)
  }
})

test('a clipped cell says how much is missing', () => {
  assert.equal(clip('abcdef', 6), 'abcdef')
  assert.equal(clip('abcdef', 4), 'abcd…[+2 chars]')
  assert.equal(clip('ab😀f', 3), 'ab…[+3 chars]')
})

const invisible = [
  '\u202e', // right-to-left override
  '\u2066',
  '\u200b',
  '\u2028',
  '\u2029',
  '\u3164', // Hangul filler
  '\u115f',
  '\u1160',
  '\u{e0041}', // tag character
  '\u{e0100}', // variation selector 17
  '\u{e01ef}',
  '\ufeff',
]

test('what is not displayed is removed from text', () => {
  assert.equal(cleanText(`a${invisible.join('')}b\r\nc\x1b[31md`), 'ab\ncd')
  assert.equal(cleanText('नमस्ते می‌خواهم 👩‍💻'), 'नमस्ते می‌خواهم 👩‍💻')
})

test('JSON shows invisible characters as escapes and parses to the same value', () => {
  for (const character of [...invisible, '\u00ad', '\u034f', '\u2800', '\x1b', '\u200d', '😀', '‹']) {
    const value = { key: `a${character}b` }
    const json = visibleJson(value)
    assert.match(json, /^\{"key":"a(\\u[0-9a-f]{4}){1,2}b"\}$/, json)
    assert.deepEqual(JSON.parse(json), value)
  }
  assert.equal(visibleJson({ key: 'Zürich 東京 नमस्ते "x"' }), JSON.stringify({ key: 'Zürich 東京 नमस्ते "x"' }))
})
