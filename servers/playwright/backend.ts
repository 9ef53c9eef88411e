// The playwright server's backend. The only file that imports Playwright at run time, when the first browser is started.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ToolError } from '../../protocol/index.ts'
import type { Backend, Environment } from '../kit/definition.ts'
import { EgressPolicy, type Resolve } from '../kit/network-policy/policy.ts'
import { Semaphore } from '../kit/waiting.ts'
import { type PlaywrightConfig, ports, proxyUrl, storageStates } from './config.ts'
import { BrowserKeeper } from './lib/browser-keeper.ts'
import { versionOf } from './lib/browser-version.ts'
import { findBrowser, missingBrowser } from './lib/find-browser.ts'
import { groupOf, killGroup } from './lib/processes.ts'
import { Sessions } from './lib/sessions.ts'
import { unpackBrowser } from './lib/unpack-browser.ts'
import type { Launched } from './types.ts'

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
const launchTimeoutMs = 30_000

/**
 * Keeps the browser behind the proxy: WebRTC and QUIC would send UDP past it (the first switch is for the headless shell, the second for
 * Chromium), and the browser itself resolves no names.
 */
const confinement = [
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--disable-quic',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--dns-prefetch-disable',
]
/** Limits what pages keep of their drawing: some 15 MB less for a page after an image in full, with no visible difference. */
const memorySwitches = ['--force-gpu-mem-available-mb=24']
/** Every context has its own proxy. Requests outside of any context get this one, which does not exist. */
const noProxy = 'http://nowhere.invalid:1'

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

/** What Chromium puts below its TMPDIR, and the longest path of a Unix socket (unix(7): 108 bytes with the NUL). */
const socketName = 'org.chromium.Chromium.XXXXXX/SingletonSocket'
const maxSocketPath = 107

async function launch(config: PlaywrightConfig, log: Environment['log']): Promise<Launched> {
  const found = findBrowser(config)
  if (found === undefined) throw new ToolError('UPSTREAM_UNREACHABLE', `${missingBrowser(config)}. Ask the operator`)
  const folder = mkdtempSync(join(tmpdir(), 'octet-'))
  let group: number | undefined
  const cleanUp = (): void => {
    process.off('exit', atExit)
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      log.warn("the browser's folder could not be removed", { folder, error })
    }
  }
  /** At an exit without shutdown, such as an uncaught exception: a browser must not outlive the server. */
  const atExit = (): void => {
    if (group !== undefined) killGroup(group)
    cleanUp()
  }
  process.once('exit', atExit)
  try {
    const { executable, env } =
      found.kind === 'npm package' ? await unpackBrowser(found.path) : { executable: found.path, env: {} }
    const started = performance.now()
    const { chromium } = await import('playwright')
    const browser = await chromium.launch({
      executablePath: executable,
      headless: true,
      proxy: { server: noProxy, bypass: '<-loopback>' },
      chromiumSandbox: config.PLAYWRIGHT_SANDBOX,
      args: [...confinement, ...memorySwitches],
      env: browserEnv(folder, env),
      timeout: launchTimeoutMs,
      // The server closes the browser at its own shutdown.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as { processInfo: { type: string; id: number }[] }
    await session.detach()
    group = groupOf(processInfo.find(({ type }) => type === 'browser')?.id ?? 0)
    if (group === undefined) throw new Error('the browser ended at once')
    log.info('browser started', {
      kind: found.kind,
      path: found.path,
      version: browser.version(),
      ms: Math.round(performance.now() - started),
    })
    return { browser, version: browser.version(), group, cleanUp }
  } catch (error) {
    cleanUp()
    if (error instanceof ToolError) throw error
    const length = join(folder, socketName).length
    const remedy =
      length > maxSocketPath ? `TMPDIR is ${length - maxSocketPath} characters too long for the browser's socket` : undefined
    log.error('the browser could not be started', { kind: found.kind, path: found.path, remedy, error })
    throw new ToolError('UPSTREAM_UNREACHABLE', "the browser could not be started; the server's log says why", {
      hint: 'ask the operator',
      cause: error,
    })
  }
}

/** Only PATH, language and time zone: the environment of this process may contain tokens. Files go into the folder. */
function browserEnv(folder: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = '', LANG = 'C.UTF-8', TZ } = process.env
  const home = join(folder, 'home')
  mkdirSync(home)
  return { PATH, LANG, ...(TZ === undefined ? {} : { TZ }), HOME: home, TMPDIR: folder, ...env }
}
