// Frames of a page: selectors that lead into them, and the list of them.
import { monotonicMs } from '../../../protocol/index.ts'
import type { Frame, Locator, Page } from '../types.ts'
import { ask, ifPossible, type Limit, within } from './ask-page.ts'

export const maxFrames = 12
/** Playwright's way into the document of a frame. */
const enter = 'internal:control=enter-frame'
const separator = ' >> '
/** Separators and what is between them, quoted texts as a whole. */
const steps = />>|(?:"[^"]*"|'[^']*'|(?!>>)[\s\S])+/g

/**
 * Makes `iframe[name="pay"] >> input` find the input inside the frame.
 * @param whole makes a selector that ends with a frame find the frame's document
 */
export function enterFrames(selector: string, whole = false): string {
  const parts = (selector.match(steps) ?? []).filter((part) => part !== '>>').map((part) => part.trim())
  const entered: string[] = []
  let inFrame = false
  for (const part of parts) {
    if (inFrame && !/^(nth|visible)=/.test(part)) {
      entered.push(enter)
      inFrame = false
    }
    entered.push(part)
    inFrame ||= leadsIntoFrame(part)
  }
  if (inFrame && whole) entered.push(enter, 'html')
  return entered.length === parts.length ? selector : entered.join(separator)
}

/** What stands before the last step into a frame, as prefix of other selectors for that frame; empty without one. */
export function framePrefix(selector: string): string {
  const frames = enterFrames(selector, true).split(`${separator}${enter}${separator}`).slice(0, -1)
  return frames.map((frame) => frame + separator).join('')
}

/** Is the last element of this CSS selector a frame? */
function leadsIntoFrame(part: string): boolean {
  return /(^|[\s>+~=])i?frame(?![\w-])[^\s>+~]*$/.test(part.replace(/"[^"]*"|'[^']*'/g, '""'))
}

interface Place {
  /** The `html` of the page or of a frame. */
  readonly root: Locator
  /** Selector of its `iframe`, through the frames around it: `iframe[name="pay"]`; empty for the page itself. */
  readonly frame: string
  /** Before a selector of what is in it. */
  readonly prefix: string
}

export type Places = AsyncIterable<Place> | readonly Place[]

/**
 * The page itself, then its shown frames, outer ones first; those that do not answer in time are left out.
 * @param limit for finding the frames
 */
export async function* placesOf(page: Page, { ms, signal }: Limit): AsyncGenerator<Place> {
  yield { root: page.locator('html'), frame: '', prefix: '' }
  const found: Place[] = []
  const until = monotonicMs() + ms
  const visit = async (parent: Frame, outer: string): Promise<void> => {
    for (const frame of parent.childFrames()) {
      const left = until - monotonicMs()
      if (found.length >= maxFrames || left <= 0) return
      const own = await ifPossible(selectorOf(frame, { ms: left, signal }), signal)
      if (own === undefined || own === '') continue
      const prefix = outer + own + separator
      found.push({ root: frame.locator('html'), frame: outer + own, prefix })
      await visit(frame, prefix)
    }
  }
  await visit(page.mainFrame(), '')
  yield* found
}

/** Of the element that a frame is in; empty when it is not shown. */
function selectorOf(frame: Frame, limit: Limit): Promise<string> {
  return within(limit, async () => {
    const element = await frame.frameElement()
    return (await element.isVisible()) ? ask(element, 'selectorOf', undefined, limit) : ''
  })
}
