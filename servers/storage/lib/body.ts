// Reads the body of a response within a limit: XML element by element, and a part of an object as bytes.
import type { IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { ToolError } from '../../../protocol/index.ts'
import { formatBytes } from '../../kit/report.ts'
import { brokenOff, isWebPage } from '../errors.ts'
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
  const decoder = new StringDecoder('utf8')
  let bytes = 0
  let start = ''
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) {
      bytes += chunk.length
      const text = decoder.write(chunk)
      if (start.length < 200) start += text.slice(0, 200)
      if (bytes > maxBytes) {
        throw new ToolError('TOO_LARGE', `the store's listing is longer than ${formatBytes(maxBytes)}`, {
          hint: 'a smaller max_keys, or a longer prefix',
        })
      }
      reader.write(text)
    }
    reader.end()
  } catch (error) {
    if (error instanceof ToolError) throw error
    throw error instanceof SyntaxError ? notXml(start, seen, error) : brokenOff(error)
  }
}

/** The first `maxBytes` of a body. @throws ToolError when the connection breaks before them */
export async function readBytes(res: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    if (maxBytes > 0) {
      for await (const chunk of res as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes >= maxBytes) break
      }
    }
  } catch (error) {
    throw brokenOff(error)
  }
  return Buffer.concat(chunks).subarray(0, maxBytes)
}

function notXml(start: string, seen: boolean, cause: Error): ToolError {
  if (seen) {
    return new ToolError('UPSTREAM_ERROR', 'the store ended in the middle of its listing', { cause, hint: 'the same call again' })
  }
  const what = isWebPage(start) ? 'a web page' : 'something other than S3 XML'
  return new ToolError('UPSTREAM_ERROR', `the endpoint answers with ${what}; it is not the S3 port of a store`, {
    cause,
    hint: 'ask the operator to check MINIO_ENDPOINT',
  })
}
