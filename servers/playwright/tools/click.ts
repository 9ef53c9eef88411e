// click: clicks one element.
import { type AnyTool, defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { act } from '../lib/act.ts'
import { describeElement } from '../lib/ask-page.ts'
import { actionTimeout, acts, dialog, session, target, timeoutAlias } from '../lib/page-call.ts'
import type { PlaywrightBackend } from '../lib/service.ts'

const inputSchema = parameters(['selector'], {
  selector: { ...target, examples: ['role=button[name="Save"]'] },
  button: { enum: ['left', 'right', 'middle'], default: 'left' },
  click_count: { type: 'integer', minimum: 1, maximum: 3, default: 1 },
  dialog,
  timeout_ms: actionTimeout,
  session,
})

export function clickTool(backend: PlaywrightBackend): AnyTool {
  return defineTool({
    name: 'click',
    title: 'Click',
    description:
      'Click an element of the open page. Returns the text that appeared or changed; a miss returns the elements that exist.',
    inputSchema,
    annotations: acts,
    aliases: timeoutAlias,
    lookUp: 'get_content {"format":"interactive"}',
    handler: (args, context) =>
      act(backend, args, context, 'click', async ({ locator, timeoutMs: timeout, signal }) => {
        // Asked before: afterwards the element may be gone.
        const what = await describeElement(locator)
        await locator.click({ button: args.button, clickCount: args.click_count, timeout, signal })
        return { did: `clicked ${what ?? 'the element'}` }
      }),
  })
}
