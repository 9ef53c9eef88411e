// What can be clicked or filled on a page, each element with a selector that finds exactly it.
import { nearest } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { Locator, Page } from '../types.ts'
import { ask, type Limit, scriptLimitMs, scriptMs } from './ask-page.ts'
import { enterFrames, framesOf } from './frames.ts'
import type { Actionable } from './page/program.ts'

interface Listed extends Omit<Actionable, 'css' | 'good' | 'field'> {
  readonly selector: string
}

export interface Listing {
  readonly elements: readonly Listed[]
  /** At least so many exist. */
  readonly total: number
  readonly cut: boolean
}

/** Roles of Playwright's selectors. */
const knownRole = /^[a-z]{3,20}$/
const maxNameInSelector = 80
/** On pages with more elements Playwright's search by role or text takes seconds (20,000 rows: more than 5 s for each). */
export const maxSizeForRoles = 2_500
/** For all checks of selectors together. */
const verifyMs = 1_500

/** @param prefix selector of the frame that `root` is in */
export async function listActionables(page: Page, root: Locator, most: number, limit: Limit, prefix = ''): Promise<Listing> {
  const found = await ask(root, 'actionables', { most, ms: scriptMs, count: true }, limit)
  const until = performance.now() + Math.min(verifyMs, limit.ms)
  const elements: Listed[] = []
  for (const element of found.elements) {
    const selector = await selectorOf(page, element, prefix, found.size, until, limit.signal)
    if (selector !== '') elements.push({ ...element, selector })
  }
  return { elements, total: found.total, cut: found.cut }
}

/**
 * By role and name where people would choose so, else by CSS. Playwright computes names by the whole of the ARIA rules, program.ts by the
 * usual ones, so that it is asked whether they agree.
 */
async function selectorOf(
  page: Page,
  { role, name, css, good, field }: Actionable,
  prefix: string,
  size: number,
  until: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const within = (selector: string): string => (prefix === '' ? selector : `${prefix} >> ${selector}`)
  const byCss = css === '' ? '' : within(css)
  // A name with hidden characters cannot be repeated by who reads the list.
  const nameable = knownRole.test(role) && role !== 'clickable' && role !== 'file' && name !== '' && cleanText(name) === name
  if ((good && field) || !nameable || name.length > maxNameInSelector || size > maxSizeForRoles) return byCss
  const byRole = within(`role=${role}[name=${JSON.stringify(name)}]`)
  if (until <= performance.now()) return byCss
  signal?.throwIfAborted()
  const count = await page
    .locator(enterFrames(byRole))
    .count()
    .catch(() => 0)
  return count === 1 ? byRole : byCss
}

/** The page's and its frames' elements. */
export async function listEverywhere(page: Page, most: number, limit: Limit): Promise<Listing> {
  const listings = [await listActionables(page, page.locator('html'), most, limit)]
  for (const { frame, selector } of await framesOf(page, { ms: 2_000, signal: limit.signal })) {
    const listed = listings.reduce((sum, { elements }) => sum + elements.length, 0)
    if (listed >= most) break
    const inFrame = listActionables(
      page,
      frame.locator('html'),
      most - listed,
      { ms: scriptLimitMs, signal: limit.signal },
      selector,
    )
    const listing = await inFrame.catch(() => undefined) // the frame is gone or busy
    limit.signal?.throwIfAborted()
    if (listing !== undefined) listings.push(listing)
  }
  return {
    elements: listings.flatMap(({ elements }) => elements),
    total: listings.reduce((sum, { total }) => sum + total, 0),
    cut: listings.some(({ cut }) => cut),
  }
}

const maxCompared = 300

interface Similar {
  readonly selector: string
  /** With the row of elements that look alike. */
  readonly shown: string
  /** No other element has the same role and name. */
  readonly alone: boolean
}

/** Elements that resemble what a selector asked for, most similar first. Empty where none does, or the page is busy. */
export async function similarElements(page: Page, selector: string, most: number): Promise<Similar[]> {
  try {
    const { elements, size } = await ask(
      page.locator('html'),
      'actionables',
      { most: maxCompared, ms: scriptMs, count: false },
      { ms: scriptLimitMs },
    )
    const words = (/name\s*=\s*["']?([^"'\]]+)/.exec(selector)?.[1] ?? selector.replace(/^[a-z]+=/, ''))
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
    const names = nearest(words, new Set(elements.map(({ name }) => name)), most)
    const csses = nearest(selector, new Set(elements.map(({ css }) => css)), most)
    const near = [
      ...names.flatMap((name) => elements.filter((each) => each.name === name)),
      ...csses.flatMap((css) => elements.filter((each) => each.css === css)),
    ]
    const similar: Similar[] = []
    const until = performance.now() + verifyMs
    for (const element of new Set(near)) {
      if (similar.length >= most) break
      const found = clip(cleanText(await selectorOf(page, element, '', size, until, undefined)), 150)
      const shown = element.row === '' ? found : `${found} in "${cleanText(element.row)}"`
      if (found !== '') similar.push({ selector: found, shown, alone: element.row === '' })
    }
    return similar
  } catch {
    return []
  }
}
