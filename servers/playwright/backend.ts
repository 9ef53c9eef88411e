// Starts Chromium. The only file that imports Playwright, at run time when the first browser is started.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monotonicMs, ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import type { PlaywrightConfig } from './config.ts'
import { findBrowser, missingBrowser } from './lib/find-browser.ts'
import { groupOf, killGroup } from './lib/processes.ts'

export type * from 'playwright'

/** A browser that runs. `cleanUp` removes its folder, when all processes of its group have ended. */
export type Launched = Awaited<ReturnType<typeof launch>>

const launchTimeoutMs = 30_000

const switches = [
  // Keep the browser behind the proxy: WebRTC and QUIC would send UDP past it (the first switch is for the headless shell, the second for
  // Chromium), and the browser itself resolves no names.
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--disable-quic',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--dns-prefetch-disable',
  // Limits what pages keep of their drawing: some 15 MB less for a page after an image in full, with no visible difference.
  '--force-gpu-mem-available-mb=24',
]
/** Every context has its own proxy. Requests outside of any context get this one, which does not exist. */
const noProxy = 'http://nowhere.invalid:1'

/** What Chromium puts below its TMPDIR, and the longest path of a Unix socket (unix(7): 108 bytes with the NUL). */
const socketName = 'org.chromium.Chromium.XXXXXX/SingletonSocket'
const maxSocketPath = 107

/** @throws ToolError UPSTREAM_UNREACHABLE */
export async function launch(config: PlaywrightConfig, log: Environment['log']) {
  const found = findBrowser(config)
  if (found === undefined) throw new ToolError('UPSTREAM_UNREACHABLE', `${missingBrowser(config)}. Ask the operator`)
  const { kind, path } = found
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
    const executablePath = (await found.unpack?.()) ?? path
    const home = join(folder, 'home')
    mkdirSync(home)
    const { PATH = '', LANG = 'C.UTF-8', TZ } = process.env
    const started = monotonicMs()
    const { chromium } = await import('playwright')
    const browser = await chromium.launch({
      executablePath,
      headless: true,
      proxy: { server: noProxy, bypass: '<-loopback>' },
      chromiumSandbox: config.PLAYWRIGHT_SANDBOX,
      args: switches,
      // No more than these: the environment of this process may contain tokens.
      env: { PATH, LANG, ...(TZ === undefined ? {} : { TZ }), HOME: home, TMPDIR: folder },
      timeout: launchTimeoutMs,
      // The server closes the browser at its own shutdown.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    await session.detach()
    group = groupOf(processInfo.find(({ type }) => type === 'browser')?.id ?? 0)
    if (group === undefined) throw new Error('the browser ended at once')
    const ms = Math.round(monotonicMs() - started)
    log.info('browser started', { kind, path, version: browser.version(), ms })
    return { browser, group, cleanUp }
  } catch (error) {
    cleanUp()
    if (error instanceof ToolError) throw error
    const excess = join(folder, socketName).length - maxSocketPath
    const remedy = excess > 0 ? `TMPDIR is ${excess} characters too long for the browser's socket` : undefined
    log.error('the browser could not be started', { kind, path, remedy, error })
    const what = "the browser could not be started; the server's log says why"
    throw new ToolError('UPSTREAM_UNREACHABLE', what, { hint: 'ask the operator', cause: error })
  }
}
