// Reads the body of a response within a limit: XML element by element, and a part of an object as bytes.
import type { IncomingMessage } from 'node:http'
import { ToolError } from '../../../protocol/index.ts'
import { readStart } from '../../kit/http/connections.ts'
import { formatBytes } from '../../kit/report.ts'
import { type OnElement, XmlReader } from './xml.ts'

/**
 * Passes every element of an XML body to `onElement`, and keeps nothing.
 * @throws ToolError when it is not XML, has another root than `root`, breaks off, or is longer than `maxBytes`
 */
export async function readXml(res: IncomingMessage, root: string, maxBytes: number, onElement: OnElement): Promise<void> {
  const reader = new XmlReader(root, onElement)
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
  } catch (error) {
    if (error instanceof ToolError) throw error
    if (!(error instanceof SyntaxError)) throw brokenOff(error, 'closed the connection in the middle of its answer')
    if (reader.started) throw brokenOff(error, 'ended in the middle of its listing')
    const what = isWebPage(start) ? 'a web page' : 'something other than S3 XML'
    throw new ToolError('UPSTREAM_ERROR', `the endpoint answers with ${what}; it is not the S3 port of a store`, {
      cause: error,
      hint: 'ask the operator to check MINIO_ENDPOINT',
    })
  }
}

/** The first `maxBytes` of a body. @throws ToolError when the connection breaks before them */
export function readBytes(res: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return readStart(res, maxBytes).catch((error) => {
    throw brokenOff(error, 'closed the connection in the middle of its answer')
  })
}

export function isWebPage(body: string): boolean {
  return /^\s*<(!doctype html|html)/i.test(body)
}

function brokenOff(cause: unknown, how: string): ToolError {
  return new ToolError('UPSTREAM_ERROR', `the store ${how}`, { cause, hint: 'the same call again' })
}
