// Extractors side by side on pages with a known right answer: what they keep of the article, what else they show, time and memory.
// Usage: npx tsx bench/fetch.ts CORPUS [--only NAME] [--packages FOLDER] [--python PATH]
//   CORPUS      articles.json {id: {url, articleBody}}, articles/ID.html.gz, structure/ID/{source,expected}.html.gz
//   --packages  a folder with defuddle and @extractus/article-extractor (npm i --prefix FOLDER defuddle @extractus/article-extractor)
//   --python    a Python that has trafilatura
// Each candidate runs in a process of its own (`--run`), so that its peak of memory is its own.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Readability } from '@mozilla/readability'
import { Tokenizer } from 'htmlparser2'
import { parseHTML } from 'linkedom'
import { extract, textOf as textOfBlocks } from '../servers/fetch/lib/extract.ts'
import type { TokenizerClass } from '../servers/fetch/lib/html-events.ts'
import { MarkdownWriter } from '../servers/fetch/lib/markdown.ts'

type Candidate = (html: string, url: string) => Promise<string>

interface Scores {
  precision: number
  recall: number
  /** Headings, links, code, list items, rows: [expected, kept]. */
  structure: [number, number][]
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, packages: { type: 'string' }, python: { type: 'string' }, run: { type: 'string' } },
})
const folder = resolve(positionals[0] ?? '.')
const maxChars = 500_000
/** The address for which the test pages of mozilla/readability have their right answers. */
const structureUrl = 'http://fakehost/test/page.html'
const kinds = ['headings', 'links', 'code', 'items', 'rows']

async function* bytes(html: string): AsyncGenerator<Buffer> {
  yield Buffer.from(html)
}

const ours: Candidate = async (html, url) => {
  const request = { url, contentType: 'text/html; charset=utf-8', raw: false, links: true }
  const tokenizer = async () => Tokenizer as unknown as TokenizerClass
  return (await extract(bytes(html), request, tokenizer, new AbortController().signal)).text
}

interface Node {
  readonly nodeType: number
  readonly localName: string
  readonly nodeValue: string
  readonly childNodes: Iterable<Node>
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>
}

function readable(html: string): Node | undefined {
  const { document } = parseHTML(html)
  const article = new Readability<unknown>(document as never, {
    keepClasses: true,
    charThreshold: 200,
    serializer: (node) => node,
  })
  return (article.parse()?.content ?? undefined) as Node | undefined
}

const blockNames = /^(?:address|article|blockquote|br|dd|div|dl|dt|fig(?:ure|caption)|h\d|li|ol|p|pre|section|t[drh]|table|ul)$/

function textOf(node: Node): string {
  if (node.nodeType === 3) return node.nodeValue
  if (node.nodeType !== 1) return ''
  const text = [...node.childNodes].map(textOf).join('')
  return blockNames.test(node.localName) ? `\n${text}\n` : text
}

async function written(node: Node, url: string): Promise<string> {
  const writer = new MarkdownWriter({ baseUrl: url, links: true, maxChars })
  const walk = (each: Node): void => {
    if (each.nodeType === 3) writer.text(each.nodeValue)
    if (each.nodeType !== 1) return
    writer.open(each.localName, Object.fromEntries([...each.attributes].map(({ name, value }) => [name, value])))
    for (const child of each.childNodes) walk(child)
    writer.close(each.localName)
  }
  walk(node)
  writer.end()
  return textOfBlocks(writer.outline.blocks)
}

const require = createRequire(join(resolve(options.packages ?? '.'), 'package.json'))

const candidates: Record<string, Candidate> = {
  fetch_web_content: ours,
  'Readability, its text': async (html) => textOf(readable(html) ?? (parseHTML('').document as never)),
  'Readability, our writer': async (html, url) => {
    const article = readable(html)
    return article === undefined ? '' : await written(article, url)
  },
  // Blocks of ours that Readability has too; all of ours where they disagree about most of the page.
  'ours and Readability agree': async (html, url) => {
    const blocks = (await ours(html, url)).split(/\n\n+/)
    const theirs = grams(words(textOf(readable(html) ?? (parseHTML('').document as never))))
    const shared = blocks.filter((block) => overlap(grams(words(plain(block))), theirs).recall >= 0.5)
    return (shared.join('').length >= blocks.join('').length / 2 ? shared : blocks).join('\n\n')
  },
  ...(options.packages === undefined
    ? {}
    : {
        defuddle: async (html, url) => {
          const { Defuddle } = await import(
            pathToFileURL(join(resolve(options.packages ?? ''), 'node_modules/defuddle/dist/node.js')).href
          )
          return (await Defuddle(parseHTML(html).document, url, { markdown: true })).content ?? ''
        },
        '@extractus/article-extractor': async (html, url) => {
          const { extractFromHtml } = await import(pathToFileURL(require.resolve('@extractus/article-extractor')).href)
          const content = (await extractFromHtml(html, url))?.content
          return content
            ? await written(parseHTML(`<html><body>${content}</body></html>`).document.documentElement as never, url)
            : ''
        },
      }),
}

// --- measures: 4-grams of words, as in the article extraction benchmark of scrapinghub

function plain(markdown: string): string {
  return markdown
    .replace(/!\[[^\]]*\]\([^)\n]*\)|\[image: [^\]]*\]|^\s*(?:> ?)*```.*$|<\/?[a-zA-Z][^>\n]{0,500}>/gm, ' ')
    .replace(/\[([^[\]\n]*)\]\([^)\s]*\)/g, '$1')
    .replace(/\]\([^)\s]*\)|^\s*(?:> ?)+/gm, ' ')
    .replace(/\u00ad|\*\*|~~/g, '')
    .replace(/^(\s*)\d+\. /gm, '$1')
}

function words(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[’‘]/g, "'")
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  )
}

function grams(list: readonly string[]): Map<string, number> {
  const bag = new Map<string, number>()
  for (let i = 0; i < Math.max(Math.min(list.length, 1), list.length - 3); i++) {
    const gram = list.slice(i, i + 4).join(' ')
    bag.set(gram, (bag.get(gram) ?? 0) + 1)
  }
  return bag
}

function overlap(expected: Map<string, number>, got: Map<string, number>): { precision: number; recall: number } {
  const sum = (bag: Map<string, number>): number => [...bag.values()].reduce((a, b) => a + b, 0)
  const both = [...expected].reduce((total, [gram, n]) => total + Math.min(n, got.get(gram) ?? 0), 0)
  return { precision: got.size === 0 ? 0 : both / sum(got), recall: expected.size === 0 ? 1 : both / sum(expected) }
}

function structureOf(html: string, markdown: string): [number, number][] {
  const box = parseHTML(`<html><body>${html}</body></html>`).document.body
  const all = (selector: string) => [...box.querySelectorAll(selector)]
  const norm = (text: string): string => words(plain(text)).join(' ')
  const lines = markdown.split('\n')
  const kept = (wanted: string[], has: (text: string) => boolean): [number, number] => [wanted.length, wanted.filter(has).length]
  const texts = (selector: string, read = norm): string[] =>
    all(selector)
      .map((each) => read(textOf(each as never)))
      .filter(Boolean)
  const address = (href: string): string => {
    const bare = href.replace(/[/#?]*$/, '').toLowerCase()
    try {
      return decodeURIComponent(bare)
    } catch {
      return bare // what follows a "%" is not an octet of UTF-8
    }
  }
  const headings = new Set(lines.filter((line) => /^(?:> )*\s*(?:[-\d.]+ )?#{1,6} /.test(line)).map(norm))
  // In code an address is text.
  const links = new Set(
    [...markdown.matchAll(/\]\(([^)\s]+)|https?:[^\s<>"'`)\]]+/g)].map(([text, href = text]) => address(href)),
  )
  const code = [...markdown.matchAll(/^(?:> |\s)*(`{3,})[^\n]*\n([\s\S]*?)\n(?:> |\s)*\1\s*$/gm)].map(([, , text = '']) =>
    words(text).join(' '),
  )
  const items = lines
    .filter((line) => /^\s*(?:> )*(?:[-*]|\d+\.) /.test(line))
    .map(norm)
    .filter((text) => text.length > 2)
  const rows = lines.filter((line) => /^\s*(?:> )*\|.*\|\s*$/.test(line) && !/^[\s>|:-]+$/.test(line)).length
  const data = all('table').filter((table) => table.querySelector('table,p,h1,h2,h3,h4,h5,h6,div,ul,pre') === null)
  const wantedRows = data.reduce((sum, table) => sum + table.querySelectorAll('tr').length, 0)
  return [
    kept(texts('h1,h2,h3,h4,h5,h6'), (text) => headings.has(text)),
    kept(
      all('a[href^="http"]')
        .filter((a) => /\S/.test(a.textContent ?? ''))
        .map((a) => address(a.getAttribute('href') ?? '')),
      (href) => links.has(href),
    ),
    kept(
      texts('pre', (text) => words(text).join(' ')),
      (text) => code.some((each) => each.includes(text)),
    ),
    kept(
      texts('li:not(:has(li))').filter((text) => text.length > 2),
      (text) => items.some((item) => text.startsWith(item) || item.startsWith(text)),
    ),
    [wantedRows, Math.min(wantedRows, rows)],
  ]
}

// --- run

const read = (...path: string[]): string => gunzipSync(readFileSync(join(folder, ...path))).toString()
const articles: Record<string, { url: string; articleBody: string }> = JSON.parse(
  readFileSync(join(folder, 'articles.json'), 'utf8'),
)
const structures = existsSync(join(folder, 'structure')) ? readdirSync(join(folder, 'structure')) : []

async function runAll(candidate: Candidate): Promise<{ scores: Scores[]; ms: number; mib: number }> {
  const pages = [
    ...Object.keys(articles).map((id) => ['articles', `${id}.html.gz`]),
    ...structures.map((id) => ['structure', id, 'source.html.gz']),
  ]
  const found: string[] = []
  let ms = 0
  for (const page of pages) {
    const html = read(...page)
    const began = performance.now()
    found.push(await candidate(html, articles[page[1]?.replace('.html.gz', '') ?? '']?.url ?? structureUrl).catch(() => ''))
    ms += performance.now() - began
  }
  const mib = process.resourceUsage().maxRSS / 1024
  const scores = found.map((text, i): Scores => {
    const [set, id = ''] = pages[i] as string[]
    if (set === 'structure')
      return { precision: 0, recall: 0, structure: structureOf(read('structure', id, 'expected.html.gz'), text) }
    return {
      ...overlap(grams(words(articles[id.replace('.html.gz', '')]?.articleBody ?? '')), grams(words(plain(text)))),
      structure: [],
    }
  })
  return { scores, ms: ms / pages.length, mib }
}

function trafilatura(python: string): { scores: Scores[]; ms: number; mib: number } {
  const program = `
import gzip, json, resource, sys, time, trafilatura
found, began = {}, time.process_time()
for id in json.load(open(sys.argv[1] + '/articles.json')):
    found[id] = trafilatura.extract(gzip.open(sys.argv[1] + '/articles/' + id + '.html.gz').read(), include_comments=False) or ''
print(json.dumps([found, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))`
  const { stdout, stderr } = spawnSync(python, ['-c', program, folder], { encoding: 'utf8', maxBuffer: 1e9 })
  if (stdout === '') throw new Error(stderr)
  const [found, seconds, mib] = JSON.parse(stdout)
  const scores = Object.entries(articles).map(([id, { articleBody }]) => ({
    ...overlap(grams(words(articleBody)), grams(words(plain(found[id])))),
    structure: [],
  }))
  return { scores, ms: (seconds * 1_000) / scores.length, mib }
}

function row(name: string, { scores, ms, mib }: { scores: Scores[]; ms: number; mib: number }): string {
  const list = scores.slice(0, Object.keys(articles).length)
  const mean = (figure: (score: Scores) => number): number => list.reduce((sum, score) => sum + figure(score), 0) / list.length
  const [precision, recall] = [mean((score) => score.precision), mean((score) => score.recall)]
  const share = kinds.map((_, kind) => {
    const [wanted, kept] = scores
      .slice(list.length)
      .reduce(([a, b], { structure }) => [a + (structure[kind]?.[0] ?? 0), b + (structure[kind]?.[1] ?? 0)], [0, 0])
    return wanted === 0 ? '–' : `${((100 * kept) / wanted).toFixed(1)} %`
  })
  const low = list.filter((score) => score.recall < 0.5).length
  const f1 = (2 * precision * recall) / (precision + recall)
  return `| ${name} | ${[f1, precision, recall].map((x) => x.toFixed(3)).join(' | ')} | ${low} | ${share.join(' | ')} | ${ms.toFixed(0)} | ${mib.toFixed(0)} |`
}

if (options.run !== undefined) console.log(JSON.stringify(await runAll(candidates[options.run] as Candidate)))
else {
  console.log(
    `| ${Object.keys(articles).length} articles, ${structures.length} pages of structure | F1 | precision | recall | recall < 0.5 | ${kinds.join(' | ')} | ms per page | peak MiB |`,
  )
  console.log(`|---${'|---'.repeat(6 + kinds.length)}|`)
  for (const name of Object.keys(candidates).filter((each) => options.only === undefined || each === options.only)) {
    const args = [
      '--import',
      'tsx',
      fileURLToPath(import.meta.url),
      folder,
      '--run',
      name,
      ...(options.packages ? ['--packages', options.packages] : []),
    ]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 })
    if (stdout === '') throw new Error(stderr)
    console.log(row(name, JSON.parse(stdout.slice(stdout.indexOf('{')))))
  }
  if (options.python !== undefined) console.log(row('trafilatura (Python)', trafilatura(options.python)))
}
