// What can be clicked or filled on a page, each element with a selector that finds exactly it.
import { monotonicMs, nearest } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { Page } from '../types.ts'
import { ask, countOf, ifPossible, type Limit, scriptLimitMs } from './ask-page.ts'
import { enterFrames, type Places } from './frames.ts'
import type { Actionables, PageText } from './page/program.ts'

type Actionable = Actionables['elements'][number]
type Listed = Actionable & { readonly selector: string }

/** Roles of Playwright's selectors. */
const knownRole = /^[a-z]{3,20}$/
const maxNameInSelector = 80
const maxListed = 60
/** On pages with more elements Playwright's search by role or text takes seconds (20,000 rows: more than 5 s for each). */
export const maxSizeForRoles = 2_500
/** For all checks of selectors together. */
const verifyMs = 1_500

/**
 * Selectors by role and name where people would choose so, else by CSS; elements without one are left out. Playwright computes names by the
 * whole of the ARIA rules, program.ts by the usual ones, so that it is asked whether they agree.
 */
async function withSelectors(page: Page, found: Actionables, prefix: string, signal?: AbortSignal): Promise<Listed[]> {
  const until = monotonicMs() + verifyMs
  const listed: Listed[] = []
  for (const element of found.elements) {
    signal?.throwIfAborted()
    const byRole = found.size > maxSizeForRoles || monotonicMs() >= until ? undefined : roleSelector(element)
    const locator = byRole === undefined ? undefined : page.locator(enterFrames(prefix + byRole))
    const isUnique = locator !== undefined && (await countOf(locator, { ms: verifyMs, signal })) === 1
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

/** A table of the elements in these places. @param limit for the page itself; frames that fail are left out */
export async function listActionables(page: Page, places: Places, { ms, signal }: Limit): Promise<PageText> {
  const rows: string[] = []
  let total = 0
  let cut = false
  for await (const { root, frame, prefix } of places) {
    if (rows.length >= maxListed) break
    const given = { most: maxListed - rows.length, count: true }
    const asked = ask(root, 'actionables', given, { ms: frame === '' ? ms : scriptLimitMs, signal })
    const found = await (frame === '' ? asked : ifPossible(asked, signal))
    if (found === undefined) continue
    for (const { selector, role, name, about, row } of await withSelectors(page, found, prefix, signal)) {
      const element = `${role}${name === '' ? '' : ` "${clip(name, 80)}"`}`
      const details = [about, row === '' ? '' : `in "${row}"`].filter(Boolean).join('; ')
      rows.push([selector, element, details].filter(Boolean).join('\t'))
    }
    total += found.total
    cut ||= found.cut
  }
  const more = total - rows.length
  if (more > 0) rows.push(`… ${more}${cut ? ' or more' : ''} others; a selector for a part of the page lists those in it`)
  return { text: ['selector\telement\tdetails', ...rows].join('\n'), cut }
}

const maxCompared = 300

/** Elements that resemble what a selector asked for, most similar first. Empty where none does, or the page is busy. */
export async function similarElements(page: Page, selector: string, most: number) {
  try {
    const given = { most: maxCompared, count: false }
    const found = await ask(page.locator('html'), 'actionables', given, { ms: scriptLimitMs })
    const { elements } = found
    const words = (/name\s*=\s*["']?([^"'\]]+)/.exec(selector)?.[1] ?? selector.replace(/^[a-z]+=/, ''))
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
    const names = nearest(words, new Set(elements.map(({ name }) => name)), most)
    const csses = nearest(selector, new Set(elements.map(({ css }) => css)), most)
    const near = new Set([
      ...names.flatMap((name) => elements.filter((each) => each.name === name)),
      ...csses.flatMap((css) => elements.filter((each) => each.css === css)),
    ])
    const listed = await withSelectors(page, { ...found, elements: [...near].slice(0, most) }, '')
    return listed.map((element) => {
      const own = clip(cleanText(element.selector), 150)
      const alone = element.row === '' // no other element has the same role and name
      return { selector: own, shown: alone ? own : `${own} in "${cleanText(element.row)}"`, alone }
    })
  } catch {
    return []
  }
}
