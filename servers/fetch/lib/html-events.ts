// HTML as a stream of opened and closed elements and text, with memory that does not grow with the page: the tokenizer of htmlparser2 without
// its parser, whose stack and buffers a hostile page can make as large as itself.
import type { HtmlEvents } from '../types.ts'
import { namesIn } from './visibility.ts'

/** htmlparser2's Tokenizer, which only backend.ts loads. */
export type TokenizerClass = new (
  options: { decodeEntities: boolean },
  callbacks: Readonly<Record<string, (start: number, end: number, offset: number) => void>>,
) => { write(chunk: string): void; end(): void }

const wanted = namesIn(
  'href src alt class id style hidden aria-hidden role lang content name property datetime itemprop colspan rowspan start value alttext display encoding type http-equiv data-lang data-src data-original charset',
)
const maxAttributeChars = 4_096
/** Of earlier chunks so much is kept: names that are longer and comments do not matter. */
const keptChars = 256

const ignore = (): void => {}

/** @param xhtml every element may close itself, and CDATA is text @returns feeds text; call `end` once after the last */
export function htmlEvents(Tokenizer: TokenizerClass, events: HtmlEvents, xhtml = false) {
  let text = ''
  let offset = 0 // of `text` in the whole page
  let tag = ''
  let attributes: Record<string, string | undefined> = {}
  let attribute: string | undefined
  let value = ''
  const slice = (start: number, end: number): string => text.slice(Math.max(0, start - offset), Math.max(0, end - offset))
  let depth = 0 // of foreign elements
  const flush = (): void => {
    if (foreign.has(tag)) depth += 1
    if (tag !== '') events.open(tag, attributes)
  }
  const close = (name: string): void => {
    if (foreign.has(name) && depth > 0) depth -= 1
    events.close(name)
  }
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      onopentagname(start, end) {
        tag = slice(start, end).toLowerCase()
        attributes = {}
      },
      onattribname(start, end) {
        const name = slice(start, end).toLowerCase()
        attribute = wanted.has(name) && attributes[name] === undefined ? name : undefined
        value = ''
      },
      onattribdata(start, end) {
        if (attribute !== undefined && value.length < maxAttributeChars) value += slice(start, end)
      },
      onattribentity(codepoint) {
        if (attribute !== undefined && value.length < maxAttributeChars) value += String.fromCodePoint(codepoint)
      },
      onattribend() {
        if (attribute !== undefined) attributes[attribute] = value
        attribute = undefined
      },
      onopentagend: flush,
      onselfclosingtag() {
        flush()
        if (xhtml || depth > 0) close(tag)
      },
      onclosetag(start, end) {
        close(slice(start, end).toLowerCase())
      },
      ontext(start, end) {
        events.text(slice(start, end))
      },
      ontextentity(codepoint) {
        events.text(String.fromCodePoint(codepoint))
      },
      oncdata(start, end, offset) {
        if (xhtml) events.text(slice(start, end - offset))
      },
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onend: ignore,
    },
  )
  return {
    write(chunk: string): void {
      const kept = text.slice(-keptChars)
      offset += text.length - kept.length
      text = kept + chunk
      tokenizer.write(chunk)
    },
    end: (): void => tokenizer.end(),
  }
}

/** HTML lets these, and what is inside them, close themselves; `<div/>` does not. */
const foreign = namesIn('svg math')
