// robots.txt of each site: fetched through the same network policy as pages and kept for a while.
import { text } from 'node:stream/consumers'
import { ToolError } from '../../../protocol/index.ts'
import { Remembered, turnsOf, withDeadline } from '../../kit/waiting.ts'
import type { FetchConfig } from '../config.ts'
import { type Answer, follow, type RequestSettings, redirectOf } from './request.ts'
import { findRule, maxRobotsBytes, parseRobots } from './robots.ts'

/** Of work before everything else that is due runs. */
const turnMs = 6
/** RFC 9309 §2.4 recommends a day at most. */
const keptMs = 3_600_000
/** Of a file that cannot be had, so that not every call waits for it. */
const unreachableMs = 60_000
/** For robots.txt with its redirects. */
const timeoutMs = 3_000
const maxSites = 200
const maxKeptBytes = 2 * 1024 * 1024

export function robotsOf(config: FetchConfig, request: RequestSettings) {
  // §2.2.1: the product token is the leading part of the user agent's name.
  const product = /^[A-Za-z_-]+/.exec(request.userAgent)?.[0] ?? 'mcp-fetch'
  const sites = new Remembered(
    {
      keepMs: ({ rules }) => (rules === undefined ? unreachableMs : keptMs),
      maxEntries: maxSites,
      maxBytes: maxKeptBytes,
      sizeOf: ({ rules = [] }) => rules.reduce((sum, { pattern }) => sum + 2 * pattern.length + 80, 200),
    },
    load,
  )

  /** @returns no `rules` when the file cannot be had, and nothing may be fetched */
  async function load(origin: string, signal: AbortSignal) {
    const late = (): Error => new Error(`its robots.txt did not come within ${timeoutMs} ms`)
    let ledElsewhere = false
    try {
      return await withDeadline({ ms: timeoutMs, signal, late }, async (stop) => {
        const first = new URL('/robots.txt', origin)
        const { answer } = await follow(first, 'text/plain,*/*;q=0.1', request, stop, async (url, from) => {
          ledElsewhere = from !== undefined
          request.policy.check(url)
        })
        return await siteOf(answer)
      })
    } catch (error) {
      signal.throwIfAborted()
      // A failure to reach the site itself is the answer; a robots.txt that leads elsewhere and fails there cannot be had.
      if (!ledElsewhere && error instanceof ToolError && error.code !== 'UPSTREAM_ERROR') throw error
      const { message } = error as Error
      const verdict = error instanceof ToolError ? `its robots.txt cannot be fetched (${message})` : message
      return { rules: undefined, verdict }
    }
  }

  /** §2.3.1: what each kind of answer means. */
  async function siteOf(answer: Answer) {
    const { status } = answer
    if (status >= 200 && status < 300) {
      const rules = await parseRobots(await text(answer.body(maxRobotsBytes)), product, turnsOf(turnMs))
      return { rules, verdict: 'allowed' }
    }
    answer.close()
    const refused = config.FETCH_ROBOTS_STRICT && (status === 401 || status === 403)
    if (status === 429 || status >= 500 || refused || status < 200)
      return { rules: undefined, verdict: `its robots.txt answers ${status}, which forbids everything` }
    const why = redirectOf(answer) === undefined ? status : 'too many redirects'
    return { rules: [], verdict: `no robots.txt (${why})` }
  }

  return {
    /** Sites whose robots.txt is kept. */
    get sites(): number {
      return sites.size.entries
    },
    /**
     * @returns in a few words why the address may be fetched
     * @throws ToolError FORBIDDEN with the rule, or with why the rules cannot be had
     */
    async check(url: URL, signal: AbortSignal): Promise<string> {
      if (config.FETCH_IGNORE_ROBOTS) return 'ignored'
      const { rules, verdict } = await sites.get(url.origin, signal)
      if (rules === undefined) {
        throw new ToolError('FORBIDDEN', `${url.host} may not be fetched: ${verdict} (RFC 9309)`, {
          hint: 'the same call in a few minutes, or another site',
        })
      }
      const rule = await findRule(rules, url, turnsOf(turnMs))
      if (rule === undefined || rule.allow) return verdict
      const shown = `Disallow: ${rule.pattern}`.slice(0, 120)
      throw new ToolError(
        'FORBIDDEN',
        `robots.txt of ${url.host} disallows ${url.pathname.slice(0, 200)} for ${product} (line ${rule.line}: "${shown}")`,
        { hint: 'another page or another site' },
      )
    },
  }
}
