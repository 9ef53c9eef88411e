// One browser session: a browser context with its own cookies and its own way out, one current page, and what happened on it unasked.
import { ToolError } from '../../../protocol/index.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { EgressProxy } from '../../kit/network-policy/proxy.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { BrowserContext, Dialog, Launched, Page, Route } from '../backend.ts'
import type { Extract } from '../tools/get-content.ts'
import { atMost } from './browser-keeper.ts'

export interface SessionOptions {
  readonly launched: Launched
  readonly policy: EgressPolicy
  readonly ignoreHttpsErrors: boolean
  /** Playwright's resource types that pages do not get. */
  readonly blockedTypes: ReadonlySet<string>
}

const viewport = { width: 1280, height: 720 }
/** The current page, those below it, and no more: a page that opens windows without end gets this many. */
const maxPages = 5
const maxEvents = 5
const maxEventChars = 200
const closeTimeoutMs = 5_000
/** Schemes that a page and its frames may load from. Everything but http and https stays inside the page. */
const schemes = /^(https?|data|blob|about):/i

export class BrowserSession {
  readonly launched: Launched
  readonly proxy: EgressProxy
  readonly #context: BrowserContext
  readonly #options: SessionOptions
  /** Oldest first; the last one is the current page. */
  readonly #pages: Page[] = []
  #events: string[] = []
  #loading = 0
  /** The document that was asked for last, redirects included. */
  lastHop: string | undefined
  /** The content that was read last, so that its pages agree; forgotten when the page may have changed. */
  extract: Extract | undefined

  private constructor(options: SessionOptions, context: BrowserContext, proxy: EgressProxy) {
    this.#options = options
    this.#context = context
    this.launched = options.launched
    this.proxy = proxy
    context.on('page', (page) => this.#adopt(page))
  }

  static async open(options: SessionOptions): Promise<BrowserSession> {
    const proxy = await EgressProxy.open(options.policy)
    try {
      const { username, password } = proxy
      const context = await options.launched.browser.newContext({
        // Playwright leaves loopback out of a proxy unless it is told so here; an environment variable of its could undo its default.
        proxy: { server: proxy.url, bypass: '<-loopback>', username, password },
        viewport,
        acceptDownloads: false,
        serviceWorkers: 'block',
        permissions: [],
        ignoreHTTPSErrors: options.ignoreHttpsErrors,
      })
      const session = new BrowserSession(options, context, proxy)
      await context.route('**', (route) => session.#admit(route))
      return session
    } catch (error) {
      await proxy.close()
      throw error
    }
  }

  /** The current page; undefined before the first `navigate` and after the last page was closed or has crashed. */
  get page(): Page | undefined {
    return this.#pages.at(-1)
  }

  /** Is a document of the current page being loaded? */
  get loading(): boolean {
    return this.#loading > 0
  }

  async openPage(): Promise<Page> {
    const page = this.page ?? (await this.#context.newPage())
    if (!this.#pages.includes(page)) this.#adopt(page)
    return page
  }

  /** What happened since this was asked last: dialogs, new pages, refused downloads, crashes. */
  takeEvents(): string[] {
    const events = this.#events
    this.#events = []
    return events
  }

  async close(): Promise<void> {
    await atMost(
      closeTimeoutMs,
      this.#context.close().catch(() => {}),
    ) // the browser may have crashed
    await this.proxy.close()
  }

  /** Closes a page that no longer answers. */
  async drop(page: Page): Promise<void> {
    this.#forget(page)
    await atMost(
      closeTimeoutMs,
      page.close().catch(() => {}),
    )
  }

  #adopt(page: Page): void {
    if (this.#pages.includes(page)) return
    if (this.#pages.length >= maxPages) {
      this.#note(`a new window was refused: there are ${maxPages} pages`)
      void page.close().catch(() => {})
      return
    }
    if (this.#pages.length > 0) this.#note('the page opened a new window, which is the current page now')
    this.#pages.push(page)
    this.extract = undefined
    page.on('dialog', (dialog) => void this.#answer(dialog))
    page.on('download', (download) => {
      this.#note(`a download was refused: ${quoted(download.suggestedFilename())}`)
      void download.cancel().catch(() => {})
    })
    page.on('crash', () => {
      this.#note('the page crashed, probably for lack of memory')
      void this.drop(page)
    })
    page.on('close', () => this.#forget(page))
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) this.extract = undefined
    })
    const main = (request: { isNavigationRequest(): boolean; frame(): unknown }): boolean =>
      request.isNavigationRequest() && request.frame() === page.mainFrame()
    page.on('request', (request) => {
      if (!main(request)) return
      this.#loading += 1
      this.lastHop = request.url()
    })
    for (const event of ['requestfinished', 'requestfailed'] as const) {
      page.on(event as 'requestfinished', (request) => {
        if (main(request)) this.#loading = Math.max(0, this.#loading - 1)
      })
    }
  }

  #forget(page: Page): void {
    const at = this.#pages.indexOf(page)
    if (at < 0) return
    this.#pages.splice(at, 1)
    this.#loading = 0
    this.extract = undefined
    if (at > 0 && at === this.#pages.length)
      this.#note('the window was closed; the page that opened it is the current page again')
  }

  async #answer(dialog: Dialog): Promise<void> {
    // Staying on the page would block the next navigation: that question is not the caller's to refuse.
    if (dialog.type() === 'beforeunload') return void dialog.accept().catch(() => {})
    this.#note(`a dialog (${dialog.type()}) was dismissed: ${quoted(dialog.message())}`)
    await dialog.dismiss().catch(() => {}) // the page may be gone
  }

  async #admit(route: Route): Promise<void> {
    const request = route.request()
    const refused = !schemes.test(request.url()) || this.#options.blockedTypes.has(request.resourceType())
    await (refused ? route.abort('blockedbyclient') : route.continue()).catch(() => {}) // the page may be gone
  }

  #note(event: string): void {
    if (this.#events.length < maxEvents) this.#events.push(event)
  }
}

/** Words of the page in a line of ours. */
function quoted(text: string): string {
  return JSON.stringify(clip(cleanText(text), maxEventChars))
}

/** @throws ToolError when nothing is open */
export function currentPage(session: BrowserSession, name: string): Page {
  const { page } = session
  if (page !== undefined) return page
  throw new ToolError('INVALID_ARGUMENT', `no page is open in session "${name}"`, { hint: 'call navigate first' })
}
