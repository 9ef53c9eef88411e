// From the bytes of an answer to text for a model: which kind of content it is, its charset, and the way it is read. Bytes are read while they
// arrive; only a page that is small enough for a DOM is ever held as a whole.

import { contentKind } from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'
import { charsetOf, decoder } from './charset.ts'
import type { DomResult } from './dom.ts'
import { htmlEvents, type TokenizerClass } from './html-events.ts'
import { jsonIndenter } from './json-text.ts'
import { fewChars, type MarkdownOptions, MarkdownWriter, type PageFacts } from './markdown.ts'
import { pause } from './pause.ts'

export interface ExtractRequest {
  readonly url: string
  readonly contentType: string | undefined
  readonly raw: boolean
  readonly links: boolean
}

export interface ExtractTools {
  tokenizer(): Promise<TokenizerClass>
  /** The article of a small page, undefined when it has none or it cannot be had. */
  dom(html: string, request: { url: string; links: boolean }, signal: AbortSignal): Promise<DomResult | undefined>
}

export interface Extracted {
  readonly text: string
  readonly method: string
  readonly facts: PageFacts
  readonly notes: readonly string[]
  /** Bytes read, inflated. */
  readonly bytes: number
}

/** Readability costs about 100 MiB and 3 s for each MiB of HTML, most of it for elements. */
export const maxDomBytes = 256 * 1024
export const maxDomTags = 4_000
/** Five of the largest parts that a call may ask for; four such texts, twice while they are joined, and the cache have to fit into the container. */
export const maxTextChars = 500_000
/** Of the page's text: with less, Readability took one post of a thread, or one of many equal parts. */
const leastShare = 0.4
const sniffBytes = 4_096
/** Small enough that what `pause` measures between two of them is never far beyond its turn. */
const sliceChars = 8_192

type Kind = 'html' | 'json' | 'text' | 'binary'

/** @param signal ends it between two slices of work */
export async function extract(
  chunks: AsyncIterable<Buffer>,
  request: ExtractRequest,
  tools: ExtractTools,
  signal: AbortSignal,
): Promise<Extracted> {
  const iterator = chunks[Symbol.asyncIterator]()
  const source = new Source(iterator)
  try {
    // A film is known by its first bytes; nobody waits for more of it.
    let head = await source.head(1)
    let kind = kindOf(head, request.contentType)
    if (kind.kind !== 'binary') {
      head = await source.head(sniffBytes)
      kind = kindOf(head, request.contentType)
    }
    if (kind.kind === 'binary') {
      return { text: '', method: `not text (${kind.type})`, facts: {}, notes: [], bytes: head.length }
    }
    const charset = charsetOf(head, request.contentType)
    const notes = [
      ...(charset.unknown === undefined ? [] : [`the declared charset "${charset.unknown}" is unknown`]),
      ...(charset.source === 'guess' ? ['no charset is declared and the text is not UTF-8; it was read as windows-1252'] : []),
    ]
    const decode = decoder(charset.name)
    const pieces = decoded(source, decode, signal)
    const of = charset.name === 'utf-8' ? '' : `, ${charset.name}`
    if (kind.kind === 'html' && !request.raw) {
      const page = await extractHtml(source, decode, pieces, request, tools, signal)
      return { ...page, method: `${page.method}${of}`, notes: [...notes, ...page.notes], bytes: source.bytes }
    }
    const indent = kind.kind === 'json' && !request.raw ? jsonIndenter() : (piece: string) => piece
    const { text, cut } = await collect(pieces, indent)
    const method = `${request.raw ? 'as it is' : kind.kind === 'json' ? 'JSON, indented' : 'text'}${of}`
    return { text, method, facts: {}, notes: [...notes, ...cutNote(cut)], bytes: source.bytes }
  } finally {
    await iterator.return?.(undefined)
  }
}

async function extractHtml(
  source: Source,
  decode: (bytes: Buffer | undefined) => string,
  pieces: AsyncGenerator<string>,
  request: ExtractRequest,
  tools: ExtractTools,
  signal: AbortSignal,
): Promise<Omit<Extracted, 'bytes'>> {
  const { url, links } = request
  const options: MarkdownOptions = { baseUrl: url, links, maxChars: maxTextChars }
  const streamed = async (html: AsyncIterable<string>) => readStream(html, options, await tools.tokenizer())
  const whole = await source.head(maxDomBytes + 1)
  if (whole.length > maxDomBytes) return await streamed(pieces)
  const html = decode(source.take()) + decode(undefined)
  const page = await streamed(sliced(html, signal))
  // Most pages say themselves where their content is; for the others Readability finds it, if it can.
  if (page.sure || page.text.length < fewChars || countTags(html) > maxDomTags) return page
  const dom = await tools.dom(html, { url, links }, signal)
  return dom === undefined ? page : choose(dom, page)
}

/** What Readability took for the article, unless it took too little: lists, forums and shops are no articles. */
function choose(dom: DomResult, page: Omit<Extracted, 'bytes'>): Omit<Extracted, 'bytes'> {
  const facts = { ...page.facts, ...dom.facts }
  if (dom.text.length < fewChars || dom.text.length < leastShare * page.text.length) return { ...page, facts }
  return { text: dom.text, method: 'article', facts, notes: dom.cut ? cutNote(true) : [] }
}

export interface Streamed extends Omit<Extracted, 'bytes'> {
  /** The page itself says which part of it is the main one. */
  readonly sure: boolean
}

/** The extraction without a DOM: one pass, with memory for the text only. */
export async function readStream(
  html: AsyncIterable<string>,
  options: MarkdownOptions,
  Tokenizer: TokenizerClass,
): Promise<Streamed> {
  const writer = new MarkdownWriter(options)
  const parser = htmlEvents(Tokenizer, writer)
  for await (const piece of html) {
    parser.write(piece)
    await pause()
    if (writer.cut) break
  }
  parser.end()
  const text = await writer.finish(pause)
  const { title = '', description = '' } = writer.facts
  const notes = cutNote(writer.cut)
  if (text.length < fewChars) {
    notes.push('the page has hardly any text of its own; if scripts fill it in a browser, use a tool that drives one')
  }
  const facts = text.length < fewChars && description !== '' ? writer.facts : { ...writer.facts, description: '' }
  return { text: text === '' ? title : text, method: writer.sure ? 'main part' : 'whole page', facts, notes, sure: writer.sure }
}

function cutNote(cut: boolean): string[] {
  return cut ? [`the text was cut after ${maxTextChars} characters`] : []
}

function kindOf(head: Buffer, contentType: string | undefined): { kind: Kind; type: string } {
  const declared = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const content = contentKind(head)
  const wide = /charset\s*=\s*["']?utf-?(16|32)/i.test(contentType ?? '')
  if (content.kind !== 'text' && !wide) return { kind: 'binary', type: content.type }
  if (/^(image|audio|video|font)\/(?!svg)|^application\/(pdf|zip|gzip|octet-stream\+)/.test(declared)) {
    return { kind: 'binary', type: declared }
  }
  if (declared === 'text/html' || declared === 'application/xhtml+xml') return { kind: 'html', type: declared }
  if (/^(application|text)\/json$|\+json$/.test(declared)) return { kind: 'json', type: declared }
  const unsure = declared === '' || declared === 'application/octet-stream' || declared === 'text/plain'
  const looksHtml = /^\s*(?:<!--[\s\S]{0,500}?-->\s*)?<(?:!doctype html|html|head|body)\b/i.test(
    head.toString('latin1', 0, 1_024),
  )
  return { kind: unsure && declared !== 'text/plain' && looksHtml ? 'html' : 'text', type: declared }
}

/** Bytes that are read ahead, and then what follows them. */
class Source {
  readonly #iterator: AsyncIterator<Buffer>
  #ahead: Buffer[] = []
  #aheadBytes = 0
  #ended = false
  bytes = 0

  constructor(iterator: AsyncIterator<Buffer>) {
    this.#iterator = iterator
  }

  /** At least so many bytes from here on, or all there are; they stay where they are. */
  async head(bytes: number): Promise<Buffer> {
    while (this.#aheadBytes < bytes && !this.#ended) await this.#read()
    return this.#joined()
  }

  take(): Buffer {
    const joined = this.#joined()
    this.#ahead = []
    this.#aheadBytes = 0
    return joined
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#aheadBytes === 0 && !this.#ended) await this.#read()
    return this.#aheadBytes === 0 ? undefined : this.take()
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#iterator.next()
    if (done === true) {
      this.#ended = true
      return
    }
    this.#ahead.push(value)
    this.#aheadBytes += value.length
    this.bytes += value.length
  }

  #joined(): Buffer {
    const joined = this.#ahead.length === 1 ? (this.#ahead[0] as Buffer) : Buffer.concat(this.#ahead)
    this.#ahead = [joined]
    return joined
  }
}

async function* decoded(
  source: Source,
  decode: (bytes: Buffer | undefined) => string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (;;) {
    const bytes = await source.next()
    if (bytes === undefined) break
    for (let at = 0; at < bytes.length; at += sliceChars) {
      signal.throwIfAborted()
      yield decode(bytes.subarray(at, at + sliceChars))
    }
  }
  yield decode(undefined)
}

async function* sliced(text: string, signal: AbortSignal): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += sliceChars) {
    signal.throwIfAborted()
    yield text.slice(at, at + sliceChars)
  }
}

async function collect(
  pieces: AsyncIterable<string>,
  change: (piece: string) => string,
): Promise<{ text: string; cut: boolean }> {
  const kept: string[] = []
  let chars = 0
  for await (const piece of pieces) {
    const text = cleanText(change(piece))
    await pause()
    if (chars + text.length > maxTextChars) {
      kept.push(text.slice(0, maxTextChars - chars))
      return { text: kept.join(''), cut: true }
    }
    kept.push(text)
    chars += text.length
  }
  return { text: kept.join('').trim(), cut: false }
}

/** Elements that the page opens, up to one more than a DOM may have. */
function countTags(html: string): number {
  let count = 0
  for (let at = html.indexOf('<'); at !== -1 && count <= maxDomTags; at = html.indexOf('<', at + 1)) {
    const code = html.charCodeAt(at + 1) | 0x20
    if (code >= 0x61 && code <= 0x7a) count += 1
  }
  return count
}
