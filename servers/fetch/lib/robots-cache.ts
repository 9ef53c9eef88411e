// robots.txt of each site: fetched through the same network policy as pages and kept for a while.
import { ToolError } from '../../../protocol/index.ts'
import { withDeadline } from '../../kit/waiting.ts'
import type { Answer, RequestSettings } from '../types.ts'
import { pause } from './pause.ts'
import { request } from './request.ts'
import { findRule, maxRobotsBytes, parseRobots, type Rule } from './robots.ts'

export interface RobotsSettings {
  /** FETCH_IGNORE_ROBOTS */
  readonly ignore: boolean
  /** FETCH_ROBOTS_STRICT: 401 and 403 forbid everything. */
  readonly strict: boolean
  readonly request: RequestSettings
  /** For robots.txt with its redirects. Default 3,000. */
  readonly timeoutMs?: number
}

/** Undefined rules: the file cannot be had, and nothing may be fetched. */
interface Site {
  readonly rules: readonly Rule[] | undefined
  readonly verdict: string
  readonly until: number
  readonly bytes: number
}

const hourMs = 3_600_000
const unreachableMs = 60_000
const maxRedirects = 5
const maxSites = 200
const maxKeptBytes = 2 * 1024 * 1024

export class Robots {
  readonly #settings: RobotsSettings
  readonly #product: string
  readonly #sites = new Map<string, Site>()
  #bytes = 0

  constructor(settings: RobotsSettings) {
    this.#settings = settings
    // §2.2.1: the product token is the leading part of the user agent's name.
    this.#product = /^[A-Za-z_-]+/.exec(settings.request.userAgent)?.[0] ?? 'mcp-fetch'
  }

  get sites(): number {
    return this.#sites.size
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
    const rule = await findRule(site.rules, url, pause)
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
    if (known !== undefined && known.until > Date.now()) return known
    const site = await this.#fetch(origin, signal)
    this.#forget(origin)
    this.#sites.set(origin, site)
    this.#bytes += site.bytes
    for (const [oldest] of this.#sites) {
      if (this.#sites.size <= maxSites && this.#bytes <= maxKeptBytes) break
      this.#forget(oldest)
    }
    return site
  }

  #forget(origin: string): void {
    this.#bytes -= this.#sites.get(origin)?.bytes ?? 0
    this.#sites.delete(origin)
  }

  async #fetch(origin: string, signal: AbortSignal): Promise<Site> {
    const { timeoutMs = 3_000 } = this.#settings
    const progress = { hops: 0 }
    try {
      return await withDeadline(
        { ms: timeoutMs, signal, late: () => new Error(`its robots.txt did not come within ${timeoutMs} ms`) },
        (stop) => this.#follow(new URL('/robots.txt', origin), stop, progress),
      )
    } catch (error) {
      signal.throwIfAborted()
      // What keeps us from the site itself is the answer; a robots.txt that leads elsewhere and fails there cannot be had.
      if (progress.hops === 0 && error instanceof ToolError && error.code !== 'UPSTREAM_ERROR') throw error
      const why = error instanceof ToolError ? `its robots.txt cannot be fetched (${error.message})` : (error as Error).message
      return { rules: undefined, verdict: why, until: Date.now() + unreachableMs, bytes: 200 }
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
      const until = Date.now() + lifetimeOf(headers['cache-control'])
      if (status >= 200 && status < 300) return await this.#read(answer, until)
      answer.close()
      if (status >= 300 && status < 400 && headers.location !== undefined) {
        const next = URL.canParse(headers.location, url.href) ? new URL(headers.location, url) : undefined
        if (next !== undefined && hops < maxRedirects) {
          url = next
          continue
        }
        return { rules: [], verdict: 'no robots.txt (too many redirects)', until, bytes: 200 }
      }
      const refused = this.#settings.strict && (status === 401 || status === 403)
      if (status === 429 || status >= 500 || refused || status < 200) {
        const verdict = `its robots.txt answers ${status}, which forbids everything`
        return { rules: undefined, verdict, until: Date.now() + unreachableMs, bytes: 200 }
      }
      return { rules: [], verdict: `no robots.txt (${status})`, until, bytes: 200 }
    }
  }

  async #read(answer: Answer, until: number): Promise<Site> {
    const chunks: Buffer[] = []
    for await (const chunk of answer.body(maxRobotsBytes)) chunks.push(chunk)
    const rules = await parseRobots(Buffer.concat(chunks).toString(), this.#product, pause)
    const bytes = rules.reduce((sum, { pattern }) => sum + 2 * pattern.length + 80, 200)
    return { rules, verdict: 'allowed', until, bytes }
  }
}

/** An hour, unless the site says otherwise; never more than a day (§2.4), never less than a minute. */
function lifetimeOf(cacheControl: string | undefined): number {
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/i.exec((cacheControl ?? '').slice(0, 500))?.[1]
  return seconds === undefined ? hourMs : Math.min(24 * hourMs, Math.max(60_000, Number(seconds) * 1_000))
}
