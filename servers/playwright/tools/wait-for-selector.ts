// wait_for_selector: waits until an element is there, or gone.
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import type { PlaywrightBackend } from '../backend.ts'
import { explainAction, isSelectorFault, messageOf, whereIs } from '../errors.ts'
import { currentPage } from '../lib/browser-session.ts'
import { interactiveHint } from '../lib/interactive.ts'
import { describeElement, withinTime } from '../lib/page.ts'
import { callTime } from '../time.ts'

export interface WaitArguments {
  readonly selector: string
  readonly state: 'visible' | 'attached' | 'hidden' | 'detached'
  readonly timeout_ms: number
  readonly session?: string | undefined
}

const maxTextChars = 200

export async function waitForSelector(
  backend: PlaywrightBackend,
  environment: Environment,
  args: WaitArguments,
  context: Context,
): Promise<ToolResult<object>> {
  const { selector, state } = args
  const { signal } = context
  return backend.sessions.use(context, { session: args.session }, async (turn) => {
    const { session } = turn
    const page = currentPage(session, turn.name)
    const timeoutMs = callTime(args.timeout_ms, environment)
    const locator = page.locator(selector).first()
    session.extract = undefined
    const began = performance.now()
    try {
      await locator.waitFor({ state, timeout: timeoutMs, signal })
    } catch (error) {
      signal.throwIfAborted()
      const text = messageOf(error)
      if (!/Timeout .*exceeded/i.test(text) || isSelectorFault(text)) {
        return await explainAction(error, { page, locator, selector, timeoutMs, signal })
      }
      const count = await withinTime(page.locator(selector).count(), 1_000).catch(() => 0)
      throw new ToolError(
        'TIMEOUT',
        `"${clip(selector, 200)}" was not ${state} within ${timeoutMs} ms; ${count} elements match, ${await whereIs(page)}`,
        { hint: await interactiveHint(page, selector), cause: error },
      )
    }
    const elapsedMs = Math.round(performance.now() - began)
    const there = state === 'visible' || state === 'attached'
    const what = there ? await describeElement(locator).catch(() => '') : ''
    const text = there ? await locator.innerText({ timeout: 1_000, signal }).catch(() => '') : ''
    return report(context, {
      summary: `"${clip(selector, 200)}" is ${state}, after ${elapsedMs} ms`,
      ...(there ? { untrusted: [what, clip(text, maxTextChars)].filter((part) => part !== '').join('\n') } : {}),
      notes: [...turn.notes, ...session.takeEvents()],
      structured: { found: there, elapsed_ms: elapsedMs, text: clip(text, maxTextChars) },
    })
  })
}
