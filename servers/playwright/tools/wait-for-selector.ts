// wait_for_selector: waits until an element or a text is there, or gone.
import { type AnyTool, defineTool, type FromSchema, monotonicMs, ToolError, type ToolResult } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { explainAction, isTimeout, whereIs } from '../errors.ts'
import { currentText, linesOf, newLines } from '../lib/act.ts'
import { countOf, describeElement } from '../lib/ask-page.ts'
import { enterFrames } from '../lib/frames.ts'
import { similarElements } from '../lib/interactive.ts'
import { onPage, type PageCall, reads, selector, session, type Target, timeoutAlias } from '../lib/page-call.ts'
import type { PlaywrightBackend } from '../lib/service.ts'
import type { JSHandle } from '../types.ts'

const inputSchema = parameters([], {
  selector: { ...selector, description: 'CSS, text= or role=', examples: ['#result'] },
  text: { type: 'string', minLength: 1, maxLength: 500, description: 'Visible text to wait for, in the element or the page' },
  state: {
    enum: ['visible', 'attached', 'hidden', 'detached'],
    default: 'visible',
    description: 'hidden and detached also if it never existed',
  },
  timeout_ms: { type: 'integer', minimum: 100, maximum: 60_000, default: 10_000 },
  session,
})

type Arguments = FromSchema<typeof inputSchema>

const maxTextChars = 200

export function waitForSelectorTool(backend: PlaywrightBackend): AnyTool {
  return defineTool({
    name: 'wait_for_selector',
    title: 'Wait for an element',
    description: 'Wait until an element or text of the open page is there, or gone. Returns its text.',
    inputSchema,
    annotations: reads,
    aliases: timeoutAlias,
    handler: (args, context) => {
      if (args.selector !== undefined || args.text !== undefined)
        return onPage(backend, context, args, (call) => waitFor(call, args))
      const hint = 'get_content {"format":"interactive"}'
      throw new ToolError('INVALID_ARGUMENT', 'neither "selector" nor "text" is given', { hint })
    },
  })
}

async function waitFor(call: PageCall, args: Arguments): Promise<ToolResult<object>> {
  const { selector = 'html', text: wanted, state } = args
  const { session, page, timeoutMs, signal } = call
  const all = page.locator(enterFrames(selector, true))
  const withText = args.selector === undefined ? page.getByText(wanted ?? '') : all.filter({ hasText: wanted ?? '' })
  const locator = (wanted === undefined ? all : withText.filter({ visible: true })).first()
  const expected = state === 'visible' || state === 'attached'
  const what = wanted === undefined ? `"${clip(selector, 200)}"` : `the text "${clip(wanted, 100)}"`
  session.extract = undefined
  const before = await linesOf(page.locator('html'), signal)
  const began = monotonicMs()
  let text = ''
  let seen = expected
  try {
    seen ||= (await countOf(locator, { ms: 1_000, signal })) !== 0
    await locator.waitFor({ state, timeout: timeoutMs, signal })
    if (expected) text = clip(await locator.innerText({ timeout: 1_000, signal }).catch(() => ''), maxTextChars)
  } catch (error) {
    signal.throwIfAborted()
    const target: Target = { ...call, locator, selector }
    if (!isTimeout(error)) return await explainAction(error, target)
    throw await missed(`${what} was not ${state} within ${timeoutMs} ms`, target, wanted === undefined, before)
  } finally {
    void before?.dispose().catch(() => {})
  }
  const elapsedMs = Math.round(monotonicMs() - began)
  const element = expected ? await describeElement(locator) : undefined
  return call.report({
    summary: `${what} is ${state}, after ${elapsedMs} ms`,
    ...(expected ? { untrusted: [element, text].filter(Boolean).join('\n') } : {}),
    notes: [!seen && 'it was not there when the wait began either'],
    structured: { found: expected, elapsed_ms: elapsedMs, text },
  })
}

/** What is on the page instead. */
async function missed(what: string, target: Target, bySelector: boolean, before: JSHandle | undefined): Promise<ToolError> {
  const { page, selector, signal } = target
  const lines = await newLines(before, signal)
  const count = bySelector ? await countOf(page.locator(enterFrames(selector)), { ms: 1_000, signal }) : undefined
  const similar = count === 0 ? await similarElements(page, selector, 3) : []
  const now = lines.length > 0 ? `new text since: ${lines.join(' | ')}` : `the text is: ${await currentText(page)}`
  const matches = typeof count === 'number' ? `${count} elements match, ` : ''
  const shown = clip(cleanText(now).replace(/(?<!\s)\s*\n\s*/g, ' | '), 600)
  const others = similar.length > 0 ? `one of ${similar.map((each) => each.shown).join(', ')}` : undefined
  const hint = others ?? 'get_content to read the page, or the same call with a longer timeout_ms'
  return new ToolError('TIMEOUT', `${what}; ${matches}${await whereIs(page)}; ${shown}`, { hint })
}
