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
  const inside = prescan(head.toString('latin1', 0, prescanBytes))
  const ofPage = charsetName(inside)
  const wrong = declared ?? (ofPage === undefined ? inside : undefined)
  const unknown = wrong === undefined ? {} : { unknown: wrong.replace(/[^\w.:-]/g, '?').slice(0, 60) }
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

/** HTML §13.2.3.2, "prescan a byte stream to determine its encoding". */
function prescan(text: string): string | undefined {
  const xml = /^<\?xml[\t\n\f\r ][^>]{0,200}?encoding[\t\n\f\r ]*=[\t\n\f\r ]*["']([^"'>]{1,60})["']/.exec(text)?.[1]
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    if (text.startsWith('<!--', at)) {
      // The end may overlap with the start: `<!-->`.
      const end = text.indexOf('-->', at + 2)
      if (end === -1) break
      at = end + 3
    } else if (/^<[a-z/]/i.test(text.slice(at, at + 2)) && /^<\/?[a-z]/i.test(text.slice(at, at + 3))) {
      const isMeta = /^<meta[\t\n\f\r /]/i.test(text.slice(at, at + 6))
      const tag = new AttributeReader(text, isMeta ? at + 5 : nameEnd(text, at + 1))
      const found = tag.readAll()
      if (isMeta) {
        const pragma = found.get('http-equiv')?.toLowerCase() === 'content-type'
        const content = pragma ? charsetInContent(found.get('content') ?? '') : undefined
        const label = found.get('charset') ?? content
        if (label !== undefined && charsetName(label) !== undefined) return label
      }
      at = tag.at
    } else if (/^<[!/?]/.test(text.slice(at, at + 2))) {
      const end = text.indexOf('>', at)
      if (end === -1) break
      at = end + 1
    } else at += 1
  }
  return xml
}

function nameEnd(text: string, from: number): number {
  const end = text.slice(from, from + 1_000).search(/[\t\n\f\r >]/)
  return end === -1 ? text.length : from + end
}

/** HTML §13.2.3.2, "get an attribute"; `at` is behind the tag afterwards. */
class AttributeReader {
  at: number
  readonly #text: string

  constructor(text: string, at: number) {
    this.#text = text
    this.at = at
  }

  readAll(): Map<string, string> {
    const found = new Map<string, string>()
    const attribute =
      /[\t\n\f\r /]*(?:(>)|([^\t\n\f\r /=>][^\t\n\f\r /=>]*|=[^\t\n\f\r /=>]*)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*)?))?)/y
    for (;;) {
      attribute.lastIndex = this.at
      const match = attribute.exec(this.#text)
      if (match === null || match[0] === '') break
      this.at = attribute.lastIndex
      if (match[1] !== undefined) return found
      const name = (match[2] ?? '').toLowerCase()
      if (name !== '' && !found.has(name)) found.set(name, match[3] ?? match[4] ?? match[5] ?? '')
    }
    this.at = Math.max(this.at, Math.min(this.at + 1, this.#text.length))
    return found
  }
}

function isUtf8(head: Buffer): boolean {
  const text = new TextDecoder().decode(head, { stream: true })
  const wide = text.match(/[^\x00-\x7f]/g)?.length ?? 0
  const broken = text.match(/\ufffd/g)?.length ?? 0
  return broken <= wide * maxBrokenShare
}
