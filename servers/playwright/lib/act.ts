// What click and fill have in common: the target, waiting for what the action began, and a report of what changed.
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import { abortable, sleep } from '../../kit/waiting.ts'
import { explainAction } from '../errors.ts'
import type { Attempt, JSHandle, Locator, Page } from '../types.ts'
import { ask, callTime, pageFunction, scriptLimitMs, scriptMs, titleOf, within } from './ask-page.ts'
import { type BrowserSession, currentPage } from './browser-session.ts'
import { enterFrames } from './frames.ts'
import { locate } from './locate.ts'
import type { Changes } from './page/program.ts'
import type { PlaywrightBackend } from './service.ts'
import type { Lease } from './sessions.ts'

interface ActionArguments {
  readonly selector: string
  readonly timeout_ms: number
  readonly dialog?: string | undefined
  readonly session?: string | undefined
}

export interface Done {
  /** `clicked button "Save"` */
  readonly did: string
  readonly notes?: readonly string[]
}

/** A script that was started by an action begins to load something within this time, or not because of it. */
const settleMs = 80
/** A second look, where the first one finds no change. */
const secondLookMs = 300
/** Requests that the action began are waited for, but not longer. */
const maxPendingMs = 1_500
/** Of the text, the part of the page that is compared. */
const lineLimits = { maxChars: 300_000, ms: 400 }
const maxChangedLines = 300
const maxChangedChars = 1_200
const maxLineChars = 250
const previewChars = 500

/** Runs `work` on the one element that the arguments name, and reports what came of it. */
export async function act(
  backend: PlaywrightBackend,
  environment: Environment,
  args: ActionArguments,
  context: Context,
  work: (attempt: Attempt) => Promise<Done>,
  fill: boolean,
): Promise<ToolResult<object>> {
  const { signal } = context
  return backend.sessions.use(context, { session: args.session, stop: true }, async (lease) => {
    const { session } = lease
    const page = currentPage(session, lease.name)
    const timeoutMs = callTime(args.timeout_ms, environment)
    const { selector } = args
    let attempt: Attempt = { page, locator: page.locator(enterFrames(selector)), selector, timeoutMs, signal }
    session.extract = undefined
    session.dialogAnswer = args.dialog
    const url = page.url()
    let before: JSHandle | undefined
    try {
      attempt = { ...attempt, locator: await locate({ session, ...attempt }, fill) }
      before = await linesOf(attempt.locator, signal)
      const pending = new Set(session.pending)
      const done = await work(attempt).catch((error: unknown) => {
        const closedItself = page.isClosed() && session.page !== undefined && !session.hasCrashed(page)
        if (!closedItself) throw error
        return { did: `used ${JSON.stringify(clip(selector, 100))}, and its window closed` }
      })
      const outcome = await settle(session, page, before, pending, timeoutMs, signal)
      return await describe(lease, url, done, outcome, context)
    } catch (error) {
      return await explainAction(error, attempt)
    } finally {
      void before?.dispose().catch(() => {})
      session.extract = undefined
      session.dialogAnswer = undefined
    }
  })
}

/** The visible lines of the element's document, kept there. */
export async function linesOf(locator: Locator, signal: AbortSignal): Promise<JSHandle | undefined> {
  const lines = await pageFunction('lines')
  return within({ ms: 2_000, signal }, () => locator.evaluateHandle(lines as never, lineLimits as never)).catch(() => {
    signal.throwIfAborted()
    return undefined
  })
}

/** What the document looks like after an action: another one, or the same, which may be too busy to be compared. */
type Outcome = Changes | 'replaced' | 'busy'

/** Waits for what the action began, and compares the document with what it was. */
async function settle(
  session: BrowserSession,
  page: Page,
  before: JSHandle | undefined,
  pending: ReadonlySet<unknown>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const began = performance.now()
  let outcome: Outcome = 'busy'
  for (const pauseMs of [settleMs, secondLookMs]) {
    await sleep(pauseMs, signal)
    const waits = (): boolean => session.loading || [...session.pending].some((request) => !pending.has(request))
    while (waits() && performance.now() - began < maxPendingMs) await sleep(20, signal)
    if (session.page !== page || session.loading) {
      // A page that takes longer is not a failure of the action: the next call sees it.
      await session.page?.waitForLoadState('domcontentloaded', { timeout: timeoutMs, signal }).catch(() => {})
      signal.throwIfAborted()
    }
    outcome = session.page === page ? await compare(before, signal) : 'replaced'
    if (typeof outcome === 'string' || outcome.appeared.length + outcome.gone.length > 0) return outcome
  }
  return outcome
}

async function compare(before: JSHandle | undefined, signal: AbortSignal): Promise<Outcome> {
  if (before === undefined) return 'busy'
  return ask(before, 'changes', { most: maxChangedLines }, { ms: 2_000, signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    return error instanceof ToolError ? 'busy' : 'replaced'
  })
}

async function describe(
  { session, notes }: Lease,
  before: string,
  { did, notes: found = [] }: Done,
  outcome: Outcome,
  context: Context,
): Promise<ToolResult<object>> {
  const { page } = session
  const now = page?.url() ?? 'about:blank'
  const title = page === undefined ? '' : await abortable(titleOf(page), context.signal)
  const moved = now !== before
  const text = page !== undefined && outcome === 'replaced' ? await currentText(page) : ''
  const changes = typeof outcome === 'string' ? { appeared: [], gone: [] } : outcome
  const appeared = fit(changes.appeared, maxChangedChars)
  const gone = fit(changes.gone, maxChangedChars / 3)
  const changed = [...(moved ? ['address'] : []), ...(appeared.length + gone.length > 0 ? ['text'] : [])].join(' and ')
  const summary =
    outcome === 'replaced'
      ? `done; ${moved ? 'the page is another one now' : 'the page was loaded again or is another window'}`
      : outcome === 'busy'
        ? 'done; the page is too busy to say what changed'
        : `done; ${changed === '' ? 'neither address nor text' : `the ${changed}`} of the page changed`
  return report(context, {
    summary,
    untrusted: [
      did,
      `url: ${clip(now, 500)}`,
      ...(moved ? [`url before: ${clip(before, 500)}`] : []),
      `title: ${title}`,
      ...(text === '' ? [] : [`text: ${text}`]),
      ...appeared.map((line) => `new: ${line}`),
      ...gone.map((line) => `gone: ${line}`),
    ].join('\n'),
    notes: [...notes, ...found, ...session.takeEvents()],
    structured: { did, url_before: before, url_after: now, navigated: moved, title, text, appeared, gone },
  })
}

/** The first lines, within a budget of characters. */
function fit(lines: readonly string[], maxChars: number): string[] {
  const shown: string[] = []
  let left = maxChars
  for (const line of lines.map((each) => clip(each, maxLineChars))) {
    left -= line.length + 1
    if (left < 0) return [...shown, '… and more lines']
    shown.push(line)
  }
  return shown
}

/** Lines of text that appeared since `linesOf`. */
export async function newLines(before: JSHandle | undefined, signal: AbortSignal): Promise<string[]> {
  const outcome = await compare(before, signal)
  return typeof outcome === 'string' ? [] : fit(outcome.appeared, maxChangedChars / 3)
}

/** The first words of a page. */
export async function currentText(page: Page): Promise<string> {
  const limits = { maxChars: previewChars, ms: scriptMs }
  const { text, cut } = await ask(page.locator('html'), 'plainText', limits, { ms: scriptLimitMs }).catch(() => ({
    text: '',
    cut: false,
  }))
  return `${text}${cut ? ' …' : ''}`
}
