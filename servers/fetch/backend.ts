// The fetch server's backend: network policy, robots.txt, page cache and extraction. The only file that knows htmlparser2, which is loaded for
// the first page of HTML.
import { monotonicMs, ToolError } from '../../protocol/index.ts'
import type { Backend, Environment } from '../kit/definition.ts'
import { openPolicy, type Resolve } from '../kit/network-policy/policy.ts'
import { formatBytes } from '../kit/report.ts'
import { cleanText, clip, visibleJson } from '../kit/text.ts'
import { Remembered, Semaphore, withDeadline } from '../kit/waiting.ts'
import type { FetchConfig } from './config.ts'
import { statusError } from './errors.ts'
import { extract } from './lib/extract.ts'
import type { TokenizerClass } from './lib/html-events.ts'
import { type Answer, follow, maxRedirects, redirectOf } from './lib/request.ts'
import { robotsOf } from './lib/robots-cache.ts'
import type { PageForm } from './types.ts'

/** Pages at once, and of one host. */
const maxRunning = 4
const maxRunningPerHost = 2
const maxWaiting = 64
const maxCachedPages = 20
const maxCachedBytes = 4 * 1024 * 1024
const maxErrorBytes = 65_536
const accept = 'text/html,application/xhtml+xml,text/markdown,application/json;q=0.9,text/*;q=0.9,*/*;q=0.5'

export type FetchBackend = ReturnType<typeof openFetch>
export type Page = Awaited<ReturnType<FetchBackend['load']>>['page']

/**
 * @param resolve instead of the system's resolver; tests only
 * @throws Error for the operator when a variable cannot be read
 */
export function openFetch(config: FetchConfig, environment: Environment, resolve?: Resolve) {
  const policy = openPolicy('FETCH', config, { resolve })
  const userAgent = config.FETCH_USER_AGENT ?? `mcp-fetch/${environment.version}`
  const request = { policy, ca: environment.ca, userAgent }
  const robots = robotsOf(config, request)
  const slots = new Semaphore({
    limit: maxRunning,
    limitPerKey: maxRunningPerHost,
    maxWaiting,
    busy: ({ running, waiting }) => `${running} pages are being fetched and ${waiting} calls wait`,
  })
  const tokenizer = async (): Promise<TokenizerClass> => (await import('htmlparser2')).Tokenizer as unknown as TokenizerClass

  /** Checks each address on the way against the network policy and robots.txt. */
  async function download(first: URL, signal: AbortSignal) {
    let verdict = ''
    const found = await follow(first, accept, request, signal, async (url, from) => {
      if (from?.protocol === 'https:' && url.protocol === 'http:') {
        throw new ToolError('FORBIDDEN', `${from.host} redirects from https to http, which is not followed`, {
          hint: visibleJson({ url: url.href.slice(0, 2_048) }),
        })
      }
      policy.check(url)
      verdict = await robots.check(url, signal)
    })
    const location = redirectOf(found.answer)
    if (location === undefined) return { ...found, verdict }
    found.answer.close()
    throw new ToolError('UPSTREAM_ERROR', `more than ${maxRedirects} redirects, the last to ${location.slice(0, 200)}`, {
      hint: 'another address of the same page',
    })
  }

  async function loadPage(first: URL, { raw, links }: PageForm, signal: AbortSignal) {
    const { answer, url, redirects, verdict } = await download(first, signal)
    try {
      const error = answer.status >= 400
      const contentType = answer.headers['content-type']
      const form = { url: url.href, contentType, raw: raw && !error, links: links && !error }
      const extracted = await extract(answer.body(error ? maxErrorBytes : config.FETCH_MAX_BYTES), form, tokenizer, signal)
      if (error) throw statusError(url, answer, extracted.text)
      const language = answer.headers['content-language']
      return {
        loadedAt: monotonicMs(),
        finalUrl: url.href,
        redirects,
        status: answer.status,
        contentType: cleanText((contentType ?? 'no type').split(';', 1)[0]?.trim() ?? '').slice(0, 100),
        method: extracted.method,
        robots: verdict,
        facts: { ...(language ? { language: clip(cleanText(language), 40) } : {}), ...extracted.facts },
        text: extracted.text,
        notes: [...extracted.notes, ...bodyNotes(answer, config.FETCH_MAX_BYTES, extracted.method.startsWith('not text'))],
      }
    } finally {
      answer.close()
    }
  }

  const pages = new Remembered(
    {
      keepMs: config.FETCH_CACHE_SECONDS * 1_000,
      maxEntries: maxCachedPages,
      maxBytes: maxCachedBytes,
      // V8 keeps a string in one byte for each character as long as all are of Latin-1.
      sizeOf: ({ text }) => text.length * (/[^\x00-\xff]/.test(text) ? 2 : 1) + 1_000,
    },
    (key: string, signal: AbortSignal) => {
      const [href, raw, links] = JSON.parse(key) as [string, boolean, boolean]
      const url = new URL(href)
      const ms = config.FETCH_TIMEOUT_MS
      const late = (): ToolError =>
        new ToolError('TIMEOUT', `${url.host} took longer than ${ms} ms`, { hint: 'the same call later, or another address' })
      return slots.run({ key: url.hostname, signal }, () =>
        withDeadline({ ms, signal, late }, (stop) => loadPage(url, { raw, links }, stop)),
      )
    },
  )

  return {
    upstream: 'web',
    /**
     * The page, from the cache or loaded.
     * @throws ToolError, FORBIDDEN or INVALID_ARGUMENT when the network policy does not allow the address; the signal's reason
     */
    async load(url: URL, { raw, links }: PageForm, signal: AbortSignal) {
      policy.check(url) // before it waits for a slot
      const calledAt = monotonicMs()
      const page = await pages.get(JSON.stringify([url.href, raw, links]), signal)
      return { page, cached: page.loadedAt < calledAt }
    },
    // The health of other people's sites is not this server's: nothing is asked.
    async probe() {
      const { entries, bytes } = pages.size
      return {
        running: slots.running,
        cached_pages: entries,
        cached_bytes: bytes,
        robots_sites: robots.sites,
        private_openings: config.FETCH_ALLOW_PRIVATE.length,
        robots: config.FETCH_IGNORE_ROBOTS ? 'ignored' : 'obeyed',
        proxy: config.FETCH_PROXY_URL === undefined ? 'none' : 'set',
      }
    },
    async close() {},
  } satisfies Backend & Record<string, unknown>
}

/** What is missing of the body, and what is known of one that is not text. */
function bodyNotes({ headers, cut, truncated }: Answer, maxBytes: number, notText: boolean): string[] {
  const notes: string[] = []
  if (cut) notes.push(`the page is larger than ${formatBytes(maxBytes)}; what is beyond was not read`)
  else if (truncated) notes.push('the compressed body ends too early; the end of the page is missing')
  if (notText) {
    const size = Number(headers['content-length'])
    const modified = Date.parse(String(headers['last-modified'] ?? ''))
    const known = [
      ...(Number.isSafeInteger(size) ? [formatBytes(size)] : []),
      ...(Number.isNaN(modified) ? [] : [`modified ${new Date(modified).toISOString()}`]),
    ]
    notes.push(`this is not text and is not shown${known.length === 0 ? '' : `: ${known.join(', ')}`}`)
  }
  return notes
}
