// Text of a result: cleaned, cut at a limit, read as JSON, and written as JSON that hides nothing.
import { visibleJson } from '../../protocol/index.ts'

export { visibleJson }

/** The value of JSON text of any length; undefined when it is not JSON. The protocol's `tryJson` also refuses too many values. */
export function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const escapeSequences =
  /\x1b(?:\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|[PX^_][^\x1b]{0,2000}\x1b\\|[ -/]*[0-~])/g
// C0 but tab and newline, DEL, C1, zero-width space, bidi controls, line and paragraph separator, Hangul fillers, byte order mark, tag
// characters, variation selectors 17 to 256. ZWJ and ZWNJ are real text in many scripts.
const hiddenCharacters =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u115f\u1160\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\u3164\ufeff]|[\u{e0000}-\u{e007f}]|[\u{e0100}-\u{e01ef}]/gu

/** Removes what a person would not see but a model or a terminal would read: escape sequences, controls, invisible and bidi characters. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(escapeSequences, '').replace(hiddenCharacters, '')
}

/** Cuts one cell or line, saying how much is missing. Never cuts a surrogate pair in two. */
export function clip(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const end = codePointEnd(text, maxChars)
  return `${text.slice(0, end)}…[+${text.length - end} chars]`
}

/** Foreign text as one cell of a table, or a part of a sentence of our own. */
export function oneLine(text: string, maxChars = 200): string {
  return clip(cleanText(text).replace(/[\t\n]+/g, ' '), maxChars)
}

/** A foreign name in a sentence of our own: a JSON string, because it may hold anything. */
export function quoted(name: string, maxChars = 80): string {
  const json = visibleJson(name)
  return json.length <= maxChars ? json : `${clip(json, maxChars)}"`
}

/** The first lines that fit, and at least one, so that every page makes progress. */
export function fitLines(lines: Iterable<string>, maxChars: number): string[] {
  const shown: string[] = []
  let chars = 0
  for (const line of lines) {
    chars += line.length + 1
    if (chars > maxChars && shown.length > 0) break
    shown.push(line)
  }
  return shown
}

/**
 * The longest beginning of `text` with at most `maxChars` UTF-16 units that ends after a line, or, where no line ends in its second half,
 * between two code points. The length of what is returned is where the next page starts.
 */
export function fitText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const line = text.lastIndexOf('\n', maxChars - 1) + 1
  return text.slice(0, line > maxChars / 2 ? line : codePointEnd(text, maxChars))
}

/** `maxChars`, or one less where that would cut a surrogate pair in two. */
function codePointEnd(text: string, maxChars: number): number {
  const code = text.charCodeAt(maxChars - 1)
  return code >= 0xd800 && code <= 0xdbff ? maxChars - 1 : maxChars
}
