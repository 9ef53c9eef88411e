// What Playwright throws, as errors that a model can act on: what happened, where the page stands, and selectors that exist.
import { ToolError } from '../../protocol/index.ts'
import { cleanText, clip } from '../kit/text.ts'
import type { Locator, Page } from './backend.ts'
import { similarSelectors } from './lib/interactive.ts'
import { describeElement, withinTime } from './lib/page.ts'

const maxListed = 5

export interface Attempt {
  readonly page: Page
  readonly locator: Locator
  readonly selector: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Why an action on an element failed. Throws always. */
export async function explainAction(error: unknown, attempt: Attempt): Promise<never> {
  const { page, locator, selector, timeoutMs, signal } = attempt
  if (error instanceof ToolError) throw error
  signal.throwIfAborted()
  const text = messageOf(error)
  if (isSelectorFault(text)) throw selectorFault(selector, text)
  if (page.isClosed() || /Target (page|crashed|closed)|has been closed|Page crashed/i.test(text)) {
    throw new ToolError('UPSTREAM_ERROR', 'the page was closed or crashed during the call', {
      hint: 'call navigate',
      cause: error,
    })
  }
  const count = await withinTime(locator.count(), 2_000).catch(() => undefined)
  if (count === 0) throw await nothingMatches(page, selector)
  if (count !== undefined && count > 1 && /strict mode/i.test(text)) throw await manyMatch(locator, selector, count)
  if (/Timeout .*exceeded/i.test(text)) {
    const why = reasonOf(text)
    throw new ToolError(
      'TIMEOUT',
      `"${clip(selector, 200)}" was found, but could not be used within ${timeoutMs} ms${why === undefined ? '' : `: ${why}`} (${await whereIs(page)})`,
      { hint: 'get_content with format "interactive" shows what can be used now', cause: error },
    )
  }
  throw new ToolError('INVALID_ARGUMENT', `the element "${clip(selector, 200)}" cannot be used like this: ${firstLine(text)}`, {
    hint: 'get_content with format "interactive"',
    cause: error,
  })
}

export async function nothingMatches(page: Page, selector: string): Promise<ToolError> {
  const similar = await similarSelectors(page, selector, maxListed)
  const [first] = similar
  return new ToolError(
    'NOT_FOUND',
    `0 elements match "${clip(selector, 200)}"${similar.length === 0 ? ` (${await whereIs(page)})` : `. Actionable now: ${similar.join(', ')}`}`,
    {
      hint: first === undefined ? 'get_content to see what the page shows' : JSON.stringify({ selector: first }),
    },
  )
}

export async function manyMatch(locator: Locator, selector: string, count: number): Promise<ToolError> {
  const shown = await Promise.all(
    Array.from({ length: Math.min(count, maxListed) }, async (_, i) => {
      const what = await describeElement(locator.nth(i)).catch(() => 'gone')
      return `${i}: ${what}`
    }),
  )
  return new ToolError('INVALID_ARGUMENT', `${count} elements match "${clip(selector, 200)}": ${shown.join('; ')}`, {
    hint: JSON.stringify({ selector: `${selector} >> nth=0` }),
  })
}

/** Where the page stands, for an error. */
export async function whereIs(page: Page): Promise<string> {
  const [title, state] = await withinTime(Promise.all([page.title(), page.evaluate('document.readyState')]), 1_000).catch(() => [
    '',
    'busy',
  ])
  return `the page is ${clip(page.url(), 200)}, title "${clip(cleanText(String(title)), 100)}", ${String(state).slice(0, 20)}`
}

export function isSelectorFault(text: string): boolean {
  return /parsing (css )?selector|is not a valid selector|Unknown engine|Unexpected token .* selector|Malformed|Failed to execute '(querySelector|evaluate)|Invalid selector|Error while parsing|InvalidSelectorError|must be|attribute.* role/i.test(
    text,
  )
}

export function selectorFault(selector: string, text: string): ToolError {
  return new ToolError('INVALID_ARGUMENT', `"${clip(selector, 200)}" is no selector: ${firstLine(text)}`, {
    hint: 'CSS such as input[name="q"], text=Save, or role=button[name="Save"]',
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Playwright's messages go on with a log of what it tried. */
export function firstLine(text: string): string {
  const [line = ''] = text.split('\n')
  return clip(line.replace(/^[a-zA-Z.]+: (Error: )?/, ''), 300)
}

function reasonOf(text: string): string | undefined {
  for (const [form, why] of [
    [/intercepts pointer events/, 'another element lies above it'],
    [/element is not enabled/, 'it is disabled'],
    [/element is not editable/, 'it cannot be edited'],
    [/element is not visible/, 'it is not visible'],
    [/outside of the viewport/, 'it lies outside of what can be scrolled to'],
    [/element is not stable/, 'it keeps moving'],
    [/did not find some options/, 'it has no such option'],
  ] as const) {
    if (form.test(text)) return why
  }
  return undefined
}
