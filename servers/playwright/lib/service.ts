// The backend that the tools are given: the browser, its sessions, and the network policy.
import { ToolError } from '../../../protocol/index.ts'
import type { Backend, Environment } from '../../kit/definition.ts'
import { EgressPolicy, type Resolve } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { launch } from '../backend.ts'
import { type PlaywrightConfig, ports, proxyUrl, storageStates } from '../config.ts'
import { BrowserKeeper } from './browser-keeper.ts'
import { versionOf } from './browser-version.ts'
import { findBrowser, missingBrowser } from './find-browser.ts'
import { Sessions } from './sessions.ts'

export interface PlaywrightBackend extends Backend {
  readonly sessions: Sessions
  readonly policy: EgressPolicy
  readonly allowEvaluate: boolean
  readonly omitImages: boolean
  /** One image larger than the window at a time: each takes some 16 bytes of the browser's memory for every pixel while it is made. */
  readonly largeImages: Semaphore
  /** What is left of PLAYWRIGHT_MAX_RSS_MB, in MB. */
  roomMb(): number
  /** Process group of the browser, while it runs. */
  browserGroup(): number | undefined
}

const maxWaitingImages = 16
/** @throws Error for the operator when the configuration cannot be used */
export function openPlaywright(
  config: PlaywrightConfig,
  environment: Pick<Environment, 'log' | 'toolTimeoutMs'>,
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
  const { log } = environment
  const keeper = new BrowserKeeper({
    launch: () => launch(config, log),
    maxMemoryMb: config.PLAYWRIGHT_MAX_RSS_MB,
    log,
  })
  const sessions = new Sessions({
    keeper,
    policy,
    maxSessions: config.PLAYWRIGHT_MAX_CONTEXTS,
    ttlMs: config.PLAYWRIGHT_CONTEXT_TTL_SECONDS * 1_000,
    idleMs: config.PLAYWRIGHT_IDLE_SECONDS * 1_000,
    ignoreHttpsErrors: config.PLAYWRIGHT_IGNORE_HTTPS_ERRORS,
    blockedTypes: new Set(config.PLAYWRIGHT_BLOCK_RESOURCES),
    storageStates: storageStates(config.PLAYWRIGHT_STORAGE_STATE_FILE),
    log,
  })
  log.info('browser sessions are kept apart by token, forwarded user and the argument session', {
    note: 'callers with one token and no forwarded user (MCP_USER_HEADERS) share their pages',
  })
  return {
    upstream: 'browser',
    sessions,
    policy,
    allowEvaluate: config.PLAYWRIGHT_ALLOW_EVALUATE,
    omitImages: config.PLAYWRIGHT_IMAGE_RESPONSES === 'omit',
    largeImages: new Semaphore({
      limit: 1,
      maxWaiting: maxWaitingImages,
      busy: () =>
        new ToolError('RATE_LIMITED', 'other sessions are taking large images, which are made one at a time', {
          hint: 'the same call in a few seconds, or without full_page',
        }),
    }),
    roomMb: () => keeper.roomMb,
    browserGroup: () => keeper.group,
    async probe(signal) {
      const found = findBrowser(config)
      if (found === undefined) throw new ToolError('UPSTREAM_UNREACHABLE', missingBrowser(config) ?? 'no browser was found')
      return {
        browser: found.kind,
        path: found.path,
        version: keeper.version ?? (await versionOf(found, signal)),
        running: keeper.running,
        contexts: sessions.count,
      }
    },
    async close() {
      await sessions.close()
      await keeper.close()
    },
  }
}
