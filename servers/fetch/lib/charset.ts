// Which encoding a text has (byte order mark, then the HTTP header, then the page's own declaration, then UTF-8), and its decoding in pieces.
import { byteOrderMark, decodeWindows1252 } from '../../kit/content-kind.ts'

export interface Charset {
  /** Name by the WHATWG Encoding standard. */
  readonly name: string
  readonly source: 'byte order mark' | 'header' | 'page' | 'default' | 'guess'
  /** A label that was declared and is not known. */
  readonly unknown?: string
}

/** HTML §13.2.3.2 looks at 1,024 bytes; pages with long comments or preloads before the declaration are common. */
const declarationBytes = 4_096

/** @param head first bytes of the text, the more the surer @param header of `Content-Type` */
export function charsetOf(head: Buffer, header: string | undefined): Charset {
  const mark = byteOrderMark(head)
  if (mark !== undefined) return { name: mark, source: 'byte order mark' }
  const declared = /;\s*charset\s*=\s*["']?([^\s"';]{1,60})/i.exec((header ?? '').slice(0, 1_000))?.[1]
  const ofHeader = nameOf(declared)
  if (ofHeader !== undefined) return { name: ofHeader, source: 'header' }
  const inside = declarationIn(head.toString('latin1', 0, declarationBytes))
  const ofPage = nameOf(inside)
  const wrong = declared ?? (ofPage === undefined ? inside : undefined)
  const unknown = wrong === undefined ? {} : { unknown: wrong.replace(/[^\w.:-]/g, '?') }
  // A declaration that could be read as ASCII is not of UTF-16 (HTML §13.2.3.3).
  if (ofPage !== undefined) return { name: ofPage.startsWith('utf-16') ? 'utf-8' : ofPage, source: 'page', ...unknown }
  if (isUtf8(head)) return { name: 'utf-8', source: 'default', ...unknown }
  return { name: 'windows-1252', source: 'guess', ...unknown }
}

/** Decodes in pieces; characters that are cut by the end of a piece wait for the next one. */
export function decoder(name: string): (bytes: Buffer | undefined) => string {
  // Versions of Node differ in what they make of 0x80…0x9f under this name.
  if (name === 'windows-1252') return (bytes) => (bytes === undefined ? '' : decodeWindows1252(bytes))
  const text = new TextDecoder(name)
  return (bytes) => (bytes === undefined ? text.decode() : text.decode(bytes, { stream: true }))
}

function nameOf(label: string | undefined): string | undefined {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined // no encoding has this label, or this build of Node lacks it
  }
}

function declarationIn(text: string): string | undefined {
  const xml = /^\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,60})["']/i.exec(text)?.[1]
  if (xml !== undefined) return xml
  for (const [meta] of text.matchAll(/<meta[\s/][^>]{0,1000}/gi)) {
    const found = /[\s;"'/]charset\s*=\s*["']?\s*([\w.:-]{1,60})/i.exec(meta)?.[1]
    if (found !== undefined) return found
  }
  return undefined
}

function isUtf8(head: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return true
  } catch {
    return false
  }
}
