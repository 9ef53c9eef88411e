// Finds the one element that a caller means: by selector, or by its label or text, and waits for it while the page still changes.
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import { cleanText, clip, visibleJson } from '../../kit/text.ts'
import { sleep } from '../../kit/waiting.ts'
import { manyMatch, nothingMatches, pageLost, selectorFault } from '../errors.ts'
import type { Locator } from '../types.ts'
import { ask, countOf, ifPossible, scriptLimitMs } from './ask-page.ts'
import { enterFrames, placesOf } from './frames.ts'
import { maxSizeForRoles } from './interactive.ts'
import type { Wanted } from './page/program.ts'
import type { PageCall, Target } from './page-call.ts'

const maxListed = 5
const pollMs = 100
const framesMs = 1_000
/** An element that is only read is waited for no longer than this. */
const readWaitMs = 1_000
/** A missing element is not waited for any longer when the page has not changed for this long, or for this part of the timeout if longer. */
const quietMs = 600
const quietShare = 0.15
/** Selectors that say themselves how they are meant. */
const explicit = /^\s*(css|text|role|xpath|id|data-testid|internal:[a-z-]+)=|^\s*(\/\/|\.\.|[#.[*:])|>>|:has-text\(|:text/
/** `role=button[name="Save"]`, `text=Save`, `text="Save"`. */
const plainRole = /^role=([a-z]+)\[name=(?:"([^"\\]*)"|'([^'\\]*)')[is]?\]$/
const plainText = /^text=["']?([^"'/\\]+)["']?$/

type Words = Pick<Wanted, 'text' | 'role'>

/** For `click` and `fill` a label or text will do; `read` takes the selector of a frame for that of its document. */
export type Purpose = 'click' | 'fill' | 'show' | 'read'

/**
 * Waits until the target exists, and returns what finds exactly it.
 * @throws ToolError NOT_FOUND, or INVALID_ARGUMENT when several match or the selector is not valid
 */
export async function locate(call: PageCall, selector: string, purpose: Purpose): Promise<Target> {
  const { session, page, timeoutMs, signal } = call
  const target: Target = { ...call, selector, locator: page.locator(enterFrames(selector, purpose === 'read')) }
  const acts = purpose === 'click' || purpose === 'fill'
  const words = acts && !explicit.test(selector)
  const wanted = words ? { text: selector } : plainTarget(selector)
  const waitMs = acts ? timeoutMs : Math.min(timeoutMs, readWaitMs)
  const end = monotonicMs() + waitMs
  let state = ''
  let unchangedSince = monotonicMs()
  for (;;) {
    const began = monotonicMs()
    let fault: ToolError | undefined
    const bySelector = async (): Promise<Locator | undefined> => {
      const count = await countOf(target.locator, { ms: Math.max(2_000, timeoutMs), signal })
      if (count === undefined) {
        const hint = 'a simpler selector, such as an id'
        throw new ToolError('TIMEOUT', `the page did not search "${clip(selector, 100)}" in time`, { hint })
      }
      if (count instanceof Error) {
        if (page.isClosed()) throw pageLost(count)
        fault = selectorFault(selector, count)
        if (!words) throw fault
      } else if (count > 1) throw await manyMatch(target.locator, selector, count)
      return count === 1 ? target.locator : undefined
    }
    const byText = (): Promise<Locator | undefined> => findByText(target, wanted ?? { text: '' }, purpose === 'fill' && words)
    const progress = ask(page.locator('html'), 'progress', undefined, { ms: 2_000, signal })
    // Without an answer the document is about to be replaced, or busy.
    const { loaded, size } = (await ifPossible(progress, signal)) ?? { loaded: false, size: 0 }
    const slow = size > maxSizeForRoles && wanted !== undefined
    const ways = words ? [bySelector, byText] : [slow ? byText : bySelector]
    // `Search` is a text to people, and an element to CSS, whose names of elements people write small.
    if (/^\p{Lu}/u.test(selector)) ways.reverse()
    for (const way of ways) {
      const locator = await way()
      if (locator !== undefined) return { ...target, locator }
    }
    const before = state
    state = `${loaded} ${size}`
    if (state !== before) unchangedSince = monotonicMs()
    const unchangedMs = loaded && session.pending.size === 0 ? monotonicMs() - unchangedSince : 0
    const quiet = Math.max(quietMs, waitMs * quietShare)
    if (monotonicMs() >= end || unchangedMs >= quiet) throw fault ?? (await nothingMatches(page, selector))
    // About a quarter of the page's time is spent on searches, but the last one comes when the page has been quiet for long enough.
    const pause = Math.min(3 * (monotonicMs() - began), quiet - unchangedMs)
    await sleep(Math.max(pollMs, pause), signal)
  }
}

/** What a simple selector by role or text asks for. Playwright's own search for it takes seconds on large pages. */
function plainTarget(selector: string): Words | undefined {
  const role = plainRole.exec(selector)
  if (role !== null) return { role: role[1], text: role[2] ?? role[3] ?? '' }
  const text = plainText.exec(selector)?.[1]
  return text === undefined ? undefined : { text }
}

/** In the page itself, then in its frames. @throws ToolError INVALID_ARGUMENT when several are meant alike */
async function findByText({ page, selector, signal }: Target, wanted: Words, fill: boolean): Promise<Locator | undefined> {
  const given = { ...wanted, fill, most: maxListed }
  for await (const { root, prefix } of placesOf(page, { ms: framesMs, signal })) {
    const found = await ifPossible(ask(root, 'byText', given, { ms: scriptLimitMs, signal }), signal)
    const [first] = found?.elements ?? []
    if (found === undefined || first === undefined) continue
    if (found.count === 1 && first.css !== '') return page.locator(enterFrames(prefix + first.css))
    const list = found.elements.map(({ css, what }) => `${visibleJson(prefix + css)} is ${clip(cleanText(what), 200)}`)
    const count = `${found.count}${found.cut ? ' or more' : ''}`
    const hint = 'the selector of the one that you mean'
    throw new ToolError('INVALID_ARGUMENT', `${count} elements match "${clip(selector, 100)}": ${list.join('; ')}`, { hint })
  }
  return undefined
}
