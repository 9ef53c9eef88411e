// Questions to a page that may be busy, hostile or gone: each has its time.
import { ToolError } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { Locator, Page } from '../backend.ts'
import { toDescription } from './page-program.ts'

/** The promise's outcome; TIMEOUT when it takes longer than `ms`. */
export async function withinTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  promise.catch(() => {}) // what comes too late is nobody's
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ToolError('TIMEOUT', `the page did not answer within ${ms} ms`, { hint: 'call navigate again' })),
      ms,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Ends with the signal, too: some of Playwright's calls take none. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let abort = (): void => {}
  promise.catch(() => {})
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** `button "Save"`, `input[name="user"] "User name"`. */
export async function describeElement(locator: Locator): Promise<string> {
  const { tag, role, type, name, text, label } = await locator.evaluate(toDescription, undefined, { timeout: 1_000 })
  const kind = role !== '' ? role : type !== '' && type !== 'text' ? `${type} field` : tag === 'a' ? 'link' : tag
  const named = name === '' ? '' : ` name="${clip(name, 60)}"`
  const says = cleanText(label !== '' ? label : text)
  return `${clip(kind, 40)}${named}${says === '' ? '' : ` "${clip(says, 80)}"`}`
}

/** Title, or nothing from a page that does not answer. */
export async function titleOf(page: Page): Promise<string> {
  return clip(cleanText(await withinTime(page.title(), 1_000).catch(() => '')), 200)
}
