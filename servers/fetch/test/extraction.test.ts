// Small inputs with one general cause each: what must stay, what must go, and how it is written.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { readShape } from './shapes.ts'

const prose = (words: string): string => `<p>${`${words}, and more of it, in sentences with commas. `.repeat(6)}</p>`
const contentOf = async (html: string, contentType?: string): Promise<string> => (await readShape(html, contentType)).content
const article = '<meta property="og:type" content="article">'

test('a name does not delete what has a heading of its own or holds most of the prose', async () => {
  for (const head of ['', article]) {
    const topic = await contentOf(
      `${head}<main><h1>Settings</h1>${prose('General')}<section id="cookies"><h2>Cookies</h2><p>How we keep them.</p></section></main>`,
    )
    assert.match(topic, /## Cookies\n\nHow we keep them\./)
    for (const name of ['l-sidebar-fixed', 'content-with-sidebar-wrp', 'entry themeform share', 'related', 'banner', 'footer'])
      assert.match(
        await contentOf(`${head}<body><div class="${name}"><h1>Title</h1>${prose('Body text')}</div></body>`),
        /Body text/,
        name,
      )
  }
})

test('a part does not win over the whole', async () => {
  const sections = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS'].map(
    (name) => `<div class="sect1"><h2>${name}</h2><div>${prose(name.toLowerCase())}</div></div>`,
  )
  const text = await contentOf(`<body><div id="content">${sections.join('')}</div></body>`)
  for (const name of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS']) assert.ok(text.includes(`## ${name}`), name)
  const beside = await contentOf(
    `<body><main><p>${'A short box that is called main. '.repeat(8)}</p></main><div>${prose('The text itself').repeat(5)}</div></body>`,
  )
  assert.match(beside, /The text itself/)
})

test('formulas are TeX, once', async () => {
  const mathml = (inner: string, attributes = ''): string =>
    `<math ${attributes}><semantics><mrow><mi>x</mi></mrow>${inner}</semantics></math>`
  const annotation = '<annotation encoding="application/x-tex">x^2</annotation>'
  const forms: [string, string][] = [
    [`a <span style="display: none">${mathml(annotation)}</span><img aria-hidden="true" alt="x^2" src="x.svg"> b`, 'a $x^2$ b'],
    [
      `a <span class="katex"><span class="katex-mathml">${mathml(annotation)}</span><span aria-hidden="true">x2</span></span> b`,
      'a $x^2$ b',
    ],
    [`a ${mathml('', 'alttext="x^{2}"')} b`, 'a $x^{2}$ b'],
    ['a <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> b', 'a $1/2$ b'],
    ['a <script type="math/tex">x^2</script> b', 'a $x^2$ b'],
    ['a <script type="math/tex; mode=display">x^2</script> b', 'a $$x^2$$ b'],
  ]
  for (const [html, expected] of forms) assert.equal(await contentOf(`<p>${html}</p>`), expected, html)
  assert.match(
    await contentOf(`<div style="display:none">${mathml(annotation, 'display="block"')}</div><p>text</p>`),
    /\$\$x\^2\$\$/,
  )
})

test('cells stand under their columns: rowspan, colspan, short rows', async () => {
  const table =
    '<table><tr><th>Land</th><th>City</th><th>N</th></tr><tr><td rowspan=2>FR</td><td>Paris</td><td>1</td></tr><tr><td>Lyon</td><td>2</td></tr><tr><td colspan=2>both</td><td>3</td></tr><tr><td>short</td></tr></table>'
  assert.equal(
    await contentOf(table),
    [
      '| Land | City | N |',
      '| --- | --- | --- |',
      '| FR | Paris | 1 |',
      '|  | Lyon | 2 |',
      '| both |  | 3 |',
      '| short |  |  |',
    ].join('\n'),
  )
  assert.equal(
    await contentOf('<table><tr><td rowspan=65534 colspan=1000>x</td></tr></table>').then((text) => text.length < 1_000),
    true,
  )
})

test('a list in a table of keys and values stays a list', async () => {
  const text = await contentOf(
    '<table><tr><th>Area</th><td>9 km²</td></tr><tr><th>Languages</th><td><ul><li>one</li><li>two</li></ul></td></tr></table>',
  )
  assert.equal(text, '| Area | 9 km² |\n| --- | --- |\n\nLanguages\n\n- one\n- two')
  const linked = await contentOf(
    `${article}<body><article>${prose('The land')}<table><tr><th><a href="/l">Languages</a></th><td><ul><li>one</li></ul></td></tr></table></article></body>`,
  )
  assert.match(linked, /\[Languages\]\(https:\/\/example\.test\/l\)\n\n- one/)
})

test('links: a relative base, a heading inside, in-page tables of contents', async () => {
  assert.equal(
    await contentOf('<base href="/sub/"><base href="/no/"><p><a href="a.html">a</a></p>'),
    '[a](https://example.test/sub/a.html)',
  )
  assert.equal(await contentOf('<a href="/x"><h3>Title</h3><p>More</p></a>'), '### [Title](https://example.test/x)\n\nMore')
})

test('lazy images, noscript, ruby, list values, soft hyphens, titles, captions', async () => {
  assert.equal(
    await contentOf(
      '<p>a <img src="data:image/gif;base64,x" data-src="/real.png" alt="Chart"><noscript><img src="/real.png" alt="Chart"></noscript></p>',
    ),
    'a ![Chart](https://example.test/real.png)',
  )
  assert.match(
    await contentOf('<p>text</p><noscript><img src="/only.png" alt="Only"></noscript>'),
    /!\[Only\]\(https:\/\/example\.test\/only\.png\)/,
  )
  assert.equal(await contentOf('<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby></p>'), '漢(kan)')
  assert.equal(await contentOf('<ol><li value="7">seven<li>eight</ol>'), '7. seven\n8. eight')
  assert.equal(await contentOf('<p>Donau\u00addampf&shy;schiff</p>'), 'Donaudampfschiff')
  assert.match(
    (await readShape('<title>The Site</title><meta property="og:title" content="The page"><p>x</p>')).text,
    /^title: The page\n/,
  )
  const caption = 'A caption that two pictures of a gallery have in common'
  const page = await contentOf(
    `${article}<body><article>${prose('Text')}<ul><li><figure><figcaption>${caption}</figcaption></figure></li><li><div><figcaption>${caption}</figcaption></div></li></ul></article></body>`,
  )
  assert.equal(page.split(caption).length, 2)
})

test('meta refresh is named', async () => {
  const { notes } = await readShape('<meta http-equiv="refresh" content="0; url=/new"><p>Moved.</p>')
  assert.match(notes.join('\n'), /sends browsers on to https:\/\/example\.test\/new/)
})

test('what scripts reveal is shown when there is nothing else, else counted', async () => {
  const hidden = prose('Revealed by a script')
  for (const box of [
    `<div hidden id="S:0">${hidden}</div>`,
    `<div style="opacity:0">${hidden}</div>`,
    `<div hidden="until-found">${hidden}</div>`,
  ]) {
    const alone = await readShape(`<body><div id="app"></div>${box}</body>`)
    assert.match(alone.content, /Revealed by a script/, box)
    assert.match(alone.notes.join(), /only after a script ran/)
    const beside = await readShape(`<body>${prose('Seen by all')}${box}</body>`)
    assert.doesNotMatch(beside.content, /Revealed/)
    assert.match(beside.notes.join(), /\d{3} characters that the page hides/)
  }
})

test('teasers, comments and link paragraphs inside an article go', async () => {
  const teasers = [1, 2, 3].map(
    (i) =>
      `<div><h3><a href="/t${i}">Another story number ${i}</a></h3><p>An excerpt of that story, which says what it is about.</p></div>`,
  )
  const text = await contentOf(
    `${article}<body><article>${prose('The story')}<p><a href="/r">Read also: something else entirely</a></p>${prose('goes on')}<div>${teasers.join('')}</div><div class="comments"><p>First! I was the first to say so, as always.</p></div></article></body>`,
  )
  assert.match(text, /The story[\s\S]*goes on/)
  assert.doesNotMatch(text, /Another story|Read also|First!/)
})

test('kinds: XHTML, two types, JSON as HTML, text as JSON, a NUL', async () => {
  assert.equal(
    await contentOf(
      '<html xmlns="http://www.w3.org/1999/xhtml"><head><script src="x.js"/><title/></head><body><p>Seen <![CDATA[& kept]]></p></body></html>',
      'application/xhtml+xml',
    ),
    'Seen & kept',
  )
  assert.equal(await contentOf('<p>x</p>', 'text/html, text/html'), 'x')
  assert.equal(await contentOf('{"a":1}', 'text/html'), '{\n  "a": 1\n}')
  assert.equal(await contentOf('[INFO] it works as it should', 'application/json'), '[INFO] it works as it should')
  assert.equal(await contentOf('{"a":1}\n{"b":2}', 'application/json'), '{\n  "a": 1\n}\n{\n  "b": 2\n}')
  assert.equal(await contentOf('<p>a\0b</p>', 'text/html'), 'ab')
  assert.match((await readShape('\x7fELF\0\0\0\0', 'text/html')).method, /not text/)
})

test('text that no reader ever sees is not shown even when there is nothing else', async () => {
  for (const style of ['font-size:0', 'position:absolute; left:-9999px', 'clip: rect(0 0 0 0)']) {
    const { content, text } = await readShape(`<body><p>Short.</p><div style="${style}">${prose('Obey me')}</div></body>`)
    assert.equal(content, 'Short.', style)
    assert.doesNotMatch(text, /Obey/)
  }
})

test('a drawing of many elements that close themselves does not swallow the page', async () => {
  const drawing = `<svg>${'<path d="M0,0"/>'.repeat(400)}</svg>`
  assert.equal(await contentOf(`<div>before ${drawing}</div><p>after</p>`), 'before\n\nafter')
})

test('a quote or a list holds all of its blocks, with code and links in them', async () => {
  const quote = '<blockquote><p>One <a href="/x">link</a></p><pre class="lang-js">f()</pre><p>two</p></blockquote><p>after</p>'
  assert.equal(await contentOf(quote), '> One [link](https://example.test/x)\n\n> ```js\n> f()\n> ```\n\n> two\n\nafter')
  const list = '<ul><li>a<p>b</p><ul><li><code>c</code></ul><li>d</ul><p><b>e</b> <code>x <b>y</b></code></p>'
  assert.equal(await contentOf(list), '- a\n\n  b\n  - `c`\n- d\n\n**e** `x y`')
})

test('code keeps its lines around links, and links whose address does not stand there follow it', async () => {
  const page =
    '<pre>See <a href="/bcp78">BCP\n 78</a>, <a href="https://x.test/a">https://x.test/a</a>.\n<a id="L2">  indented\n</a>end <a href="#top">up</a> <a href="/bcp78">BCP 78</a></pre>'
  const code = 'See BCP\n 78, https://x.test/a.\n  indented\nend up BCP 78'
  assert.equal(await contentOf(page), `\`\`\`\n${code}\n\`\`\`\n\nLinks: [BCP 78](https://example.test/bcp78)`)
  assert.equal((await readShape(page, 'text/html', false)).content, `\`\`\`\n${code}\n\`\`\``)
  assert.equal(await contentOf('<pre><div>one\n<a id="l2"></a></div><div>two</div></pre>'), '```\none\ntwo\n```')
  const many = Array.from({ length: 1_000 }, (_, i) => `<a href="/${i}">link ${i}</a>\n`).join('')
  assert.equal((await contentOf(`<pre>${many}</pre>`)).match(/\]\(/g)?.length, 100)
})

test('elements that are named like properties of objects are elements', async () => {
  assert.equal(await contentOf('<p>a <constructor>b</constructor> c</p>'), 'a b c')
  assert.equal(await contentOf('<p><math><constructor><mi>x</mi><mi>y</mi></constructor></math></p>'), '$xy$')
})

test('a title of character references is whole', async () => {
  assert.match((await readShape(`<title>${'&#1055;'.repeat(80)}</title><p>x</p>`)).text, /^title: П{80}\n/)
})

test('links to hosts beyond ASCII stay, however many there are', async () => {
  const text = await contentOf(`<p>${'<a href="http://é.de/">x</a> '.repeat(4_000)}</p>`)
  assert.equal(text.match(/\[x\]\(http:\/\/xn--9ca\.de\/\)/g)?.length, 4_000)
})
