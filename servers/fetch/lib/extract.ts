// From the bytes of an answer to text for a model: which kind of content it is, which charset it has, and how it is read. Bytes are read while
// they arrive; no page is held as a whole.
import { contentKind } from '../../kit/content-kind.ts'
import { cleanText } from '../../kit/text.ts'
import { turnsOf } from '../../kit/waiting.ts'
import { parseUrl } from '../../kit/web-address.ts'
import type { PageForm, Pause } from '../types.ts'
import { charsetOf, decoder, metaCharset } from './charset.ts'
import { htmlEvents, type TokenizerClass } from './html-events.ts'
import { readHead } from './inflate.ts'
import { jsonIndenter } from './json-text.ts'
import { MarkdownWriter } from './markdown.ts'
import type { Block } from './outline.ts'
import { fewChars, select } from './selection.ts'

type ExtractRequest = PageForm & { readonly url: string; readonly contentType: string | undefined }

/** Five of the largest parts that a call may ask for; four such texts, twice while they are joined, and the cache have to fit into the container. */
const maxTextChars = 500_000
/** Small enough that a turn, which is measured between two of them, never lasts much longer. */
const sliceChars = 8_192
/** Of work before everything else that is due runs. Four pages take such turns one after the other. */
const turnMs = 6
/** Which kind of content it is shows in the first bytes. */
const kindBytes = 16_384
/** HTML may declare its charset after long comments, preloads and scripts. */
const headBytes = 256 * 1024

type Kind = 'html' | 'json' | 'text'

/** @param chunks is closed at the end @param signal ends it between two slices of work */
export async function extract(
  chunks: AsyncGenerator<Buffer, void>,
  request: ExtractRequest,
  tokenizer: () => Promise<TokenizerClass>,
  signal: AbortSignal,
) {
  const pause = turnsOf(turnMs)
  const notText = (type: string) => ({ text: '', method: `not text (${type})`, facts: {}, notes: [] })
  try {
    const declared = mediaTypeOf(request.contentType)
    if (binaryType.test(declared)) return notText(declared)
    let head: Buffer = Buffer.alloc(0)
    let kind: Kind = 'text'
    // A video is detected by its first bytes; waiting for more of it would be useless.
    for (const bytes of [1, kindBytes]) {
      head = await readHead(chunks, bytes, head)
      const found = kindOf(head, request.contentType)
      if (found.kind === 'binary') return notText(found.type)
      kind = found.kind
    }
    const charset = await charsetOf(head, request.contentType, async () => {
      if (kind !== 'html') return undefined
      head = await readHead(chunks, headBytes, head)
      return await metaCharset(head, await tokenizer(), pause)
    })
    const pieces = decoded(head, chunks, charset.name, signal)
    const found =
      kind === 'html' && !request.raw
        ? await readHtml(pieces, request, await tokenizer(), pause)
        : await readText(pieces, kind === 'json' && !request.raw, request.raw, pause)
    const method = charset.name === 'utf-8' ? found.method : `${found.method}, ${charset.name}`
    return { ...found, method, notes: [...charset.notes, ...found.notes] }
  } finally {
    await chunks.return()
  }
}

async function readText(pieces: AsyncIterable<string>, json: boolean, raw: boolean, pause: Pause) {
  const indent = json ? jsonIndenter() : (piece: string) => piece
  const kept: string[] = []
  let chars = 0
  for await (const piece of pieces) {
    const text = cleanText(indent(piece))
    kept.push(text)
    chars += text.length
    await pause()
    if (chars > maxTextChars) break
  }
  const cut = chars > maxTextChars
  const text = cut ? kept.join('').slice(0, maxTextChars) : kept.join('').trim()
  return { text, method: raw ? 'as it is' : json ? 'JSON, indented' : 'text', facts: {}, notes: cutNote(cut) }
}

async function readHtml(pieces: AsyncIterable<string>, request: ExtractRequest, Tokenizer: TokenizerClass, pause: Pause) {
  const writer = new MarkdownWriter({ baseUrl: request.url, links: request.links, maxChars: maxTextChars })
  const parser = htmlEvents(Tokenizer, writer, mediaTypeOf(request.contentType) === 'application/xhtml+xml')
  for await (const piece of pieces) {
    parser.write(piece)
    await pause()
    if (writer.cut) break
  }
  parser.end()
  return await contentOf(writer, pause)
}

/** Blocks of Markdown as one text. */
export function textOf(blocks: readonly Block[]): string {
  const text = blocks.map((block) => block.text).join('')
  return text.replace(/^\n+/, '')
}

/** The content of a page that is written to its end. */
export async function contentOf(writer: MarkdownWriter, pause: Pause) {
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
  if (refresh !== undefined)
    notes.push(`the page sends browsers on to ${cleanText(parseUrl(refresh, writer.base)?.href ?? refresh)}`)
  return {
    text: text === '' ? title : text,
    method,
    facts: { ...(title === '' ? {} : { title }), ...facts, ...(few && description !== undefined ? { description } : {}) },
    notes,
  }
}

function cutNote(cut: boolean): string[] {
  return cut ? [`the text was cut after ${maxTextChars} characters`] : []
}

/** The first type of `text/html; charset=…`; some servers send two, with a comma. */
function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? ''
}

const binaryType = /^(image|audio|video|font)\/(?!svg)|^application\/(pdf|zip|gzip|octet-stream\+)/
const looksHtml = /^\s*(?:<!--[\s\S]{0,500}?-->\s*)?<(?:!doctype html|html|head|body)\b/i
const looksJson = /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:[[{"\]\d-]|true|false|null|$))/
/** A text may have this share of NUL bytes; each is dropped. */
const maxNulShare = 0.01

function kindOf(head: Buffer, contentType: string | undefined): { kind: Kind } | { kind: 'binary'; type: string } {
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
  const start = head.toString('latin1', 0, 1_024).replace(/^\xef\xbb\xbf/, '')
  if ((isJson || isMarkup) && looksJson.test(start)) return { kind: 'json' }
  if (isMarkup) return { kind: 'html' }
  const unsure = declared === '' || declared === 'application/octet-stream'
  return { kind: unsure && looksHtml.test(start) ? 'html' : 'text' }
}

async function* decoded(head: Buffer, rest: AsyncIterable<Buffer>, charset: string, signal: AbortSignal): AsyncGenerator<string> {
  const decode = decoder(charset)
  async function* all(): AsyncGenerator<Buffer> {
    yield head
    yield* rest
  }
  for await (const bytes of all()) {
    for (let at = 0; at < bytes.length; at += sliceChars) {
      signal.throwIfAborted()
      yield decode(bytes.subarray(at, at + sliceChars))
    }
  }
  yield decode(undefined)
}
