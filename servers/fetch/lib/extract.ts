// From the bytes of an answer to text for a model: which kind of content it is, which charset it has, and how it is read. Bytes are read while
// they arrive; no page is held as a whole.
import { contentKind } from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'
import { Turns } from '../../kit/waiting.ts'
import type { PageFacts } from '../types.ts'
import { type Charset, charsetName, charsetOf, decoder, prescanBytes } from './charset.ts'
import { htmlEvents, type TokenizerClass } from './html-events.ts'
import { jsonIndenter } from './json-text.ts'
import { MarkdownWriter, resolve } from './markdown.ts'
import type { Block } from './outline.ts'
import { fewChars, select } from './selection.ts'

interface ExtractRequest {
  readonly url: string
  readonly contentType: string | undefined
  readonly raw: boolean
  readonly links: boolean
}

interface Extracted {
  readonly text: string
  readonly method: string
  readonly facts: PageFacts
  readonly notes: readonly string[]
}

/** Five of the largest parts that a call may ask for; four such texts, twice while they are joined, and the cache have to fit into the container. */
const maxTextChars = 500_000
/** Small enough that a turn, which is measured between two of them, never lasts much longer. */
const sliceChars = 8_192
/** Of work before everything else that is due runs. Four pages take such turns one after the other. */
const turnMs = 6
/** Kept, so that a page can be decoded again when it declares another charset. */
const maxRewindBytes = 256 * 1024

type Kind = 'html' | 'json' | 'text' | 'binary'

/** @param signal ends it between two slices of work */
export async function extract(
  chunks: AsyncIterable<Buffer>,
  request: ExtractRequest,
  tokenizer: () => Promise<TokenizerClass>,
  signal: AbortSignal,
): Promise<Extracted> {
  const iterator = chunks[Symbol.asyncIterator]()
  const source = new Source(iterator)
  try {
    // A video is detected by its first bytes; waiting for more of it would be useless.
    let kind = kindOf(await source.head(1), request.contentType)
    if (kind.kind !== 'binary') kind = kindOf(await source.head(prescanBytes), request.contentType)
    if (kind.kind === 'binary') return { text: '', method: `not text (${kind.type})`, facts: {}, notes: [] }
    const charset = charsetOf(await source.head(1), request.contentType)
    return kind.kind === 'html' && !request.raw
      ? await extractHtml(source, charset, request, await tokenizer(), signal)
      : await extractText(source, charset, kind.kind === 'json' && !request.raw, request.raw, signal)
  } finally {
    await iterator.return?.(undefined)
  }
}

async function extractText(
  source: Source,
  charset: Charset,
  json: boolean,
  raw: boolean,
  signal: AbortSignal,
): Promise<Extracted> {
  const turns = new Turns(turnMs)
  const indent = json ? jsonIndenter() : (piece: string) => piece
  const kept: string[] = []
  let chars = 0
  for await (const piece of decoded(source, charset, signal)) {
    const text = cleanText(indent(piece))
    kept.push(text)
    chars += text.length
    await turns.yield()
    if (chars > maxTextChars) break
  }
  const cut = chars > maxTextChars
  const text = cut ? kept.join('').slice(0, maxTextChars) : kept.join('').trim()
  const method = raw ? 'as it is' : json ? 'JSON, indented' : 'text'
  return { text, method: withCharset(method, charset), facts: {}, notes: [...charsetNotes(charset), ...cutNote(cut)] }
}

async function extractHtml(
  source: Source,
  charset: Charset,
  request: ExtractRequest,
  Tokenizer: TokenizerClass,
  signal: AbortSignal,
): Promise<Extracted> {
  const turns = new Turns(turnMs)
  const writer = new MarkdownWriter({ baseUrl: request.url, links: request.links, maxChars: maxTextChars })
  const parser = htmlEvents(Tokenizer, writer, mediaTypeOf(request.contentType) === 'application/xhtml+xml')
  for await (const piece of decoded(source, charset, signal)) {
    parser.write(piece)
    await turns.yield()
    if (writer.cut) break
    // The scan of the first bytes knows neither scripts nor what comes later; what the parser finds is surer (HTML §13.2.3.4).
    const declared = charset.certain ? undefined : charsetName(writer.metadata.charset)
    if (declared !== undefined && declared !== charset.name && source.rewind())
      return await extractHtml(source, { ...charset, name: declared, source: 'page', certain: true }, request, Tokenizer, signal)
  }
  parser.end()
  const found = await contentOf(writer, () => turns.yield())
  return { ...found, method: withCharset(found.method, charset), notes: [...charsetNotes(charset), ...found.notes] }
}

/** Blocks of Markdown as one text. */
export function textOf(blocks: readonly Block[]): string {
  return blocks
    .map(({ text }) => text)
    .join('')
    .replace(/^\n+/, '')
}

/** The content of a page that is written to its end. @param pause called between slices of work */
export async function contentOf(writer: MarkdownWriter, pause: () => Promise<void>): Promise<Extracted> {
  writer.end()
  const { kept, method, hiddenChars, hiddenKept } = await select(writer, pause)
  const text = textOf(kept)
  const { title = '', description, ...facts } = writer.metadata.facts
  const { refresh } = writer.metadata
  const few = text.length < fewChars
  const hidden = hiddenChars + writer.hiddenChars
  const notes = cutNote(writer.cut)
  if (hiddenKept) notes.push('the page shows this text only after a script ran')
  else if (few) notes.push('the page has hardly any text of its own; if scripts fill it in a browser, use a tool that drives one')
  if (!hiddenKept && hidden >= fewChars)
    notes.push(`${hidden} characters that the page hides until a script shows them are left out`)
  if (refresh !== undefined) notes.push(`the page sends browsers on to ${cleanText(resolve(refresh, writer.base) ?? refresh)}`)
  return {
    text: text === '' ? title : text,
    method,
    facts: { ...(title === '' ? {} : { title }), ...facts, ...(few && description !== undefined ? { description } : {}) },
    notes,
  }
}

function withCharset(method: string, { name }: Charset): string {
  return name === 'utf-8' ? method : `${method}, ${name}`
}

function charsetNotes({ unknown, source, name }: Charset): string[] {
  return [
    ...(unknown === undefined ? [] : [`the declared charset "${unknown}" is unknown`]),
    ...(source === 'guess' ? [`no charset is declared and the text is not UTF-8; it was read as ${name}`] : []),
  ]
}

function cutNote(cut: boolean): string[] {
  return cut ? [`the text was cut after ${maxTextChars} characters`] : []
}

/** The first type of `text/html; charset=…`; some servers send two, with a comma. */
function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? ''
}

const looksHtml = /^\s*(?:<!--[\s\S]{0,500}?-->\s*)?<(?:!doctype html|html|head|body)\b/i
const looksJson = /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:[[{"\]\d-]|true|false|null|$))/
/** A text may have this share of NUL bytes; each is dropped. */
const maxNulShare = 0.01

function kindOf(head: Buffer, contentType: string | undefined): { kind: Kind; type: string } {
  const declared = mediaTypeOf(contentType)
  const isMarkup = declared === 'text/html' || declared === 'application/xhtml+xml'
  const isJson = /^(application|text)\/json$|\+json$/.test(declared)
  const wide = /charset\s*=\s*["']?utf-?(16|32)/i.test(contentType ?? '')
  let content = contentKind(head)
  if (content.kind === 'binary' && (isMarkup || isJson || declared.startsWith('text/'))) {
    const rest = head.filter((byte) => byte !== 0)
    if (head.length - rest.length <= Math.max(1, head.length * maxNulShare) && rest.length > 0)
      content = contentKind(Buffer.from(rest))
  }
  if (content.kind !== 'text' && !wide) return { kind: 'binary', type: content.type }
  if (/^(image|audio|video|font)\/(?!svg)|^application\/(pdf|zip|gzip|octet-stream\+)/.test(declared)) {
    return { kind: 'binary', type: declared }
  }
  const start = head.toString('latin1', 0, 1_024).replace(/^\xef\xbb\xbf/, '')
  if ((isJson || isMarkup) && looksJson.test(start)) return { kind: 'json', type: declared }
  if (isMarkup) return { kind: 'html', type: declared }
  const unsure = declared === '' || declared === 'application/octet-stream'
  return { kind: unsure && looksHtml.test(start) ? 'html' : 'text', type: declared }
}

/** The bytes of a body. The first ones are kept, so that they can be looked at and read again. */
class Source {
  #bytes = 0
  readonly #iterator: AsyncIterator<Buffer>
  #kept: Buffer[] = []
  #next = 0
  #keepsStart = true

  constructor(iterator: AsyncIterator<Buffer>) {
    this.#iterator = iterator
  }

  /** At least so many bytes from the start, or all there are. To be called before `next`. */
  async head(bytes: number): Promise<Buffer> {
    while (this.#bytes < bytes && (await this.#read()));
    return Buffer.concat(this.#kept)
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#next === this.#kept.length && !(await this.#read())) return undefined
    const next = this.#kept[this.#next++]
    if (this.#bytes > maxRewindBytes && this.#next === this.#kept.length) {
      this.#keepsStart = false
      this.#kept = []
      this.#next = 0
    }
    return next
  }

  /** Back to the start. @returns false when that is no longer kept */
  rewind(): boolean {
    if (this.#keepsStart) this.#next = 0
    return this.#keepsStart
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#iterator.next()
    if (done === true) return false
    this.#kept.push(value)
    this.#bytes += value.length
    return true
  }
}

async function* decoded(source: Source, charset: Charset, signal: AbortSignal): AsyncGenerator<string> {
  const decode = decoder(charset.name)
  for (let bytes = await source.next(); bytes !== undefined; bytes = await source.next()) {
    for (let at = 0; at < bytes.length; at += sliceChars) {
      signal.throwIfAborted()
      yield decode(bytes.subarray(at, at + sliceChars))
    }
  }
  yield decode(undefined)
}
