// Reads the address of a web page as models write it.
import { ToolError } from '../../protocol/index.ts'
import { cleanText, clip } from './text.ts'

/**
 * Models copy addresses with what stands around them (quotes, angle brackets, code fences, a Markdown link), and people leave out the scheme.
 * @throws ToolError INVALID_ARGUMENT
 */
export function readWebAddress(text: string): URL {
  let address = text.trim()
  address = /^\[[^[\]]*\]\(\s*(\S+)[^()]*\)$/.exec(address)?.[1] ?? address
  address = /^[<"'`“\s]+(.*?)[>"'`”\s]+$/s.exec(address)?.[1] ?? address
  address = address.replace(/^[./]+(?=https?:)/i, '')
  const scheme = /^(https?):\/*/i.exec(address)
  // A host without a scheme is what people write; with a port it only looks like one.
  const full =
    scheme !== null
      ? `${scheme[1]}://${address.slice(scheme[0].length)}`
      : /^[a-z][a-z0-9+.-]*:/i.test(address) && !/^[^/?#:]+:\d{1,5}([/?#]|$)/.test(address)
        ? address
        : `https://${address.replace(/^\/+/, '')}`
  if (URL.canParse(full)) return new URL(full)
  throw new ToolError('INVALID_ARGUMENT', `"${clip(cleanText(text.trim()), 200)}" is not a valid URL`, {
    retry: { url: 'https://example.com/' },
  })
}
