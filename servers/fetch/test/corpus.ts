// The corpus of page shapes, and how well an extraction keeps their facts and leaves out the rest.
import { readdirSync, readFileSync } from 'node:fs'
import { Readability } from '@mozilla/readability'
import { Tokenizer } from 'htmlparser2'
import { parseHTML } from 'linkedom'
import type { DomLibraries } from '../lib/dom.ts'
import type { TokenizerClass } from '../lib/html-events.ts'

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

/** The worker's libraries, in this thread. */
export const libraries: DomLibraries = {
  parse: (html) => parseHTML(html).document as never,
  readable: (document) => readArticle(document, (element) => element) as never,
}

export function readArticle(document: unknown, serializer: (element: never) => unknown) {
  const article = new Readability(document as never, {
    keepClasses: true,
    charThreshold: 200,
    serializer: serializer as never,
  }).parse()
  return article?.content == null
    ? undefined
    : {
        content: article.content as unknown,
        title: article.title ?? '',
        byline: article.byline ?? '',
        published: article.publishedTime ?? '',
        language: article.lang ?? '',
      }
}

export async function* pieces(text: string, size = 16_384): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}
