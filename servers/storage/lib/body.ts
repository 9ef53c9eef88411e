// Reads the XML of a response element by element, within a limit.
import type { IncomingMessage } from 'node:http'
import { ToolError } from '../../../protocol/index.ts'
import { formatBytes } from '../../kit/report.ts'

/** Text by the name of an element. */
type Fields = Record<string, string>
/** Called at the end of each element that has others in it, with the text of those. */
type OnRecord = (name: string, fields: Readonly<Fields>) => void

/**
 * Passes the records of an XML body to `onRecord`, and keeps none of them.
 * @returns the fields of the root itself
 * @throws ToolError when it is not XML, has another root than `root`, breaks off, or is longer than `maxBytes`
 */
export async function readXml(res: IncomingMessage, root: string, maxBytes: number, onRecord: OnRecord): Promise<Fields> {
  const reader = xmlReader(root, onRecord)
  let bytes = 0
  let start = ''
  try {
    res.setEncoding('utf8')
    for await (const chunk of res as AsyncIterable<string>) {
      bytes += Buffer.byteLength(chunk)
      start ||= chunk.slice(0, 200)
      if (bytes > maxBytes) {
        throw new ToolError('TOO_LARGE', `the store's listing is longer than ${formatBytes(maxBytes)}`, {
          hint: 'a smaller max_keys, or a longer prefix',
        })
      }
      reader.write(chunk)
    }
    reader.end()
    return reader.fields
  } catch (error) {
    if (error instanceof ToolError) throw error
    if (!(error instanceof SyntaxError)) throw brokenOff(error)
    if (reader.hasStarted()) throw brokenOff(error, 'ended in the middle of its listing')
    const what = isWebPage(start) ? 'a web page' : 'something other than S3 XML'
    throw new ToolError('UPSTREAM_ERROR', `the endpoint answers with ${what}; it is not the S3 port of a store`, {
      cause: error,
      hint: 'ask the operator to check MINIO_ENDPOINT',
    })
  }
}

export function isWebPage(body: string): boolean {
  return /^\s*<(!doctype html|html)/i.test(body)
}

export function brokenOff(cause: unknown, how = 'closed the connection in the middle of its answer'): ToolError {
  return new ToolError('UPSTREAM_ERROR', `the store ${how}`, { cause, hint: 'the same call again' })
}

const maxDepth = 12
const maxTextChars = 65_536

/**
 * Streaming reader for the XML of S3 responses: elements and text. Attributes and namespaces are ignored; entities are limited to the five of
 * XML and character numbers, so there is no entity expansion. Its methods throw a SyntaxError for what is not such a document, or not whole.
 */
export function xmlReader(root: string, onRecord: OnRecord = () => {}) {
  const fields: Fields = {}
  /** From the root on; `fields` once there is an element in it. */
  const open: { name: string; fields?: Fields }[] = []
  let rest = ''
  let text = ''
  let isWhole = false
  const readTag = (tag: string): void => {
    if (tag.startsWith('?')) return
    if (tag.startsWith('!')) throw new SyntaxError('a document type is not XML of S3') // HTML also starts with one
    if (tag.startsWith('/')) return closeElement(tag.slice(1).trim())
    const name = /^[^\s/]+/.exec(tag)?.[0]
    if (name === undefined || isWhole) throw new SyntaxError('this is not XML of S3')
    const parent = open.at(-1)
    if (parent !== undefined) parent.fields ??= {}
    else if (name !== root) throw new SyntaxError('another document was expected')
    if (open.push(parent === undefined ? { name, fields } : { name }) > maxDepth) {
      throw new SyntaxError('elements are nested too deeply')
    }
    text = ''
    if (tag.endsWith('/')) closeElement(name)
  }
  const closeElement = (name: string): void => {
    const [parent, element] = [open.at(-2), open.at(-1)]
    if (element?.name !== name) throw new SyntaxError('an element is closed that was not opened')
    open.pop()
    if (parent?.fields === undefined) isWhole = true
    else if (element.fields === undefined) parent.fields[name] = unescapeXml(text)
    else onRecord(name, element.fields)
    text = ''
  }
  return {
    /** Of the root, as far as it was read. */
    fields,
    hasStarted: (): boolean => isWhole || open.length > 0,
    write(chunk: string): void {
      const input = rest + chunk
      let at = 0
      for (const [all, before = '', tag = ''] of input.matchAll(/([^<]*)<([^>]*)>/gy)) {
        text += before
        if (text.length > maxTextChars) throw new SyntaxError('an element is too long')
        readTag(tag)
        at += all.length
      }
      rest = input.slice(at)
      if (rest.length > maxTextChars) throw new SyntaxError('an element is too long')
    },
    end(): void {
      if (!isWhole) throw new SyntaxError('the document is not complete')
    },
  }
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
