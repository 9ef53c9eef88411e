// robots.txt of each site: fetched through the same network policy as pages and kept for a while.
import { ToolError } from '../../../protocol/index.ts'
import { Turns, withDeadline } from '../../kit/waiting.ts'
import type { Answer, RequestSettings } from '../types.ts'
import { BoundedCache } from './bounded-cache.ts'
import { request } from './request.ts'
import { findRule, maxRobotsBytes, parseRobots, type Rule } from './robots.ts'

interface RobotsSettings {
  /** FETCH_IGNORE_ROBOTS */
  readonly ignore: boolean
  /** FETCH_ROBOTS_STRICT: 401 and 403 forbid everything. */
  readonly strict: boolean
  readonly request: RequestSettings
}

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
const maxRedirects = 5
const maxSites = 200
const maxKeptBytes = 2 * 1024 * 1024

export class Robots {
  readonly #settings: RobotsSettings
  readonly #product: string
  readonly #sites = new BoundedCache<Site>(maxSites, maxKeptBytes)

  constructor(settings: RobotsSettings) {
    this.#settings = settings
    // §2.2.1: the product token is the leading part of the user agent's name.
    this.#product = /^[A-Za-z_-]+/.exec(settings.request.userAgent)?.[0] ?? 'mcp-fetch'
  }

  get sites(): number {
    return this.#sites.size.entries
  }

  /**
   * @returns in a few words why the address may be fetched
   * @throws ToolError FORBIDDEN with the rule, or with why the rules cannot be had
   */
  async check(url: URL, signal: AbortSignal): Promise<string> {
    if (this.#settings.ignore) return 'ignored'
    const site = await this.#site(url.origin, signal)
    if (site.rules === undefined) {
      throw new ToolError('FORBIDDEN', `${url.host} may not be fetched: ${site.verdict} (RFC 9309)`, {
        hint: 'the same call in a few minutes, or another site',
      })
    }
    const turns = new Turns(turnMs)
    const rule = await findRule(site.rules, url, () => turns.yield())
    if (rule === undefined || rule.allow) return site.verdict
    const text = `Disallow: ${rule.pattern}`.slice(0, 120)
    throw new ToolError(
      'FORBIDDEN',
      `robots.txt of ${url.host} disallows ${url.pathname.slice(0, 200)} for ${this.#product} (line ${rule.line}: "${text}")`,
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
    const progress = { hops: 0 }
    const late = (): Error => new Error(`its robots.txt did not come within ${timeoutMs} ms`)
    try {
      return await withDeadline({ ms: timeoutMs, signal, late }, (stop) =>
        this.#follow(new URL('/robots.txt', origin), stop, progress),
      )
    } catch (error) {
      signal.throwIfAborted()
      // A failure to reach the site itself is the answer; a robots.txt that leads elsewhere and fails there cannot be had.
      if (progress.hops === 0 && error instanceof ToolError && error.code !== 'UPSTREAM_ERROR') throw error
      const why = error instanceof ToolError ? `its robots.txt cannot be fetched (${error.message})` : (error as Error).message
      return { rules: undefined, verdict: why, keepMs: unreachableMs }
    }
  }

  /** §2.3.1: what each kind of answer means. */
  async #follow(first: URL, signal: AbortSignal, progress: { hops: number }): Promise<Site> {
    let url = first
    const { policy } = this.#settings.request
    for (let hops = 0; ; hops++) {
      progress.hops = hops
      policy.check(url)
      const answer = await request(url, 'text/plain,*/*;q=0.1', this.#settings.request, signal)
      const { status, headers } = answer
      const keepMs = lifetimeOf(headers['cache-control'])
      if (status >= 200 && status < 300) return { rules: await this.#read(answer), verdict: 'allowed', keepMs }
      answer.close()
      if (status >= 300 && status < 400 && headers.location !== undefined) {
        const next = URL.canParse(headers.location, url.href) ? new URL(headers.location, url) : undefined
        if (next !== undefined && hops < maxRedirects) {
          url = next
          continue
        }
        return { rules: [], verdict: 'no robots.txt (too many redirects)', keepMs }
      }
      const refused = this.#settings.strict && (status === 401 || status === 403)
      if (status === 429 || status >= 500 || refused || status < 200) {
        const verdict = `its robots.txt answers ${status}, which forbids everything`
        return { rules: undefined, verdict, keepMs: unreachableMs }
      }
      return { rules: [], verdict: `no robots.txt (${status})`, keepMs }
    }
  }

  async #read(answer: Answer): Promise<readonly Rule[]> {
    const turns = new Turns(turnMs)
    const chunks: Buffer[] = []
    for await (const chunk of answer.body(maxRobotsBytes)) chunks.push(chunk)
    return await parseRobots(Buffer.concat(chunks).toString(), this.#product, () => turns.yield())
  }
}

/** An hour, unless the site says otherwise; never more than a day (§2.4), never less than a minute. */
function lifetimeOf(cacheControl: string | undefined): number {
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/i.exec((cacheControl ?? '').slice(0, 500))?.[1]
  return seconds === undefined ? hourMs : Math.min(24 * hourMs, Math.max(60_000, Number(seconds) * 1_000))
}
