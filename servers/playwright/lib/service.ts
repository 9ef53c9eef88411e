// The backend that the tools are given: the browser, its sessions, and the network policy.
import { ToolError } from '../../../protocol/index.ts'
import type { Backend, Environment } from '../../kit/definition.ts'
import { EgressPolicy, type Resolve } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { type PlaywrightConfig, ports, proxyUrl } from '../config.ts'
import { BrowserKeeper } from './browser-keeper.ts'
import { findBrowser, missingBrowser, versionOf } from './find-browser.ts'
import { Sessions } from './sessions.ts'

export interface PlaywrightBackend extends Backend {
  readonly sessions: Sessions
  readonly policy: EgressPolicy
  readonly config: PlaywrightConfig
  /** MCP_MAX_RESULT_CHARS */
  readonly maxResultChars: number
  /** One image larger than the window at a time: each takes some 16 bytes of the browser's memory for every pixel while it is made. */
  readonly largeImages: Semaphore
  /** How long a call may take, in milliseconds, that would like to take `wantedMs`. */
  callTime(wantedMs: number): number
  /** What is left of PLAYWRIGHT_MAX_RSS_MB, in MB. */
  roomMb(): number
  /** Process group of the browser, while it runs. */
  browserGroup(): number | undefined
}

const maxWaitingImages = 16
/** Calls end this much before the server's own deadline, because they can say more about why. */
const headStartMs = 1_500

/** @throws Error for the operator when the configuration cannot be used */
export function openPlaywright(
  config: PlaywrightConfig,
  { log, toolTimeoutMs, maxResultChars }: Environment,
  resolve?: Resolve,
): PlaywrightBackend {
  const domains = config.PLAYWRIGHT_ALLOWED_DOMAINS
  const policy = new EgressPolicy({
    prefix: 'PLAYWRIGHT',
    allowPrivate: config.PLAYWRIGHT_ALLOW_PRIVATE,
    ...(domains.length === 0 ? {} : { allowedDomains: domains }),
    deniedDomains: config.PLAYWRIGHT_DENIED_DOMAINS,
    allowedPorts: ports(config.PLAYWRIGHT_ALLOWED_PORTS),
    proxy: proxyUrl(config.PLAYWRIGHT_PROXY_URL),
    ...(resolve === undefined ? {} : { resolve }),
  })
  const keeper = new BrowserKeeper(config, log)
  const sessions = new Sessions(config, policy, keeper)
  log.info('browser sessions are kept apart by token, forwarded user and the argument session', {
    note: 'callers with one token and no forwarded user (MCP_USER_HEADERS) share their pages',
  })
  return {
    upstream: 'browser',
    sessions,
    policy,
    config,
    maxResultChars,
    largeImages: new Semaphore({
      limit: 1,
      maxWaiting: maxWaitingImages,
      busy: () =>
        new ToolError('RATE_LIMITED', 'other sessions are taking large images, which are made one at a time', {
          hint: 'the same call in a few seconds, or without full_page',
        }),
    }),
    callTime: (wantedMs) => Math.max(500, Math.min(wantedMs, toolTimeoutMs - headStartMs)),
    roomMb: () => keeper.roomMb,
    browserGroup: () => keeper.running?.group,
    async probe(signal) {
      const found = findBrowser(config)
      if (found === undefined) throw new ToolError('UPSTREAM_UNREACHABLE', missingBrowser(config) ?? 'no browser was found')
      return {
        browser: found.kind,
        path: found.path,
        version: keeper.running?.browser.version() ?? (await versionOf(found, signal)),
        running: keeper.running !== undefined,
        contexts: sessions.count,
      }
    },
    async close() {
      await sessions.close()
      await keeper.close()
    },
  }
}
