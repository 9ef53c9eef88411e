// The fetch server's backend: policy, robots.txt, page cache, and the extraction. The only file of the main thread that knows htmlparser2,
// which is loaded for the first page of HTML; DOM and Readability are the worker's.
import type { Backend, Environment } from '../kit/definition.ts'
import { EgressPolicy, type Resolve } from '../kit/network-policy/policy.ts'
import { type FetchConfig, proxyOf } from './config.ts'
import { DomWorker } from './lib/dom-worker.ts'
import { type ExtractTools, maxTextChars } from './lib/extract.ts'
import type { TokenizerClass } from './lib/html-events.ts'
import { PageCache } from './lib/page-cache.ts'
import type { RequestSettings } from './lib/request.ts'
import { Robots } from './lib/robots-cache.ts'
import { Slots } from './lib/slots.ts'
import { workerEntry } from './lib/worker-file.ts'

export interface FetchBackend extends Backend {
  readonly request: RequestSettings
  readonly robots: Robots
  readonly cache: PageCache
  readonly slots: Slots
  readonly extraction: ExtractTools
  readonly maxBytes: number
  readonly timeoutMs: number
}

const headersMs = 5_000
/** Pages at once, and of one host; servers.md §6.3. */
const places = { most: 4, mostPerKey: 2, maxWaiting: 64 }
const cacheLimits = { maxPages: 20, maxBytes: 4 * 1024 * 1024 }
/** Also what the tests of the worker hold the largest pages against. */
export const workerLimits = { deadlineMs: 5_000, idleMs: 1_000, maxQueued: 3, heapMiB: 20 }

/**
 * @param resolve instead of the system's resolver; tests only
 * @throws Error for the operator when a variable cannot be read
 */
export function openFetch(config: FetchConfig, environment: Environment, resolve?: Resolve): FetchBackend {
  const policy = new EgressPolicy({
    prefix: 'FETCH',
    allowPrivate: config.FETCH_ALLOW_PRIVATE,
    deniedDomains: config.FETCH_DENIED_DOMAINS,
    ...(config.FETCH_ALLOWED_DOMAINS.length === 0 ? {} : { allowedDomains: config.FETCH_ALLOWED_DOMAINS }),
    allowedPorts: config.FETCH_ALLOWED_PORTS.map(Number),
    proxy: proxyOf(config.FETCH_PROXY_URL),
    ...(resolve === undefined ? {} : { resolve }),
  })
  const userAgent = config.FETCH_USER_AGENT ?? `mcp-fetch/${environment.version}`
  const request: RequestSettings = { policy, ca: environment.ca, userAgent, headersMs }
  const robots = new Robots({ ignore: config.FETCH_IGNORE_ROBOTS, strict: config.FETCH_ROBOTS_STRICT, request })
  const cache = new PageCache({ ...cacheLimits, keepMs: config.FETCH_CACHE_SECONDS * 1_000 })
  const slots = new Slots(places)
  const dom = new DomWorker({ ...workerEntry, ...workerLimits })
  return {
    upstream: 'web',
    request,
    robots,
    cache,
    slots,
    maxBytes: config.FETCH_MAX_BYTES,
    timeoutMs: config.FETCH_TIMEOUT_MS,
    extraction: {
      tokenizer: async () => (await import('htmlparser2')).Tokenizer as unknown as TokenizerClass,
      dom: (html, { url, links }, signal) => dom.extract({ html, url, links, maxChars: maxTextChars }, signal),
    },
    // The world outside is not this server's to be healthy: nothing is asked.
    async probe() {
      const { pages, bytes } = cache.size
      return {
        running: slots.running,
        cached_pages: pages,
        cached_bytes: bytes,
        robots_sites: robots.sites,
        worker: dom.state,
        worker_pages: dom.counts.pages,
        worker_failed: dom.counts.failed,
        worker_replaced: dom.counts.replaced,
        private_openings: config.FETCH_ALLOW_PRIVATE.length,
        robots: config.FETCH_IGNORE_ROBOTS ? 'ignored' : 'obeyed',
        proxy: config.FETCH_PROXY_URL === undefined ? 'none' : 'set',
      }
    },
    async close() {
      cache.clear()
      await dom.close()
    },
  }
}
