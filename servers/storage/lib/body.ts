// Reads the body of a response within a limit: XML element by element, and a part of an object as bytes.
import type { IncomingMessage } from 'node:http'
import { ToolError } from '../../../protocol/index.ts'
import { readStart } from '../../kit/http/connections.ts'
import { formatBytes } from '../../kit/report.ts'
import { XmlReader } from './xml.ts'

/**
 * Passes every element of an XML body to `onElement`, and keeps nothing.
 * @throws ToolError when it is not XML, has another root than `root`, breaks off, or is longer than `maxBytes`
 */
export async function readXml(
  res: IncomingMessage,
  root: string,
  maxBytes: number,
  onElement: (path: string, text: string) => void,
): Promise<void> {
  let seen = false
  const reader = new XmlReader((path, text) => {
    if (path !== root && !path.startsWith(`${root}/`)) throw new SyntaxError('another document was expected')
    seen = true
    onElement(path, text)
  })
  let bytes = 0
  let start = ''
  try {
    res.setEncoding('utf8')
    for await (const chunk of res as AsyncIterable<string>) {
      bytes += Buffer.byteLength(chunk)
      if (start.length < 200) start += chunk.slice(0, 200)
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
    throw error instanceof SyntaxError ? notXml(start, seen, error) : brokenOff(error)
  }
}

/** The first `maxBytes` of a body. @throws ToolError when the connection breaks before them */
export function readBytes(res: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return readStart(res, maxBytes).catch((error) => Promise.reject(brokenOff(error)))
}

/** `detail` of the error about a web page where S3 XML was expected. */
export const webPage = 'web page'

function notXml(start: string, seen: boolean, cause: Error): ToolError {
  if (seen) {
    return new ToolError('UPSTREAM_ERROR', 'the store ended in the middle of its listing', { cause, hint: 'the same call again' })
  }
  const isPage = /^\s*<(!doctype html|html)/i.test(start)
  const what = isPage ? `a ${webPage}` : 'something other than S3 XML'
  return new ToolError('UPSTREAM_ERROR', `the endpoint answers with ${what}; it is not the S3 port of a store`, {
    cause,
    hint: 'ask the operator to check MINIO_ENDPOINT',
    ...(isPage ? { detail: webPage } : {}),
  })
}

/** The connection ended within the body of a response. */
function brokenOff(cause: unknown): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'the store closed the connection in the middle of its answer', {
    cause,
    hint: 'the same call again',
  })
}
