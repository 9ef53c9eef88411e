// The quality of the extraction: the facts of each page shape survive, and what is around them does not.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { contentInPieces, faultsOf, readCorpus, readShape } from './shapes.ts'

const corpus = readCorpus()

/** What is known to go wrong. */
const accepted: Record<string, string[]> = {
  // A layout of tables, and a menu that no name and no tag marks.
  'nested-tables-layout': ['kept: Webring'],
  // Classified advertisements and a telephone number without any sign of what they are.
  'div-soup-columns': ['kept: slightly used', 'kept: Reader hotline'],
  // The imprint, without one either.
  'div-soup-css-in-js': ['kept: Pier Holdings'],
}

test('there are at least 20 shapes', () => assert.ok(corpus.length >= 20))

for (const shape of corpus) {
  test(`keeps the facts of ${shape.name} and leaves out the rest`, async () => {
    const { text } = await readShape(shape.html)
    assert.deepEqual(faultsOf(shape, text), accepted[shape.name] ?? [], text)
  })
}

test('says that scripts may be needed when a page is empty', async () => {
  const shell = corpus.find(({ name }) => name === 'spa-shell')
  assert.match((await readShape(shell?.html ?? '')).notes.join(), /if scripts fill it/)
})

test('the stream gives the same in pieces of any size', async () => {
  for (const { name, html } of corpus) {
    assert.equal(await contentInPieces(html, 7), await contentInPieces(html, 100_000), name)
  }
})

test('links that are stripped leave their text', async () => {
  const html = '<p>See <a href="/x">the page</a> and <img src="a.png" alt="a picture">.</p>'
  const { content: text } = await readShape(html, 'text/html', false)
  assert.equal(text, 'See the page and [image: a picture].')
})

test('addresses are absolute, and scripts, data and places on the page are none', async () => {
  const html =
    '<base href="https://other.test/dir/"><p><a href="a.html">one</a> <a href="#top">two</a> <a href="javascript:alert(1)">three</a> <a href="data:text/html,x">four</a> <a href="/x_(y)">five</a> <a href="https://[bad">six</a></p>'
  const { content: text } = await readShape(html)
  assert.equal(text, '[one](https://other.test/dir/a.html) two three four [five](https://other.test/x_%28y%29) six')
})

test('class names that only sound like hiding or navigation hide nothing', async () => {
  const html = `<div class="site-content has-sidebar sidebar-right"><div class="elementor-widget elementor-widget-text-editor"><p>built of widgets</p></div>
    <div class="hidden md:block">seen on wide screens</div><div class="d-none d-lg-flex">seen there too</div>
    <pre class="line-numbers"><code class="language-c">int main;</code></pre><p class="gutter">between gutters</p><p class="hidden">unseen</p>
    <p>${'And enough other text to be a page of its own. '.repeat(6)}</p></div>`
  const { content: text } = await readShape(html)
  for (const seen of ['built of widgets', 'wide screens', 'there too', '```c\nint main;\n```', 'between gutters'])
    assert.ok(text.includes(seen), text)
  assert.doesNotMatch(text, /unseen/)
})

test('text that looks like the end of a code block does not end it', async () => {
  const { content: text } = await readShape('<pre>a\n```\nb</pre>')
  assert.equal(text, '````\na\n```\nb\n````')
})
