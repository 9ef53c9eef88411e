// Reads URLs, and the address of a web page as models write it.
import { ToolError } from '../../protocol/index.ts'
import { cleanText, clip } from './text.ts'

/** Undefined when it is not valid. Not by URL.canParse, which on Node 20 refuses hosts beyond ASCII after some thousand calls. */
export function parseUrl(text: string, base?: string | URL): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/**
 * Models copy addresses with what stands around them (quotes, angle brackets, code fences, a Markdown link), and people leave out the scheme.
 * @throws ToolError INVALID_ARGUMENT
 */
export function readWebAddress(text: string): URL {
  let address = text.trim()
  address = /^\[[^[\]]*\]\(\s*(\S+)[^()]*\)$/.exec(address)?.[1] ?? address
  const before = /^[<"'`“\s]+/.exec(address)?.[0].length
  const behind = /(?<![>"'`”\s])[>"'`”\s]+$/.exec(address)?.index
  if (before !== undefined && behind !== undefined) address = address.slice(before, behind)
  address = address.replace(/^[./]+(?=https?:)/i, '')
  address = address.replace(/^(https?):\/*/i, '$1://')
  // A host without a scheme is what people write; with a port it only looks like one.
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(address) && !/^[^/?#:]+:\d{1,5}([/?#]|$)/.test(address)
  const full = hasScheme ? address : `https://${address.replace(/^\/+/, '')}`
  const url = parseUrl(full)
  if (url !== undefined) return url
  throw new ToolError('INVALID_ARGUMENT', `"${clip(cleanText(text.trim()), 200)}" is not a valid URL`, {
    retry: { url: 'https://example.com/' },
  })
}
