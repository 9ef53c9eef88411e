// robots.txt of each site: fetched through the same network policy as pages and kept for a while.
import { text } from 'node:stream/consumers'
import { ToolError } from '../../../protocol/index.ts'
import { Turns, withDeadline } from '../../kit/waiting.ts'
import type { FetchConfig } from '../config.ts'
import type { Answer, RequestSettings } from '../types.ts'
import { BoundedCache } from './bounded-cache.ts'
import { follow, maxRedirects } from './request.ts'
import { findRule, maxRobotsBytes, parseRobots, type Rule } from './robots.ts'

interface Site {
  /** Undefined: the file cannot be had, and nothing may be fetched. */
  readonly rules: readonly Rule[] | undefined
  readonly verdict: string
  readonly keepMs: number
}

/** Of work before everything else that is due runs. */
const turnMs = 6
const hourMs = 3_600_000
const unreachableMs = 60_000
/** For robots.txt with its redirects. */
const timeoutMs = 3_000
const maxSites = 200
const maxKeptBytes = 2 * 1024 * 1024

export class Robots {
  readonly #config: FetchConfig
  readonly #request: RequestSettings
  readonly #product: string
  readonly #sites = new BoundedCache<Site>(maxSites, maxKeptBytes)

  constructor(config: FetchConfig, request: RequestSettings) {
    this.#config = config
    this.#request = request
    // §2.2.1: the product token is the leading part of the user agent's name.
    this.#product = /^[A-Za-z_-]+/.exec(request.userAgent)?.[0] ?? 'mcp-fetch'
  }

  get sites(): number {
    return this.#sites.size.entries
  }

  /**
   * @returns in a few words why the address may be fetched
   * @throws ToolError FORBIDDEN with the rule, or with why the rules cannot be had
   */
  async check(url: URL, signal: AbortSignal): Promise<string> {
    if (this.#config.FETCH_IGNORE_ROBOTS) return 'ignored'
    const site = await this.#site(url.origin, signal)
    if (site.rules === undefined) {
      throw new ToolError('FORBIDDEN', `${url.host} may not be fetched: ${site.verdict} (RFC 9309)`, {
        hint: 'the same call in a few minutes, or another site',
      })
    }
    const turns = new Turns(turnMs)
    const rule = await findRule(site.rules, url, () => turns.yield())
    if (rule === undefined || rule.allow) return site.verdict
    const shown = `Disallow: ${rule.pattern}`.slice(0, 120)
    throw new ToolError(
      'FORBIDDEN',
      `robots.txt of ${url.host} disallows ${url.pathname.slice(0, 200)} for ${this.#product} (line ${rule.line}: "${shown}")`,
      { hint: 'another page or another site' },
    )
  }

  async #site(origin: string, signal: AbortSignal): Promise<Site> {
    const known = this.#sites.get(origin)
    if (known !== undefined) return known
    const site = await this.#fetch(origin, signal)
    const bytes = (site.rules ?? []).reduce((sum, { pattern }) => sum + 2 * pattern.length + 80, 200)
    this.#sites.set(origin, site, bytes, site.keepMs)
    return site
  }

  async #fetch(origin: string, signal: AbortSignal): Promise<Site> {
    const late = (): Error => new Error(`its robots.txt did not come within ${timeoutMs} ms`)
    let ledElsewhere = false
    const visit = async (url: URL, from: URL | undefined): Promise<void> => {
      ledElsewhere = from !== undefined
      this.#request.policy.check(url)
    }
    try {
      return await withDeadline({ ms: timeoutMs, signal, late }, async (stop) => {
        const first = new URL('/robots.txt', origin)
        const { answer, redirects } = await follow(first, 'text/plain,*/*;q=0.1', this.#request, stop, visit)
        return await this.#siteOf(answer, redirects)
      })
    } catch (error) {
      signal.throwIfAborted()
      // A failure to reach the site itself is the answer; a robots.txt that leads elsewhere and fails there cannot be had.
      if (!ledElsewhere && error instanceof ToolError && error.code !== 'UPSTREAM_ERROR') throw error
      const why = error instanceof ToolError ? `its robots.txt cannot be fetched (${error.message})` : (error as Error).message
      return { rules: undefined, verdict: why, keepMs: unreachableMs }
    }
  }

  /** §2.3.1: what each kind of answer means. */
  async #siteOf(answer: Answer, redirects: number): Promise<Site> {
    const { status, headers } = answer
    const keepMs = lifetimeOf(headers['cache-control'])
    if (status >= 200 && status < 300) {
      const turns = new Turns(turnMs)
      const rules = await parseRobots(await text(answer.body(maxRobotsBytes)), this.#product, () => turns.yield())
      return { rules, verdict: 'allowed', keepMs }
    }
    answer.close()
    const refused = this.#config.FETCH_ROBOTS_STRICT && (status === 401 || status === 403)
    if (status === 429 || status >= 500 || refused || status < 200) {
      const verdict = `its robots.txt answers ${status}, which forbids everything`
      return { rules: undefined, verdict, keepMs: unreachableMs }
    }
    const why = redirects === maxRedirects && status < 400 ? 'too many redirects' : status
    return { rules: [], verdict: `no robots.txt (${why})`, keepMs }
  }
}

/** An hour, unless the site says otherwise; never more than a day (§2.4), never less than a minute. */
function lifetimeOf(cacheControl: string | undefined): number {
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/i.exec((cacheControl ?? '').slice(0, 500))?.[1]
  return seconds === undefined ? hourMs : Math.min(24 * hourMs, Math.max(60_000, Number(seconds) * 1_000))
}
