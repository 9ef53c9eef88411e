// From the bytes of an answer to text for a model: which kind of content it is, which charset it has, and how it is read. Bytes are read while
// they arrive; no page is held as a whole.
import { contentKind } from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'
import type { PageFacts } from '../types.ts'
import { type Charset, charsetName, charsetOf, decoder, prescanBytes } from './charset.ts'
import { htmlEvents, type TokenizerClass } from './html-events.ts'
import { jsonIndenter } from './json-text.ts'
import { MarkdownWriter, resolve } from './markdown.ts'
import { pause } from './pause.ts'
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
  /** Bytes read, inflated. */
  readonly bytes: number
}

/** Five of the largest parts that a call may ask for; four such texts, twice while they are joined, and the cache have to fit into the container. */
const maxTextChars = 500_000
/** Small enough that what `pause` measures between two of them is never far beyond its turn. */
const sliceChars = 8_192
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
    const head = await source.head(1)
    if (kind.kind === 'binary') return { text: '', method: `not text (${kind.type})`, facts: {}, notes: [], bytes: head.length }
    const charset = charsetOf(head, request.contentType)
    const found =
      kind.kind === 'html' && !request.raw
        ? await extractHtml(source, charset, request, await tokenizer(), signal)
        : await extractText(source, charset, kind.kind === 'json' && !request.raw, request.raw, signal)
    return { ...found, bytes: source.bytes }
  } finally {
    await iterator.return?.(undefined)
  }
}

type Found = Omit<Extracted, 'bytes'>

async function extractText(source: Source, charset: Charset, json: boolean, raw: boolean, signal: AbortSignal): Promise<Found> {
  const indent = json ? jsonIndenter() : (piece: string) => piece
  const kept: string[] = []
  let chars = 0
  let cut = false
  for await (const piece of decoded(source, charset, signal)) {
    const text = cleanText(indent(piece)).slice(0, maxTextChars + 1 - chars)
    kept.push(text)
    chars += text.length
    await pause()
    cut = chars > maxTextChars
    if (cut) break
  }
  const text = cut ? kept.join('').slice(0, maxTextChars) : kept.join('').trim()
  const method = raw ? 'as it is' : json ? 'JSON, indented' : 'text'
  return { text, method: withCharset(method, charset), facts: {}, notes: [...charsetNotes(charset), ...cutNote(cut)] }
}

async function extractHtml(
  source: Source,
  charset: Charset,
  { url, links, contentType }: ExtractRequest,
  Tokenizer: TokenizerClass,
  signal: AbortSignal,
): Promise<Found> {
  const writer = new MarkdownWriter({ baseUrl: url, links, maxChars: maxTextChars })
  const parser = htmlEvents(Tokenizer, writer, mediaTypeOf(contentType) === 'application/xhtml+xml')
  for await (const piece of decoded(source, charset, signal)) {
    parser.write(piece)
    await pause()
    if (writer.cut) break
    // The scan of the first bytes knows neither scripts nor what comes later; what the parser finds is surer (HTML §13.2.3.4).
    const declared = charset.certain ? undefined : charsetName(writer.metadata.charset)
    if (declared !== undefined && declared !== charset.name && source.rewind()) {
      const again: Charset = { ...charset, name: declared, source: 'page', certain: true }
      return await extractHtml(source, again, { url, links, contentType, raw: false }, Tokenizer, signal)
    }
  }
  parser.end()
  const found = await contentOf(writer)
  return { ...found, method: withCharset(found.method, charset), notes: [...charsetNotes(charset), ...found.notes] }
}

/** The content of a page that is written to its end. */
export async function contentOf(writer: MarkdownWriter): Promise<Found> {
  writer.end()
  const { keep, method, hiddenChars, hiddenKept } = await select(writer, pause)
  const text = await writer.render(keep, pause)
  const { title = '', description, ...facts } = writer.metadata.facts
  const few = text.length < fewChars
  const notes = cutNote(writer.cut)
  if (hiddenKept) notes.push('the page shows this text only after a script ran')
  else if (few) notes.push('the page has hardly any text of its own; if scripts fill it in a browser, use a tool that drives one')
  if (!hiddenKept && hiddenChars + writer.hiddenChars >= fewChars)
    notes.push(`${hiddenChars + writer.hiddenChars} characters that the page hides until a script shows them are left out`)
  const { refresh } = writer.metadata
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

/** Bytes that are read ahead, and then what follows them. */
class Source {
  readonly #iterator: AsyncIterator<Buffer>
  #ahead: Buffer[] = []
  /** What was given out, as long as it is kept. */
  #given: Buffer[] | undefined = []
  #givenBytes = 0
  #ended = false
  bytes = 0

  constructor(iterator: AsyncIterator<Buffer>) {
    this.#iterator = iterator
  }

  /** At least so many bytes from here on, or all there are; they stay where they are. */
  async head(bytes: number): Promise<Buffer> {
    while (this.#ahead.reduce((sum, { length }) => sum + length, 0) < bytes && !this.#ended) await this.#read()
    const joined = this.#ahead.length === 1 ? (this.#ahead[0] as Buffer) : Buffer.concat(this.#ahead)
    this.#ahead = [joined]
    return joined
  }

  async next(): Promise<Buffer | undefined> {
    while (this.#ahead.length === 0 && !this.#ended) await this.#read()
    const next = this.#ahead.shift()
    if (next === undefined) return undefined
    this.#givenBytes += next.length
    if (this.#givenBytes > maxRewindBytes) this.#given = undefined
    this.#given?.push(next)
    return next
  }

  /** Back to the start. @returns false when that is no longer kept */
  rewind(): boolean {
    if (this.#given === undefined) return false
    this.#ahead.unshift(...this.#given)
    this.#given = []
    this.#givenBytes = 0
    return true
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#iterator.next()
    if (done === true) {
      this.#ended = true
      return
    }
    this.#ahead.push(value)
    this.bytes += value.length
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
