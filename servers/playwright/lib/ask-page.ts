// Questions to a page that may be busy, hostile or gone: each has a time limit.
import { ToolError } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { type DeadlineOptions, withDeadline } from '../../kit/waiting.ts'
import type { JSHandle, Locator, Page } from '../types.ts'
import type * as program from './page/program.ts'
import { pageScript } from './page/source.ts'

type Program = typeof program
type Given<K extends keyof Program> = Parameters<Program[K]> extends [unknown, infer G] ? G : undefined
type Answer<K extends keyof Program> = K extends 'lines' ? JSHandle : ReturnType<Program[K]>

/** Playwright's methods for functions that get all elements that match, or whose result is kept in the page. */
const methods: { [K in keyof Program]?: string } = { compare: 'evaluateAll', lines: 'evaluateHandle' }

export type Limit = Omit<DeadlineOptions, 'late'>

/** How long to wait for a script of ours, which returns what it has earlier (page/dom.ts). */
export const scriptLimitMs = 4_000

/** Waits for the page, with the limit's time. @throws ToolError TIMEOUT */
export function within<T>({ ms, signal }: Limit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const hint = 'the same call in a few seconds, or with a selector for a part of the page'
  const late = (): ToolError => new ToolError('TIMEOUT', `the page did not answer within ${ms} ms; it is busy`, { hint })
  return withDeadline({ ms, signal, late }, work)
}

/** Waits for the end of the work, at most `ms`. Returns whether it has succeeded. */
export function settled(ms: number, work: Promise<unknown>): Promise<boolean> {
  return within({ ms }, () => work.then(() => true)).catch(() => false)
}

let script: Promise<string> | undefined

/** Runs a function of program.ts on an element. @throws ToolError TIMEOUT, Error from Playwright */
export async function ask<K extends keyof Program>(
  target: Locator | JSHandle,
  name: K,
  given: Given<K>,
  limit: Limit,
): Promise<Answer<K>> {
  script ??= pageScript()
  // Playwright sends functions as text, which needs nothing from around it.
  const run = new Function('element', 'given', `${await script}; return octetPage.${name}(element, given)`)
  const options = { timeout: limit.ms, signal: limit.signal }
  const method = (methods[name] ?? 'evaluate') as 'evaluate'
  return within(limit, () => (target as Locator)[method](run as never, given as never, options as never)) as never
}

/** The result; undefined when the work fails, such as when a frame is gone or busy. @throws the signal's reason */
export function ifPossible<T>(work: Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
  return work.catch(() => {
    signal?.throwIfAborted()
    return undefined
  })
}

/** How many elements match; undefined when the page is busy, the error when the selector is not valid. */
export function countOf(locator: Locator, limit: Limit = { ms: 1_000 }, again = true): Promise<number | Error | undefined> {
  return within(limit, () => locator.count()).catch((error: Error) => {
    limit.signal?.throwIfAborted()
    if (error instanceof ToolError) return undefined
    return again ? countOf(locator, limit, false) : error // a document that was replaced just now rejects, too
  })
}

/** `button "Save"`; undefined when the element is gone or its page busy. */
export function describeElement(locator: Locator): Promise<string | undefined> {
  return ifPossible(ask(locator, 'describe', undefined, { ms: 1_000 }).then((text) => clip(cleanText(String(text)), 250)))
}

/** Title, or nothing from a page that does not answer. */
export async function titleOf(page: Page): Promise<string> {
  return clip(cleanText(await within({ ms: 3_000 }, () => page.title()).catch(() => '')), 200)
}
