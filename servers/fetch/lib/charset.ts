// Which encoding a text has (byte order mark, then the HTTP header, then the page's own declaration, then UTF-8), and its decoding in pieces.
import { byteOrderMark, decodeWindows1252 } from '../../kit/content-kind.ts'
import type { Pause } from '../types.ts'
import { htmlEvents, type TokenizerClass } from './html-events.ts'

/** Share of broken characters beyond ASCII up to which a text is UTF-8 with faults. */
const maxBrokenShare = 0.2
/** HTML is searched for a declaration in pieces of this size. */
const sliceBytes = 8_192

/**
 * @param head first bytes of the text @param header of `Content-Type`
 * @param declared the encoding that the page itself declares; called when nothing stronger is there
 * @returns its `name` by the WHATWG Encoding standard; `notes`: what the reader should know of how it was chosen
 */
export async function charsetOf(head: Buffer, header: string | undefined, declared: () => Promise<string | undefined>) {
  const mark = byteOrderMark(head)
  if (mark !== undefined) return { name: mark, notes: [] }
  const label = /;\s*charset\s*=\s*["']?([^\s"';,]{1,60})/i.exec((header ?? '').slice(0, 1_000))?.[1]
  const ofHeader = charsetName(label)
  if (ofHeader !== undefined) return { name: ofHeader, notes: [] }
  const notes = label === undefined ? [] : [`the declared charset "${label.replace(/[^\w.:-]/g, '?')}" is unknown`]
  const ofPage = (await declared()) ?? xmlCharset(head) ?? (isUtf8(head) ? 'utf-8' : undefined)
  if (ofPage !== undefined) return { name: ofPage, notes }
  notes.push('no charset is declared and the text is not UTF-8; it was read as windows-1252')
  return { name: 'windows-1252', notes }
}

/**
 * The encoding that the first `meta` element with a known label declares. Browsers scan 1,024 bytes (HTML §13.2.3.2) and start again when the
 * parser finds a declaration later or another one (§13.2.3.4); reading the first part with the tokenizer leads to the same.
 */
export async function metaCharset(head: Buffer, Tokenizer: TokenizerClass, pause: Pause): Promise<string | undefined> {
  let found: string | undefined
  const parser = htmlEvents(Tokenizer, {
    open(name, { charset, content, 'http-equiv': pragma }) {
      if (name !== 'meta') return
      const label = charset ?? (pragma?.toLowerCase() === 'content-type' ? charsetInContent(content ?? '') : undefined)
      found ??= charsetInPage(label)
    },
    close() {},
    text() {},
  })
  for (let at = 0; at < head.length && found === undefined; at += sliceBytes) {
    parser.write(head.toString('latin1', at, at + sliceBytes))
    await pause()
  }
  return found
}

/** Decodes in pieces; characters that are cut by the end of a piece wait for the next one. */
export function decoder(name: string): (bytes: Buffer | undefined) => string {
  // Versions of Node differ in what they make of 0x80…0x9f under this name.
  if (name === 'windows-1252') return (bytes) => (bytes === undefined ? '' : decodeWindows1252(bytes))
  const text = new TextDecoder(name)
  return (bytes) => (bytes === undefined ? text.decode() : text.decode(bytes, { stream: true }))
}

function charsetName(label: string | undefined): string | undefined {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined // no encoding has this label, or this build of Node lacks it
  }
}

/** A declaration that could be read as ASCII is not of UTF-16 (HTML §13.2.3.2). */
function charsetInPage(label: string | undefined): string | undefined {
  if (/^\s*x-user-defined\s*$/i.test(label ?? '')) return 'windows-1252'
  const name = charsetName(label)
  return name?.startsWith('utf-16') ? 'utf-8' : name
}

/** The charset in the `content` of a `<meta http-equiv="Content-Type">` (HTML, "extracting a character encoding from a meta element"). */
function charsetInContent(content: string): string | undefined {
  const pattern = /charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^"'\t\n\f\r ;][^\t\n\f\r ;]*))/i
  const [, inDouble, inSingle, bare] = pattern.exec(content) ?? []
  return inDouble ?? inSingle ?? bare
}

/** Of an XML declaration at the start. */
function xmlCharset(head: Buffer): string | undefined {
  const start = head.toString('latin1', 0, 300)
  return charsetInPage(/^<\?xml[\t\n\f\r ][^>]{0,200}?encoding[\t\n\f\r ]*=[\t\n\f\r ]*["']([^"'>]{1,60})["']/.exec(start)?.[1])
}

function isUtf8(head: Buffer): boolean {
  const wide = new TextDecoder().decode(head, { stream: true }).replace(/[\x00-\x7f]+/g, '')
  return wide.replace(/[^\ufffd]+/g, '').length <= wide.length * maxBrokenShare
}
