// What click and fill have in common: the target, waiting for what the action began, and a report of what changed.
import { type Context, monotonicMs, ToolError, type ToolResult } from '../../../protocol/index.ts'
import { clip, fitLines } from '../../kit/text.ts'
import { abortable, sleep } from '../../kit/waiting.ts'
import { explainAction } from '../errors.ts'
import type { JSHandle, Locator, Page } from '../types.ts'
import { ask, ifPossible, scriptLimitMs, titleOf } from './ask-page.ts'
import { locate } from './locate.ts'
import type { Changes } from './page/program.ts'
import { onPage, type PageCall, type Target } from './page-call.ts'
import type { PlaywrightBackend } from './service.ts'

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
export function act(
  backend: PlaywrightBackend,
  args: { selector: string; timeout_ms: number; dialog?: string | undefined; session?: string | undefined },
  context: Context,
  purpose: 'click' | 'fill',
  work: (target: Target) => Promise<Done>,
): Promise<ToolResult<object>> {
  return onPage(backend, context, args, async (call) => {
    const { session, page, signal } = call
    const url = page.url()
    let before: JSHandle | undefined
    session.extract = undefined
    session.dialogAnswer = args.dialog
    try {
      const target = await locate(call, args.selector, purpose)
      before = await linesOf(target.locator, signal)
      const pending = new Set(session.pending)
      const done = await work(target).catch((error: unknown) => {
        const closedItself = page.isClosed() && session.page !== undefined && !session.crashed.has(page)
        if (!closedItself) return explainAction(error, target)
        return { did: `used ${JSON.stringify(clip(args.selector, 100))}, and its window closed` }
      })
      return await describe(call, url, done, await settle(call, before, pending))
    } finally {
      void before?.dispose().catch(() => {})
      session.dialogAnswer = undefined
    }
  })
}

/** The visible lines of the element's document, kept there. */
export async function linesOf(locator: Locator, signal: AbortSignal): Promise<JSHandle | undefined> {
  return ifPossible(ask(locator, 'lines', lineLimits, { ms: 2_000, signal }), signal)
}

/** What the document looks like after an action: another one, or the same, which may be too busy to be compared. */
type Outcome = Changes | 'replaced' | 'busy'

/** Waits for what the action began, and compares the document with what it was. */
async function settle(call: PageCall, before: JSHandle | undefined, pending: ReadonlySet<unknown>): Promise<Outcome> {
  const { session, page, timeoutMs, signal } = call
  const began = monotonicMs()
  let outcome: Outcome = 'busy'
  for (const pauseMs of [settleMs, secondLookMs]) {
    await sleep(pauseMs, signal)
    const waits = (): boolean => session.loading || [...session.pending].some((request) => !pending.has(request))
    while (waits() && monotonicMs() - began < maxPendingMs) await sleep(20, signal)
    if (session.page !== page || session.loading) {
      // A page that takes longer is not a failure of the action: the next call sees it.
      const loaded = session.page?.waitForLoadState('domcontentloaded', { timeout: timeoutMs, signal })
      await ifPossible(Promise.resolve(loaded), signal)
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

async function describe({ session, signal, report }: PageCall, before: string, { did, notes = [] }: Done, outcome: Outcome) {
  const { page } = session
  const now = page?.url() ?? 'about:blank'
  const title = page === undefined ? '' : await abortable(titleOf(page), signal)
  const moved = now !== before
  const text = page !== undefined && outcome === 'replaced' ? await currentText(page) : ''
  const changes = typeof outcome === 'string' ? { appeared: [], gone: [] } : outcome
  const appeared = fit(changes.appeared, maxChangedChars)
  const gone = fit(changes.gone, maxChangedChars / 3)
  const changed = [...(moved ? ['address'] : []), ...(appeared.length + gone.length > 0 ? ['text'] : [])].join(' and ')
  const outcomes = {
    replaced: moved ? 'the page is another one now' : 'the page was loaded again or is another window',
    busy: 'the page is too busy to say what changed',
  }
  const compared = changed === '' ? 'neither address nor text of the page changed' : `the ${changed} of the page changed`
  return report({
    summary: `done; ${typeof outcome === 'string' ? outcomes[outcome] : compared}`,
    untrusted: [
      did,
      `url: ${clip(now, 500)}`,
      ...(moved ? [`url before: ${clip(before, 500)}`] : []),
      `title: ${title}`,
      ...(text === '' ? [] : [`text: ${text}`]),
      ...appeared.map((line) => `new: ${line}`),
      ...gone.map((line) => `gone: ${line}`),
    ].join('\n'),
    notes,
    structured: { did, url_before: before, url_after: now, navigated: moved, title, text, appeared, gone },
  })
}

/** The first lines, within a budget of characters. */
function fit(lines: readonly string[], maxChars: number): string[] {
  const clipped = lines.map((line) => clip(line, maxLineChars))
  const shown = fitLines(clipped, maxChars)
  return shown.length < lines.length ? [...shown, '… and more lines'] : shown
}

/** Lines of text that appeared since `linesOf`. */
export async function newLines(before: JSHandle | undefined, signal: AbortSignal): Promise<string[]> {
  const outcome = await compare(before, signal)
  return typeof outcome === 'string' ? [] : fit(outcome.appeared, maxChangedChars / 3)
}

/** The first words of a page; none of one that does not answer. */
export async function currentText(page: Page): Promise<string> {
  const text = ask(page.locator('html'), 'text', { maxChars: previewChars }, { ms: scriptLimitMs })
  const found = await ifPossible(text)
  return `${found?.text ?? ''}${found?.cut ? ' …' : ''}`
}
