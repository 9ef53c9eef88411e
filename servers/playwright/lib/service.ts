// The backend that the tools are given: the browser, its sessions, and the network policy.
import { ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { openPolicy, type Resolve } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import type { PlaywrightConfig } from '../config.ts'
import { BrowserKeeper } from './browser-keeper.ts'
import { findBrowser, missingBrowser, versionOf } from './find-browser.ts'
import { openSessions } from './sessions.ts'

export type PlaywrightBackend = ReturnType<typeof openPlaywright>

const maxWaitingImages = 16
/** Calls end this much before the server's own deadline, because they can say more about why. */
const headStartMs = 1_500

/**
 * @param resolve instead of the system's resolver; tests only
 * @throws Error for the operator when the configuration cannot be used
 */
export function openPlaywright(config: PlaywrightConfig, { log, toolTimeoutMs, maxResultChars }: Environment, resolve?: Resolve) {
  const policy = openPolicy('PLAYWRIGHT', config, { resolve })
  const keeper = new BrowserKeeper(config, log)
  const sessions = openSessions(config, policy, keeper)
  log.info('browser sessions are kept apart by token, forwarded user and the argument session', {
    note: 'callers with one token and no forwarded user (MCP_USER_HEADERS) share their pages',
  })
  return {
    upstream: 'browser',
    config,
    policy,
    keeper,
    sessions,
    /** MCP_MAX_RESULT_CHARS */
    maxResultChars,
    /** One image larger than the window at a time: each takes some 16 bytes of the browser's memory for every pixel while it is made. */
    largeImages: new Semaphore({
      limit: 1,
      maxWaiting: maxWaitingImages,
      busy: () => 'other sessions are taking large images, which are made one at a time',
      hint: 'the same call in a few seconds, or without full_page',
    }),
    /** How long a call may take, in milliseconds, that would like to take `wantedMs`. */
    callTime: (wantedMs: number) => Math.max(500, Math.min(wantedMs, toolTimeoutMs - headStartMs)),
    async probe(signal: AbortSignal) {
      const found = findBrowser(config)
      if (found === undefined) throw new ToolError('UPSTREAM_UNREACHABLE', `${missingBrowser(config)}`)
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
      await keeper.end('closed')
    },
  }
}
