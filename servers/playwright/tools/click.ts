// click and fill: acting on one element, and what became of it.
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import type { Locator, Page, PlaywrightBackend } from '../backend.ts'
import { type Attempt, explainAction } from '../errors.ts'
import { type BrowserSession, currentPage } from '../lib/browser-session.ts'
import { describeElement, titleOf, unlessAborted } from '../lib/page.ts'
import { toKind, toOptions } from '../lib/page-program.ts'
import type { Turn } from '../lib/sessions.ts'
import { callTime } from '../time.ts'

export interface ClickArguments {
  readonly selector: string
  readonly button: 'left' | 'right' | 'middle'
  readonly click_count: number
  readonly timeout_ms: number
  readonly session?: string | undefined
}

export interface FillArguments {
  readonly selector: string
  readonly value: string
  readonly submit: boolean
  readonly timeout_ms: number
  readonly session?: string | undefined
}

/** A script that was started by a click begins to load the next page within this time, or not because of the click. */
const settleMs = 60

export async function click(
  backend: PlaywrightBackend,
  environment: Environment,
  args: ClickArguments,
  context: Context,
): Promise<ToolResult<object>> {
  const { button, click_count: clickCount } = args
  return act(backend, environment, args, context, async ({ locator, timeoutMs, signal }) => {
    let what = 'the element'
    // Asked before: afterwards the element may be gone. One that is not there yet is waited for by the click.
    if ((await locator.count()) === 1) what = await describeElement(locator).catch(() => what)
    await locator.click({ button, clickCount, timeout: timeoutMs, signal })
    return `clicked ${what}`
  })
}

export async function fill(
  backend: PlaywrightBackend,
  environment: Environment,
  args: FillArguments,
  context: Context,
): Promise<ToolResult<object>> {
  const { value, submit } = args
  return act(backend, environment, args, context, async (attempt) => {
    const { locator, timeoutMs: timeout, signal } = attempt
    await locator.waitFor({ state: 'attached', timeout, signal })
    const kind = await locator.evaluate(toKind, undefined, { timeout, signal })
    const what = await describeElement(locator)
    if (kind === 'file') throw new ToolError('FORBIDDEN', 'files cannot be uploaded with this browser')
    if (kind === 'select') await choose(attempt, value)
    else if (kind === 'checkbox' || kind === 'radio') await locator.setChecked(isYes(value), { timeout, signal })
    else await locator.fill(value, { timeout, signal })
    if (submit) await locator.press('Enter', { timeout, signal })
    const did =
      kind === 'select' ? 'chose in' : kind === 'checkbox' || kind === 'radio' ? 'set' : `typed ${value.length} characters into`
    return `${did} ${what}${submit ? ' and pressed Enter' : ''}`
  })
}

async function act(
  backend: PlaywrightBackend,
  environment: Environment,
  args: { selector: string; timeout_ms: number; session?: string | undefined },
  context: Context,
  work: (attempt: Attempt) => Promise<string>,
): Promise<ToolResult<object>> {
  const { signal } = context
  return backend.sessions.use(context, { session: args.session }, async (turn) => {
    const { session } = turn
    const page = currentPage(session, turn.name)
    const timeoutMs = callTime(args.timeout_ms, environment)
    const locator: Locator = page.locator(args.selector)
    const attempt: Attempt = { page, locator, selector: args.selector, timeoutMs, signal }
    const before = page.url()
    session.extract = undefined
    try {
      const did = await work(attempt)
      await settle(session, page, timeoutMs, signal)
      return await describe(turn, before, did, context)
    } catch (error) {
      return await explainAction(error, attempt)
    } finally {
      session.extract = undefined
    }
  })
}

/** Waits for the document that the action has begun to load. */
async function settle(session: BrowserSession, page: Page, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const began = performance.now()
  while (!session.loading && performance.now() - began < settleMs) {
    await unlessAborted(new Promise((resolve) => setTimeout(resolve, 10)), signal)
  }
  const now = session.page
  if (now === undefined || (!session.loading && now === page)) return
  // A page that takes longer is not a failure of the click: the next call sees it.
  await now.waitForLoadState('domcontentloaded', { timeout: timeoutMs, signal }).catch(() => {})
}

async function describe(turn: Turn, before: string, did: string, context: Context): Promise<ToolResult<object>> {
  const { session, notes } = turn
  const { page } = session
  const now = page?.url() ?? 'about:blank'
  const title = page === undefined ? '' : await titleOf(page)
  const moved = now !== before
  return report(context, {
    summary: moved ? 'done; the page is another one now' : 'done; the address is the same',
    untrusted: [did, `url: ${clip(now, 500)}`, ...(moved ? [`url before: ${clip(before, 500)}`] : []), `title: ${title}`].join(
      '\n',
    ),
    notes: [...notes, ...session.takeEvents()],
    structured: { did, url_before: before, url_after: now, navigated: moved, title },
  })
}

/** By label, then by value. @throws ToolError NOT_FOUND with the options that exist */
async function choose({ locator, timeoutMs, signal }: Attempt, wanted: string): Promise<void> {
  const options = await locator.evaluate(toOptions, undefined, { timeout: timeoutMs, signal })
  const found =
    options.find(({ label }) => label === wanted.trim()) ??
    options.find(({ value }) => value === wanted) ??
    options.find(({ label }) => label.toLowerCase() === wanted.trim().toLowerCase())
  if (found === undefined) {
    const labels = options.slice(0, 20).map(({ label }) => `"${clip(label, 60)}"`)
    throw new ToolError('NOT_FOUND', `there is no such option. Options: ${labels.join(', ') || 'none'}`, {
      ...(options[0] === undefined ? {} : { hint: JSON.stringify({ value: options[0].label }) }),
    })
  }
  await locator.selectOption({ value: found.value }, { timeout: timeoutMs, signal })
}

/** @throws ToolError INVALID_ARGUMENT */
function isYes(value: string): boolean {
  if (/^(true|on|yes|1|checked)$/i.test(value.trim())) return true
  if (/^(false|off|no|0|unchecked|)$/i.test(value.trim())) return false
  throw new ToolError('INVALID_ARGUMENT', 'a checkbox is set to true or false', { hint: '{"value":"true"}' })
}
