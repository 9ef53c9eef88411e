// The target of click and fill: by selector, or by label and visible text where no selector matches.
import { ToolError } from '../../../protocol/index.ts'
import { cleanText, clip, visibleJson } from '../../kit/text.ts'
import { sleep } from '../../kit/waiting.ts'
import { countOf, manyMatch, nothingMatches, pageLost, selectorFault } from '../errors.ts'
import type { Frame, Locator, Page } from '../types.ts'
import { ask, scriptLimitMs, scriptMs } from './ask-page.ts'
import type { BrowserSession } from './browser-session.ts'
import { enterFrames, framesOf } from './frames.ts'
import { maxSizeForRoles } from './interactive.ts'

interface Target {
  readonly session: BrowserSession
  readonly page: Page
  readonly selector: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const maxListed = 5
const pollMs = 100
/** A missing element is not waited for any longer when the page has not changed for this long, or for this part of the timeout if longer. */
const quietMs = 600
const quietShare = 0.15
/** Selectors that say themselves how they are meant. */
const explicit = /^\s*(css|text|role|xpath|id|data-testid|internal:[a-z-]+)=|^\s*(\/\/|\.\.|[#.[*:])|>>|:has-text\(|:text/
/** `role=button[name="Save"]`, `text=Save`, `text="Save"`. */
const plainRole = /^role=([a-z]+)\[name=(?:"([^"\\]*)"|'([^'\\]*)')[is]?\]$/
const plainText = /^text=["']?([^"'/\\]+)["']?$/

/**
 * Waits until the target exists, and returns what finds exactly it.
 * @throws ToolError NOT_FOUND, or INVALID_ARGUMENT when several match or the selector is not valid
 */
export async function locate(target: Target, fill: boolean): Promise<Locator> {
  const { session, page, selector, timeoutMs, signal } = target
  const locator = page.locator(enterFrames(selector))
  const role = plainRole.exec(selector)
  const text = plainText.exec(selector)
  const simple =
    role !== null ? { role: role[1], text: role[2] ?? role[3] ?? '' } : text !== null ? { text: text[1] ?? '' } : undefined
  const words = explicit.test(selector) ? undefined : { text: selector }
  const end = performance.now() + timeoutMs
  let state = ''
  let unchangedSince = performance.now()
  for (;;) {
    const began = performance.now()
    let fault: ToolError | undefined
    const bySelector = async (): Promise<Locator | undefined> => {
      const count = await countOf(locator, { ms: Math.max(2_000, timeoutMs), signal })
      if (count === undefined) {
        throw new ToolError('TIMEOUT', `the page did not search "${clip(selector, 100)}" in time`, {
          hint: 'a simpler selector, such as an id',
        })
      }
      if (count instanceof Error) {
        if (page.isClosed()) throw pageLost(count)
        fault = selectorFault(selector, count)
        if (words === undefined) throw fault
        return undefined
      }
      if (count > 1) throw await manyMatch(locator, selector, count)
      return count === 1 ? locator : undefined
    }
    const { loaded, size } = await progressOf(target)
    const ways =
      words === undefined
        ? [size > maxSizeForRoles && simple !== undefined ? () => findByText(target, simple, fill) : bySelector]
        : [bySelector, () => findByText(target, words, fill)]
    // `Search` is a text to people, and an element to CSS, whose names of elements people write small.
    if (/^\p{Lu}/u.test(selector)) ways.reverse()
    for (const way of ways) {
      const found = await way()
      if (found !== undefined) return found
    }
    if (`${loaded} ${size}` !== state) {
      state = `${loaded} ${size}`
      unchangedSince = performance.now()
    }
    const unchangedMs = loaded && session.pending.size === 0 ? performance.now() - unchangedSince : 0
    const quiet = Math.max(quietMs, timeoutMs * quietShare)
    if (performance.now() >= end || unchangedMs >= quiet) throw fault ?? (await nothingMatches(page, selector))
    // About a quarter of the page's time is spent on searches, but the last one comes when the page has been quiet for long enough.
    const pause = Math.min(3 * (performance.now() - began), quiet - unchangedMs)
    await sleep(Math.max(pollMs, pause), signal)
  }
}

async function progressOf({ page, signal }: Target): Promise<{ readonly loaded: boolean; readonly size: number }> {
  const progress = ask(page.locator('html'), 'progress', undefined, { ms: 2_000, signal })
  return progress.catch(() => {
    signal.throwIfAborted()
    return { loaded: false, size: 0 } // the document is about to be replaced, or busy
  })
}

/** In the page itself, then in its frames. @throws ToolError INVALID_ARGUMENT when several are meant alike */
async function findByText(
  { page, selector, signal }: Target,
  wanted: { readonly text: string; readonly role?: string | undefined },
  fill: boolean,
): Promise<Locator | undefined> {
  const given = { ...wanted, fill: fill && wanted.role === undefined, most: maxListed, ms: scriptMs }
  const places = async function* (): AsyncGenerator<{ frame: Frame; prefix: string }> {
    yield { frame: page.mainFrame(), prefix: '' }
    for (const each of await framesOf(page, { ms: 1_000, signal })) yield { frame: each.frame, prefix: `${each.selector} >> ` }
  }
  for await (const { frame, prefix } of places()) {
    const found = await ask(frame.locator('html'), 'byText', given, { ms: scriptLimitMs, signal }).catch(() => undefined)
    signal.throwIfAborted()
    const [first] = found?.elements ?? []
    if (found === undefined || first === undefined) continue
    if (found.count === 1 && first.css !== '') return page.locator(enterFrames(prefix + first.css))
    const list = found.elements.map(({ css, what }) => `${visibleJson(prefix + css)} is ${clip(cleanText(what), 200)}`)
    throw new ToolError(
      'INVALID_ARGUMENT',
      `${found.count}${found.cut ? ' or more' : ''} elements match "${clip(selector, 100)}": ${list.join('; ')}`,
      {
        hint: 'the selector of the one that you mean',
      },
    )
  }
  return undefined
}
