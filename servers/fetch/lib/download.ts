// Downloads a page: each address on the way is checked against the network policy and robots.txt.
import { ToolError } from '../../../protocol/index.ts'
import { visibleJson } from '../../kit/text.ts'
import type { Download, RequestSettings } from '../types.ts'
import { follow, maxRedirects, redirectOf } from './request.ts'
import type { Robots } from './robots-cache.ts'

const accept = 'text/html,application/xhtml+xml,text/markdown,application/json;q=0.9,text/*;q=0.9,*/*;q=0.5'

/** @throws ToolError of the policy, of robots.txt, of the request; UPSTREAM_ERROR when it leads nowhere */
export async function download(first: URL, settings: RequestSettings, robots: Robots, signal: AbortSignal): Promise<Download> {
  let verdict = ''
  const found = await follow(first, accept, settings, signal, async (url, from) => {
    if (from?.protocol === 'https:' && url.protocol === 'http:') {
      throw new ToolError('FORBIDDEN', `${from.host} redirects from https to http, which is not followed`, {
        hint: visibleJson({ url: url.href.slice(0, 2_048) }),
      })
    }
    settings.policy.check(url)
    verdict = await robots.check(url, signal)
  })
  const location = redirectOf(found.answer)
  if (location === undefined) return { ...found, robots: verdict }
  found.answer.close()
  throw new ToolError('UPSTREAM_ERROR', `more than ${maxRedirects} redirects, the last to ${location.slice(0, 200)}`, {
    hint: 'another address of the same page',
  })
}
