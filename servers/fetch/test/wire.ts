// For tests: the tool behind a real socket, and sites on loopback that it may reach because the test opens exactly them.
import type { RequestListener } from 'node:http'
import { environmentOf, type ToolClient, withTools } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import type { Environment } from '../../kit/definition.ts'
import type { Resolve } from '../../kit/network-policy/policy.ts'
import { type FetchBackend, openFetch } from '../backend.ts'
import type { FetchConfig } from '../config.ts'
import { fetchWebContent } from '../tools/fetch-web-content.ts'

export interface Wire extends ToolClient {
  readonly backend: FetchBackend
  fetch(url: string, args?: Record<string, unknown>): ReturnType<ToolClient['call']>
}

export interface Setup {
  readonly config?: Partial<FetchConfig>
  readonly environment?: Partial<Environment>
  readonly resolve?: Resolve
}

export function configOf(config: Partial<FetchConfig> = {}): FetchConfig {
  return {
    FETCH_ALLOW_PRIVATE: [],
    FETCH_ALLOWED_DOMAINS: [],
    FETCH_DENIED_DOMAINS: [],
    FETCH_ALLOWED_PORTS: [],
    FETCH_IGNORE_ROBOTS: false,
    FETCH_ROBOTS_STRICT: false,
    FETCH_MAX_BYTES: 5_242_880,
    FETCH_TIMEOUT_MS: 15_000,
    FETCH_CACHE_SECONDS: 300,
    ...config,
  }
}

export async function withWire(setup: Setup, work: (wire: Wire) => Promise<void>): Promise<void> {
  const environment = environmentOf(setup.environment)
  const backend = openFetch(configOf(setup.config), environment, setup.resolve)
  try {
    await withTools({ name: 'fetch', tools: [fetchWebContent(backend, environment)], structuredContent: 'auto' }, (client) =>
      work({ ...client, backend, fetch: (url, args = {}) => client.call('fetch_web_content', { url, ...args }) }),
    )
  } finally {
    await backend.close()
  }
}

/** The server, and one site that it may reach. Without a robots.txt of its own the site has none. */
export function withSite(
  listener: RequestListener,
  work: (wire: Wire, url: string) => Promise<void>,
  setup: Setup = {},
): Promise<void> {
  const site: RequestListener = (req, res) => {
    res.on('error', () => {})
    listener(req, res)
    if (req.url === '/robots.txt' && !res.headersSent && !res.writableEnded) res.writeHead(404).end()
  }
  return withServer(site, (url) => {
    const { config = {} } = setup
    const FETCH_ALLOW_PRIVATE = [...(config.FETCH_ALLOW_PRIVATE ?? []), new URL(url).host]
    return withWire({ ...setup, config: { ...config, FETCH_ALLOW_PRIVATE } }, (wire) => work(wire, url))
  })
}

/** Answers everything but robots.txt with this page. */
export function html(page: string): RequestListener {
  return (req, res) => {
    if (req.url !== '/robots.txt') res.setHeader('content-type', 'text/html; charset=utf-8').end(page)
  }
}
