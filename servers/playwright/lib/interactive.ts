// What can be clicked or filled on a page, each element with a selector that finds exactly it.
import { monotonicMs, nearest } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { Locator, Page } from '../types.ts'
import { ask, countOf, ifPossible, type Limit, scriptLimitMs } from './ask-page.ts'
import { enterFrames, placesOf } from './frames.ts'
import type { Actionables } from './page/program.ts'

type Actionable = Actionables['elements'][number]
type Listed = Actionable & { readonly selector: string }
export type Listing = Awaited<ReturnType<typeof listEverywhere>>

/** Roles of Playwright's selectors. */
const knownRole = /^[a-z]{3,20}$/
const maxNameInSelector = 80
/** On pages with more elements Playwright's search by role or text takes seconds (20,000 rows: more than 5 s for each). */
export const maxSizeForRoles = 2_500
const framesMs = 2_000
/** For all checks of selectors together. */
const verifyMs = 1_500

/** @param prefix selector of the frame that `root` is in, and `>>` */
export async function listActionables(page: Page, root: Locator, most: number, limit: Limit, prefix = '') {
  const found = await ask(root, 'actionables', { most, count: true }, limit)
  return { ...found, elements: await withSelectors(page, found, prefix, limit.signal) }
}

/**
 * Selectors by role and name where people would choose so, else by CSS; elements without one are left out. Playwright computes names by the
 * whole of the ARIA rules, program.ts by the usual ones, so that it is asked whether they agree.
 */
async function withSelectors(
  page: Page,
  { elements, size }: Pick<Actionables, 'elements' | 'size'>,
  prefix: string,
  signal?: AbortSignal,
): Promise<Listed[]> {
  const until = monotonicMs() + verifyMs
  const listed: Listed[] = []
  for (const element of elements) {
    signal?.throwIfAborted()
    const byRole = size > maxSizeForRoles || monotonicMs() >= until ? undefined : roleSelector(element)
    const found = byRole === undefined ? undefined : page.locator(enterFrames(prefix + byRole))
    const isUnique = found !== undefined && (await countOf(found, { ms: verifyMs, signal })) === 1
    const own = isUnique ? byRole : element.css
    if (own !== undefined && own !== '') listed.push({ ...element, selector: prefix + own })
  }
  return listed
}

function roleSelector({ role, name, good, field }: Actionable): string | undefined {
  // A name with hidden characters cannot be repeated by who reads the list.
  const nameable = name !== '' && name.length <= maxNameInSelector && cleanText(name) === name
  if (!nameable || (good && field) || !knownRole.test(role) || role === 'clickable' || role === 'file') return undefined
  return `role=${role}[name=${JSON.stringify(name)}]`
}

/** The page's and its frames' elements. `total`: at least so many exist. */
export async function listEverywhere(page: Page, most: number, { ms, signal }: Limit) {
  const elements: Listed[] = []
  let total = 0
  let cut = false
  for await (const { root, frame, prefix } of placesOf(page, { ms: framesMs, signal })) {
    if (elements.length >= most) break
    const limit = { ms: frame === '' ? ms : scriptLimitMs, signal }
    const listing = listActionables(page, root, most - elements.length, limit, prefix)
    const found = await (frame === '' ? listing : ifPossible(listing, signal))
    elements.push(...(found?.elements ?? []))
    total += found?.total ?? 0
    cut ||= found?.cut ?? false
  }
  return { elements, total, cut }
}

const maxCompared = 300

/** Elements that resemble what a selector asked for, most similar first. Empty where none does, or the page is busy. */
export async function similarElements(page: Page, selector: string, most: number) {
  try {
    const given = { most: maxCompared, count: false }
    const { elements, size } = await ask(page.locator('html'), 'actionables', given, { ms: scriptLimitMs })
    const words = (/name\s*=\s*["']?([^"'\]]+)/.exec(selector)?.[1] ?? selector.replace(/^[a-z]+=/, ''))
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
    const names = nearest(words, new Set(elements.map(({ name }) => name)), most)
    const csses = nearest(selector, new Set(elements.map(({ css }) => css)), most)
    const near = new Set([
      ...names.flatMap((name) => elements.filter((each) => each.name === name)),
      ...csses.flatMap((css) => elements.filter((each) => each.css === css)),
    ])
    const listed = await withSelectors(page, { elements: [...near].slice(0, most), size }, '')
    return listed.map((element) => {
      const found = clip(cleanText(element.selector), 150)
      const alone = element.row === '' // no other element has the same role and name
      return { selector: found, shown: alone ? found : `${found} in "${cleanText(element.row)}"`, alone }
    })
  } catch {
    return []
  }
}
