// Which encoding a text has (byte order mark, then the HTTP header, then the page's own declaration, then UTF-8), and its decoding in pieces.
import { byteOrderMark, decodeWindows1252 } from '../../kit/content-kind.ts'

export interface Charset {
  /** Name by the WHATWG Encoding standard. */
  readonly name: string
  readonly source: 'byte order mark' | 'header' | 'page' | 'default' | 'guess'
  /** Nothing that the page says later changes it. */
  readonly certain: boolean
  /** A label that was declared and is not known. */
  readonly unknown?: string
}

/** HTML §13.2.3.2 requires 1,024 bytes; pages with long comments or preloads before the declaration are common. */
export const prescanBytes = 16_384
/** Share of broken characters beyond ASCII up to which a text is UTF-8 with faults. */
const maxBrokenShare = 0.2

/** @param head first bytes of the text @param header of `Content-Type` */
export function charsetOf(head: Buffer, header: string | undefined): Charset {
  const mark = byteOrderMark(head)
  if (mark !== undefined) return { name: mark, source: 'byte order mark', certain: true }
  const declared = /;\s*charset\s*=\s*["']?([^\s"';,]{1,60})/i.exec((header ?? '').slice(0, 1_000))?.[1]
  const ofHeader = charsetName(declared, false)
  if (ofHeader !== undefined) return { name: ofHeader, source: 'header', certain: true }
  const start = head.toString('latin1', 0, prescanBytes)
  const ofPage = prescan(start) ?? charsetName(xmlCharset(start))
  const unknown = declared === undefined ? {} : { unknown: declared.replace(/[^\w.:-]/g, '?').slice(0, 60) }
  if (ofPage !== undefined) return { name: ofPage, source: 'page', certain: false, ...unknown }
  if (isUtf8(head)) return { name: 'utf-8', source: 'default', certain: false, ...unknown }
  return { name: 'windows-1252', source: 'guess', certain: false, ...unknown }
}

/** Decodes in pieces; characters that are cut by the end of a piece wait for the next one. */
export function decoder(name: string): (bytes: Buffer | undefined) => string {
  // Versions of Node differ in what they make of 0x80…0x9f under this name.
  if (name === 'windows-1252') return (bytes) => (bytes === undefined ? '' : decodeWindows1252(bytes))
  const text = new TextDecoder(name)
  return (bytes) => (bytes === undefined ? text.decode() : text.decode(bytes, { stream: true }))
}

/** @param inPage a declaration that could be read as ASCII is not of UTF-16 (HTML §13.2.3.2) */
export function charsetName(label: string | undefined, inPage = true): string | undefined {
  if (label === undefined) return undefined
  if (inPage && /^\s*x-user-defined\s*$/i.test(label)) return 'windows-1252'
  try {
    const name = new TextDecoder(label).encoding
    return inPage && name.startsWith('utf-16') ? 'utf-8' : name
  } catch {
    return undefined // no encoding has this label, or this build of Node lacks it
  }
}

/** The charset in the `content` of a `<meta http-equiv="Content-Type">` (HTML, "extracting a character encoding from a meta element"). */
export function charsetInContent(content: string): string | undefined {
  return /charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^"'\t\n\f\r ;][^\t\n\f\r ;]*))/i
    .exec(content)
    ?.slice(1)
    .find((label) => label !== undefined)
}

const tag = /<([a-z][^\t\n\f\r />]*)/iy
/** HTML §13.2.3.2, "get an attribute": the end of the tag, or a name with its value. */
const attribute =
  /[\t\n\f\r /]*(?:(>)|(=?[^\t\n\f\r /=>]+|=)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|(?!["'])([^\t\n\f\r >]*))|(?![\t\n\f\r ]*=)))/y

/** HTML §13.2.3.2, "prescan a byte stream to determine its encoding". @returns the name of an encoding */
function prescan(text: string): string | undefined {
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    tag.lastIndex = at
    const name = tag.exec(text)?.[1]?.toLowerCase()
    if (name === undefined) {
      const end = text.startsWith('<!--', at) ? text.indexOf('-->', at + 2) : text.indexOf('>', at)
      if (end === -1 && /[!/?]/.test(text[at + 1] ?? '')) break
      at = /[!/?]/.test(text[at + 1] ?? '') ? end : at + 1
      continue
    }
    const attributes = new Map<string, string>()
    attribute.lastIndex = tag.lastIndex
    for (let ended = false; !ended; ) {
      const each = attribute.exec(text)
      if (each === null) return undefined // the tag does not end
      at = attribute.lastIndex
      const [, end, key = '', ...values] = each
      ended = end !== undefined
      if (!ended && !attributes.has(key.toLowerCase()))
        attributes.set(key.toLowerCase(), values.find((value) => value !== undefined) ?? '')
    }
    const found = name === 'meta' ? charsetOfMeta(attributes) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function charsetOfMeta(attributes: Map<string, string>): string | undefined {
  let found: string | undefined
  let needsPragma = false
  for (const [name, value] of attributes) {
    if (name === 'charset') {
      found = charsetName(value)
      needsPragma = false
    } else if (name === 'content' && found === undefined) {
      found = charsetName(charsetInContent(value))
      needsPragma = true
    }
  }
  return needsPragma && attributes.get('http-equiv')?.toLowerCase() !== 'content-type' ? undefined : found
}

function xmlCharset(text: string): string | undefined {
  return /^<\?xml[\t\n\f\r ][^>]{0,200}?encoding[\t\n\f\r ]*=[\t\n\f\r ]*["']([^"'>]{1,60})["']/.exec(text)?.[1]
}

function isUtf8(head: Buffer): boolean {
  const text = new TextDecoder().decode(head, { stream: true })
  const wide = text.match(/[^\x00-\x7f]/g)?.length ?? 0
  const broken = text.match(/\ufffd/g)?.length ?? 0
  return broken <= wide * maxBrokenShare
}
