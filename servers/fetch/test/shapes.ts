// Page shapes, and how well an extraction keeps their facts and leaves out the rest.
import { readdirSync, readFileSync } from 'node:fs'
import { Tokenizer } from 'htmlparser2'
import { contentOf, extract } from '../lib/extract.ts'
import { htmlEvents, type TokenizerClass } from '../lib/html-events.ts'
import { MarkdownWriter } from '../lib/markdown.ts'

export interface Shape {
  readonly name: string
  readonly html: string
  /** Texts that have to survive, and texts that may not. */
  readonly must: readonly string[]
  readonly mustNot: readonly string[]
}

/** What relative links of the corpus are resolved against. */
export const corpusUrl = 'https://example.test/page'

const folder = new URL('fixtures/', import.meta.url)

export function readCorpus(): Shape[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.html'))
    .sort()
    .map((file) => {
      const name = file.replace(/\.html$/, '')
      const facts = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))
      return { name, html: readFileSync(new URL(file, folder), 'utf8'), must: facts.must, mustNot: facts.mustNot }
    })
}

/** What is missing and what is there although it should not be. Dialects of Markdown do not count: level of headings, escapes, spaces. */
export function faultsOf({ must, mustNot }: Shape, text: string): string[] {
  const found = plain(text)
  return [
    ...must.filter((fact) => !found.includes(plain(fact))).map((fact) => `lost: ${fact}`),
    ...mustNot.filter((noise) => text.includes(noise)).map((noise) => `kept: ${noise}`),
  ]
}

function plain(text: string): string {
  return text
    .replace(/^#+ /gm, '')
    .replace(/\\([^\w\s])/g, '$1')
    .replace(/^(\s*)\* /gm, '$1- ')
    .replace(/(^|[^*])_([^_\n]+)_(?!\w)/g, '$1*$2*')
    .replace(/[ \t]+/g, ' ')
}

export const tokenizer = Tokenizer as unknown as TokenizerClass

/** What the server shows of a page: facts, and its text. */
export async function readShape(
  html: string,
  contentType = 'text/html',
  links = true,
): Promise<{ text: string; content: string; notes: readonly string[]; method: string }> {
  const request = { url: corpusUrl, contentType, raw: false, links }
  const { facts, text, notes, method } = await extract(
    bytesOf(html),
    request,
    async () => tokenizer,
    new AbortController().signal,
  )
  const head = Object.entries(facts).map(([name, value]) => `${name}: ${value}`)
  return { text: [...head, '', text].join('\n'), content: text, notes, method }
}

/** A page that a writer is given in pieces of one size. */
export async function contentInPieces(html: string, size: number): Promise<string> {
  const writer = new MarkdownWriter({ baseUrl: corpusUrl, links: true, maxChars: 2_000_000 })
  const parser = htmlEvents(tokenizer, writer)
  for (let at = 0; at < html.length; at += size) parser.write(html.slice(at, at + size))
  parser.end()
  return (await contentOf(writer, async () => {})).text
}

async function* bytesOf(html: string): AsyncGenerator<Buffer> {
  yield Buffer.from(html)
}
