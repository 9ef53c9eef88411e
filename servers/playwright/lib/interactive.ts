// What can be clicked or filled on a page, each with a selector that finds exactly it.
import { nearest } from '../../../protocol/index.ts'
import { clip } from '../../kit/text.ts'
import type { Locator, Page } from '../backend.ts'
import { withinTime } from './page.ts'
import { toActionable } from './page-program.ts'

export interface Actionable {
  readonly selector: string
  readonly role: string
  readonly name: string
  readonly about: string
}

const maxElements = 60
/** Roles that Playwright's selectors know; others are only for the reader. */
const knownRole = /^[a-z]{3,20}$/
const maxNameInSelector = 80
/** For all checks together: on a huge page each takes a while. */
const verifyMs = 1_500

/** @param root where to look; the whole page by default */
export async function actionableOn(
  page: Page,
  root: Locator,
  timeoutMs: number,
): Promise<{ elements: Actionable[]; total: number }> {
  const found = await withinTime(root.evaluate(toActionable, maxElements), timeoutMs)
  const until = performance.now() + verifyMs
  const elements = await Promise.all(
    found.elements.map(async ({ role, name, css, by, about }) => {
      const selector = (by === 'role' ? await roleSelector(page, role, name, until) : undefined) ?? css
      return { selector, role, name, about }
    }),
  )
  return { elements: elements.filter(({ selector }) => selector !== ''), total: found.total }
}

/** Existing selectors that resemble the one that matched nothing. Empty when the page does not answer. */
export async function similarSelectors(page: Page, selector: string, count: number): Promise<string[]> {
  try {
    const { elements } = await actionableOn(page, page.locator('html'), 2_000)
    const bySelector = new Map(elements.map((element) => [element.selector, element]))
    const words = selector.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()
    const byName = nearest(
      words,
      elements.map(({ name }) => name),
      count,
    )
    const near = [
      ...nearest(selector, bySelector.keys(), count),
      ...byName.flatMap((name) => elements.filter((element) => element.name === name).map((element) => element.selector)),
    ]
    return [...new Set([...near, ...bySelector.keys()])].slice(0, count).map((each) => clip(each, 150))
  } catch {
    return []
  }
}

/** Playwright's engine computes names by the whole of the ARIA rules, ours by the usual ones: it is asked whether they agree. */
async function roleSelector(page: Page, role: string, name: string, until: number): Promise<string | undefined> {
  if (!knownRole.test(role) || role === 'clickable' || role === 'file' || name === '' || name.length > maxNameInSelector)
    return undefined
  const selector = `role=${role}[name=${JSON.stringify(name)}]`
  const left = until - performance.now()
  if (left <= 0) return undefined
  const count = await withinTime(page.locator(selector).count(), left).catch(() => 0)
  return count === 1 ? selector : undefined
}

/** The next step after an element was not found. */
export async function interactiveHint(page: Page, selector: string): Promise<string> {
  const similar = await similarSelectors(page, selector, 3)
  return similar.length === 0 ? 'get_content to see what the page shows' : `one of ${similar.join(', ')}`
}
