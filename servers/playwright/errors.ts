// Failures of Playwright as errors that a model can act on: what happened, the state of the page, and selectors that exist.
import { ToolError } from '../../protocol/index.ts'
import type { Refusal } from '../kit/network-policy/proxy.ts'
import { cleanText, clip, visibleJson } from '../kit/text.ts'
import { ask, countOf, ifPossible, titleOf, within } from './lib/ask-page.ts'
import { similarElements } from './lib/interactive.ts'
import type { Target } from './lib/page-call.ts'
import type { Locator, Page } from './types.ts'

const maxListed = 5
const maxShownHosts = 10
const useListing = 'get_content {"format":"interactive"}'

/** Why an action on an element failed. Playwright's errors have no codes: what decides is the state of the page. */
export async function explainAction(error: unknown, { page, locator, selector, timeoutMs, signal }: Target): Promise<never> {
  if (error instanceof ToolError) throw error
  signal.throwIfAborted()
  const count = page.isClosed() ? undefined : await countOf(locator)
  if (page.isClosed()) throw pageLost(error)
  if (count instanceof Error) throw selectorFault(selector, count)
  if (count === 0) throw await nothingMatches(page, selector)
  const text = messageOf(error)
  const reason = reasons.find(([form]) => form.test(text))?.[1]
  const why = `could not be used within ${timeoutMs} ms${reason === undefined ? '' : `: ${reason}`}`
  const [code, what] = isTimeout(error)
    ? (['TIMEOUT', `was found, but ${why} (${await whereIs(page)})`] as const)
    : (['INVALID_ARGUMENT', `cannot be used like this: ${firstLine(text)}`] as const)
  throw new ToolError(code, `"${clip(selector, 200)}" ${what}`, { hint: useListing, cause: error })
}

const reasons = [
  [/intercepts pointer events/, 'another element lies above it'],
  [/element is not enabled/, 'it is disabled'],
  [/element is not editable/, 'it cannot be edited'],
  [/element is not visible/, 'it is not visible'],
  [/outside of the viewport/, 'it lies outside of what can be scrolled to'],
  [/element is not stable/, 'it keeps moving'],
  [/did not find some options/, 'it has no such option'],
] as const

export function pageLost(cause: unknown): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'the page was closed or crashed during the call', { hint: 'call navigate', cause })
}

export async function nothingMatches(page: Page, selector: string): Promise<ToolError> {
  const similar = await similarElements(page, selector, maxListed)
  const [first] = similar
  const found =
    similar.length === 0 ? ` (${await whereIs(page)})` : `. Actionable now: ${similar.map(({ shown }) => shown).join(', ')}`
  const remedy = first?.alone ? { retry: { selector: first.selector } } : { hint: useListing }
  return new ToolError('NOT_FOUND', `0 elements match "${clip(selector, 200)}"${found}`, remedy)
}

/** The elements with what tells them apart. Of equal ones none is suggested, unless only one can be seen. */
export async function manyMatch(locator: Locator, selector: string, count: number): Promise<ToolError> {
  const told = (await ifPossible(ask(locator, 'compare', { most: 50 }, { ms: 2_000 }))) ?? []
  const shown = told.flatMap((each, i) => (each.shown ? [i] : []))
  const list = told.slice(0, maxListed).map(({ what }, i) => `${i}: ${clip(cleanText(what), 250)}`)
  const equal = new Set(told.slice(0, maxListed).map(({ name }) => name)).size < list.length
  const nth = told.length === count && shown.length === 1 ? shown[0] : equal || list.length === 0 ? undefined : 0
  const any = `${clip(selector, 150)} >> nth=N with the number of the one that you mean`
  const hint = nth === undefined ? any : visibleJson({ selector: `${selector} >> nth=${nth}` })
  return new ToolError('INVALID_ARGUMENT', `${count} elements match "${clip(selector, 200)}": ${list.join('; ')}`, { hint })
}

/** State of the page, for an error. */
export async function whereIs(page: Page): Promise<string> {
  const state = within({ ms: 1_000 }, () => Promise.all([titleOf(page), page.evaluate('document.readyState')]))
  const [title, readiness] = await state.catch(() => ['', 'busy'])
  return `the page is ${clip(page.url(), 200)}, title "${clip(title, 100)}", ${String(readiness).slice(0, 20)}`
}

export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

export function selectorFault(selector: string, error: Error): ToolError {
  const what = `"${clip(selector, 200)}" is not a valid selector: ${firstLine(error.message)}`
  return new ToolError('INVALID_ARGUMENT', what, { hint: useListing })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Playwright's messages go on with a log of what it tried. */
export function firstLine(text: string): string {
  const [line = ''] = text.split('\n')
  return clip(line.replace(/^[a-zA-Z.]+: (Error: )?/, ''), 300)
}

/** What the network policy refused to a page: one line for each host, and one for those that are too many. */
export function notLoaded(refusals: readonly Refusal[]): string[] {
  const shown = refusals.slice(0, maxShownHosts).map(({ host, error }) => `not loaded from ${clip(host, 100)}: ${error.message}`)
  if (refusals.length > maxShownHosts) shown.push(`${refusals.length - maxShownHosts} more hosts were not loaded from`)
  return shown
}
