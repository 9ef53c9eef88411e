// One browser session: a browser context with its own cookies and its own proxy, one current page, and the events of its pages.
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { type EgressProxy, openProxy } from '../../kit/network-policy/proxy.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { PlaywrightConfig } from '../config.ts'
import type { Browser, BrowserContext, CDPSession, Dialog, Page, Request, Route } from '../types.ts'
import { settled, within } from './ask-page.ts'
import type { PageText } from './page/program.ts'

const viewport = { width: 1280, height: 720 }
/** The current page, those below it, and no more: a page that opens windows without end gets this many. */
const maxPages = 5
const maxEvents = 5
const maxEventChars = 200
const closeTimeoutMs = 5_000
/** A page that takes longer for nothing is busy. */
const answerMs = 700
/** One ends one script, and others may wait behind it. */
const maxTerminations = 5
/** For a new page, whose process may be one that a script keeps busy, and for Playwright's scripts in a new document. */
const prepareMs = 30_000
/** Requests that are not waited for. */
const endless = new Set(['eventsource', 'websocket', 'media', 'ping'])
/** Schemes that a page and its frames may load from. Everything but http and https stays inside the page. */
const schemes = /^(https?|data|blob|about):/i

export class BrowserSession {
  readonly proxy: EgressProxy
  readonly #context: BrowserContext
  /**
   * Oldest first; the last one is the current page. With their connections to the DevTools, because none can be opened to a page that is
   * busy.
   */
  readonly #pages = new Map<Page, Promise<CDPSession>>()
  readonly crashed = new WeakSet<Page>()
  readonly #prepared = new WeakSet<Page>()
  readonly #events: string[] = []
  /** Requests of the current page without an answer so far. */
  readonly pending = new Set<Request>()
  /** The document that was asked for last, redirects included. */
  lastHop: string | undefined
  /** During a call: `accept`, the text for a prompt, or undefined to dismiss dialogs. */
  dialogAnswer: string | undefined
  /** The content that was read last, and of what it is, so that its pages agree; forgotten when the page may have changed. */
  extract: (PageText & { readonly of: string }) | undefined

  private constructor(context: BrowserContext, proxy: EgressProxy) {
    this.#context = context
    this.proxy = proxy
    context.on('page', (page) => this.#adopt(page))
  }

  /** @param storageState file with the cookies and local storage to begin with */
  static async open(browser: Browser, policy: EgressPolicy, config: PlaywrightConfig, storageState: string | undefined) {
    const proxy = await openProxy(policy)
    try {
      const { username, password } = proxy
      const context = await browser.newContext({
        // Playwright leaves loopback out of a proxy unless it is told so here; an environment variable of its could undo its default.
        proxy: { server: proxy.url, bypass: '<-loopback>', username, password },
        viewport,
        acceptDownloads: false,
        serviceWorkers: 'block',
        permissions: [],
        ignoreHTTPSErrors: config.PLAYWRIGHT_IGNORE_HTTPS_ERRORS,
        ...(storageState === undefined ? {} : { storageState }),
      })
      const blockedTypes: readonly string[] = config.PLAYWRIGHT_BLOCK_RESOURCES
      await context.route('**', (route) => admit(route, blockedTypes))
      return new BrowserSession(context, proxy)
    } catch (error) {
      await proxy.close()
      throw error
    }
  }

  /** The current page; undefined before the first `navigate` and after the last page was closed or has crashed. */
  get page(): Page | undefined {
    return [...this.#pages.keys()].at(-1)
  }

  /** Is a document of the current page being loaded? */
  get loading(): boolean {
    return [...this.pending].some(isMainDocument)
  }

  /** For commands of the Chrome DevTools Protocol. */
  protocolOf(page: Page): Promise<CDPSession> {
    return this.#pages.get(page) ?? this.#context.newCDPSession(page)
  }

  /**
   * Ends a script that keeps the page busy, so that the page can be used; closes a page that does not answer even then. Returns whether it
   * answers.
   */
  async free(page: Page): Promise<boolean> {
    for (let attempt = 0; attempt < maxTerminations; attempt++) {
      if ((await answers(page)) || page.isClosed()) return true
      if (!this.#prepared.has(page)) return false // navigate closes it if it is busy then
      const terminated = this.protocolOf(page).then((protocol) => protocol.send('Runtime.terminateExecution'))
      await settled(answerMs, terminated)
    }
    this.#note('the page did not answer any more and was closed')
    await this.#drop(page)
    return false
  }

  /**
   * Lets Playwright put its scripts into both worlds of a new document. If one of them were terminated, Playwright could not use the document
   * any more.
   */
  async #prepare(page: Page): Promise<void> {
    this.#prepared.delete(page)
    const worlds = [page.locator('html').evaluate('1', undefined, { timeout: prepareMs }), page.locator('html').count()]
    const isReady = await settled(prepareMs, Promise.all(worlds)) // not when it is closed or replaced
    if (isReady) this.#prepared.add(page)
  }

  /** The current page, or a new one where there is none or a script keeps it busy. */
  async responsivePage(): Promise<Page> {
    if (this.page !== undefined && !(await answers(this.page))) await this.#drop(this.page)
    return this.page ?? within({ ms: prepareMs }, () => this.#context.newPage()) // adopted by its event, which comes first
  }

  /** Events since the last call of this: dialogs, new pages, refused downloads, crashes. */
  takeEvents(): string[] {
    return this.#events.splice(0)
  }

  async close(): Promise<void> {
    await settled(closeTimeoutMs, this.#context.close())
    await this.proxy.close()
  }

  /** Closes a page that no longer answers. */
  async #drop(page: Page): Promise<void> {
    this.#forget(page)
    await settled(closeTimeoutMs, page.close())
  }

  #adopt(page: Page): void {
    if (this.#pages.size >= maxPages) {
      this.#note(`a new window was refused: there are ${maxPages} pages`)
      void page.close().catch(() => {})
      return
    }
    if (this.#pages.size > 0) this.#note('the page opened a new window, which is the current page now')
    const protocol = this.#context.newCDPSession(page)
    protocol.catch(() => {}) // the page may be closed by now
    this.#pages.set(page, protocol)
    this.extract = undefined
    page.on('dialog', (dialog) => void this.#answer(dialog))
    page.on('download', (download) => this.#note(`a download was refused: ${quoted(download.suggestedFilename())}`))
    page.on('filechooser', () => this.#note('a file chooser was opened and left empty: files cannot be uploaded'))
    page.on('crash', () => {
      this.crashed.add(page)
      this.#note('the page crashed, probably for lack of memory')
      void this.#drop(page)
    })
    page.on('close', () => this.#forget(page))
    page.on('framenavigated', (frame) => {
      if (frame !== page.mainFrame()) return
      this.extract = undefined
      this.#prepared.delete(page)
    })
    page.on('domcontentloaded', () => void this.#prepare(page))
    page.on('request', (request) => {
      if (page === this.page && !endless.has(request.resourceType())) this.pending.add(request)
      if (isMainDocument(request)) this.lastHop = request.url()
    })
    const ended = (request: Request): void => void this.pending.delete(request)
    page.on('requestfinished', ended)
    page.on('requestfailed', ended)
  }

  #forget(page: Page): void {
    const wasCurrent = page === this.page
    if (!this.#pages.delete(page)) return
    this.pending.clear()
    this.extract = undefined
    if (wasCurrent && this.page !== undefined)
      this.#note('the window was closed; the page that opened it is the current page again')
  }

  async #answer(dialog: Dialog): Promise<void> {
    // Staying on the page would block the next navigation.
    if (dialog.type() === 'beforeunload') return void dialog.accept().catch(() => {})
    const answer = this.dialogAnswer
    const accepted = answer !== undefined && dialog.type() !== 'alert'
    const done = accepted ? 'accepted' : 'dismissed'
    this.#note(`a dialog (${dialog.type()}) was ${done}: ${quoted(dialog.message())}`)
    const answered = accepted ? dialog.accept(answer === 'accept' ? dialog.defaultValue() : answer) : dialog.dismiss()
    await answered.catch(() => {}) // the page may be gone
  }

  #note(event: string): void {
    if (this.#events.length < maxEvents) this.#events.push(event)
  }
}

/** @param blockedTypes Playwright's types of resources that pages do not get */
async function admit(route: Route, blockedTypes: readonly string[]): Promise<void> {
  const request = route.request()
  const refused = !schemes.test(request.url()) || blockedTypes.includes(request.resourceType())
  await (refused ? route.abort('blockedbyclient') : route.continue()).catch(() => {}) // the page may be gone
}

function isMainDocument(request: Request): boolean {
  return request.isNavigationRequest() && request.frame().parentFrame() === null
}

/** Does the page run a script that does nothing? */
function answers(page: Page): Promise<boolean> {
  return settled(answerMs, page.evaluate('1'))
}

/** Text of the page, to stand in a note: unlike the kit's `quoted`, which is for names, it keeps every printable character. */
function quoted(text: string): string {
  return JSON.stringify(clip(cleanText(text), maxEventChars))
}
