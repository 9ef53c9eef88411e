// Ways to make Markdown of a page, side by side: what they keep of the corpus, what they leave out, time and memory.
// Usage: npx tsx bench/fetch.ts [--faults]; it starts itself as `--measure CANDIDATE KIB` for each figure of memory.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
// @ts-expect-error it has no types
import { gfm } from '@joplin/turndown-plugin-gfm'
import { parseHTML } from 'linkedom'
import Turndown from 'turndown'
import { extractDom } from '../servers/fetch/lib/dom.ts'
import { extract, readStream } from '../servers/fetch/lib/extract.ts'
import type { PageFacts } from '../servers/fetch/lib/markdown.ts'
import {
  corpusUrl,
  faultsOf,
  libraries,
  pieces,
  readArticle,
  readCorpus,
  type Shape,
  tokenizer,
} from '../servers/fetch/test/corpus.ts'

type Candidate = (html: string) => Promise<string>

const options = { baseUrl: corpusUrl, links: true, maxChars: 2_000_000 }
const withFacts = (facts: PageFacts, text: string): string =>
  `${Object.entries(facts)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n\n${text}`

const candidates: Record<string, Candidate> = {
  async 'readability + turndown'(html) {
    const { document } = parseHTML(html)
    const article = readArticle(document, (element) => element)
    if (article === undefined) return ''
    const { content, ...facts } = article
    return withFacts(facts, turndown().turndown(content as never))
  },
  async 'readability + our writer'(html) {
    const found = await extractDom({ html, url: corpusUrl, links: true, maxChars: options.maxChars }, libraries)
    return found === undefined ? '' : withFacts(found.facts, found.text)
  },
  async 'stream only'(html) {
    const { facts, text } = await readStream(pieces(html), options, tokenizer)
    return withFacts(facts, text)
  },
  async 'as the server does it'(html) {
    const found = await extract(
      bytes(html),
      { url: corpusUrl, contentType: 'text/html; charset=utf-8', raw: false, links: true },
      {
        tokenizer: async () => tokenizer,
        dom: (page, { url, links }) => extractDom({ html: page, url, links, maxChars: options.maxChars }, libraries),
      },
      new AbortController().signal,
    )
    return withFacts(found.facts, found.text)
  },
}

function turndown(): Turndown {
  const service = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
  service.use(gfm as never)
  return service
}

async function* bytes(html: string): AsyncGenerator<Buffer> {
  for await (const piece of pieces(html)) yield Buffer.from(piece)
}

const [mode, name = '', size = '0'] = process.argv.slice(2)
if (mode === '--measure') await measure(name, Number(size) * 1024)
else await compare(readCorpus(), mode === '--faults')

/** A page of this size as blogs and documentation have them. */
function pageOf(length: number): string {
  const part = (i: number): string =>
    `<section><h2>Part ${i}</h2><p>Some <b>text</b> with <a href="/p/${i}">a link</a> and <code>code_${i}</code>, long enough to be a paragraph of an article.</p><ul><li>one</li><li>two</li></ul></section>`
  const parts: string[] = []
  for (let chars = 0, i = 0; chars < length; i++) {
    parts.push(part(i))
    chars += (parts[i] as string).length
  }
  return `<!doctype html><html><head><title>Large</title></head><body><nav><a href="/">Home</a></nav><article>${parts.join('')}</article></body></html>`
}

async function measure(candidate: string, length: number): Promise<void> {
  const run = candidates[candidate] as Candidate
  await run(pageOf(2_000))
  const html = pageOf(length)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const started = performance.now()
  await run(html)
  const ms = performance.now() - started
  peak = Math.max(peak, process.resourceUsage().maxRSS * 1024)
  console.log(JSON.stringify({ ms, mib: (peak - before) / 1024 / 1024 }))
}

function measured(candidate: string, kib: number): { ms: number; mib: number } {
  const args = ['--expose-gc', '--import', 'tsx', fileURLToPath(import.meta.url), '--measure', candidate, String(kib)]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

async function compare(corpus: readonly Shape[], showFaults: boolean): Promise<void> {
  const all = corpus.reduce((sum, { must, mustNot }) => sum + must.length + mustNot.length, 0)
  console.log(`${corpus.length} page shapes, ${all} expectations`)
  console.log('| | facts kept | noise left out | pages without a fault | ms for the corpus | 384 KiB | 5 MiB |')
  console.log('|---|---|---|---|---|---|---|')
  const faults: string[] = []
  for (const [candidate, run] of Object.entries(candidates)) {
    let lost = 0
    let kept = 0
    let clean = 0
    for (const shape of corpus) {
      const found = faultsOf(shape, await run(shape.html))
      lost += found.filter((fault) => fault.startsWith('lost')).length
      kept += found.filter((fault) => fault.startsWith('kept')).length
      if (found.length === 0) clean += 1
      else faults.push(`${candidate}: ${shape.name}: ${found.join('; ')}`)
    }
    const started = performance.now()
    for (const { html } of corpus) await run(html)
    const ms = performance.now() - started
    const must = corpus.reduce((sum, shape) => sum + shape.must.length, 0)
    const mustNot = all - must
    const small = measured(candidate, 384)
    // What needs a DOM takes minutes and a gigabyte here, and the server never does it.
    const large = candidate.startsWith('readability') ? undefined : measured(candidate, 5 * 1024)
    const figure = (figures: typeof small | undefined): string =>
      figures === undefined ? '–' : `${Math.round(figures.ms)} ms, +${Math.round(figures.mib)} MiB`
    console.log(
      `| ${candidate} | ${must - lost}/${must} | ${mustNot - kept}/${mustNot} | ${clean}/${corpus.length} | ${Math.round(ms)} | ${figure(small)} | ${figure(large)} |`,
    )
  }
  if (showFaults) console.log(faults.join('\n'))
}
