// Follows redirects by hand; each address is checked against the network policy and robots.txt.
import { ToolError } from '../../../protocol/index.ts'
import { visibleJson } from '../../kit/text.ts'
import type { Download, RequestSettings } from '../types.ts'
import { request } from './request.ts'
import type { Robots } from './robots-cache.ts'

const maxRedirects = 5
const maxLocationChars = 4_096
const accept = 'text/html,application/xhtml+xml,text/markdown,application/json;q=0.9,text/*;q=0.9,*/*;q=0.5'

/** @throws ToolError of the policy, of robots.txt, of the request; UPSTREAM_ERROR when it leads nowhere */
export async function download(first: URL, settings: RequestSettings, robots: Robots, signal: AbortSignal): Promise<Download> {
  let url = first
  for (let redirects = 0; ; redirects++) {
    settings.policy.check(url)
    const verdict = await robots.check(url, signal)
    const answer = await request(url, accept, settings, signal)
    const { location } = answer.headers
    if (answer.status < 300 || answer.status >= 400 || answer.status === 304 || location === undefined) {
      return { answer, url, redirects, robots: verdict }
    }
    answer.close()
    if (redirects >= maxRedirects) {
      throw new ToolError('UPSTREAM_ERROR', `more than ${maxRedirects} redirects, the last to ${location.slice(0, 200)}`, {
        hint: 'another address of the same page',
      })
    }
    url = redirectTarget(url, location)
  }
}

function redirectTarget(from: URL, location: string): URL {
  // Node gives header bytes as Latin-1; a location beyond ASCII is UTF-8 (RFC 9110 §5.5 forbids it, servers do it).
  const text = Buffer.from(location, 'latin1').toString()
  const target = URL.canParse(text, from.href) ? new URL(text, from) : undefined
  if (target === undefined || target.href.length > maxLocationChars)
    throw new ToolError('UPSTREAM_ERROR', `${from.host} redirects to something that is not a valid URL, or too long`)
  target.hash = ''
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw new ToolError('FORBIDDEN', `${from.host} redirects from https to http, which is not followed`, {
      hint: visibleJson({ url: target.href.slice(0, 2_048) }),
    })
  }
  return target
}
