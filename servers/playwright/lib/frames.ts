// Frames of a page: selectors that lead into them, and the list of them.
import type { Frame, Page } from '../types.ts'
import { ask, type Limit, scriptMs } from './ask-page.ts'

interface PageFrame {
  readonly frame: Frame
  /** Of its `iframe`, through the frames around it: `iframe[name="pay"]`. */
  readonly selector: string
}

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

/** Is the last element of this CSS selector a frame? */
function leadsIntoFrame(part: string): boolean {
  return /(^|[\s>+~=])i?frame(?![\w-])[^\s>+~]*$/.test(part.replace(/"[^"]*"|'[^']*'/g, '""'))
}

/** Shown frames, outer ones first; those that do not answer in time are left out. */
export async function framesOf(page: Page, { ms, signal }: Limit): Promise<PageFrame[]> {
  const found: PageFrame[] = []
  const until = performance.now() + ms
  const visit = async (parent: Frame, prefix: string): Promise<void> => {
    for (const frame of parent.childFrames()) {
      const left = until - performance.now()
      if (found.length >= maxFrames || left <= 0) return
      try {
        const element = await frame.frameElement()
        const own = (await element.isVisible()) ? await ask(element, 'selectorOf', { ms: scriptMs }, { ms: left, signal }) : ''
        if (own === '') continue
        const selector = prefix === '' ? own : `${prefix}${separator}${own}`
        found.push({ frame, selector })
        await visit(frame, selector)
      } catch {
        signal?.throwIfAborted() // else the frame is gone or busy
      }
    }
  }
  await visit(page.mainFrame(), '')
  return found
}
