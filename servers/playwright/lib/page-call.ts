// What the tools on an open page share: parameters, annotations, and for each call its page, its time and its notes.
import type { Context, ToolResult } from '../../../protocol/index.ts'
import { type Report, report } from '../../kit/report.ts'
import type { Locator, Page } from '../types.ts'
import type { BrowserSession } from './browser-session.ts'
import type { PlaywrightBackend } from './service.ts'
import { noPage } from './sessions.ts'

export const session = { type: 'string', minLength: 1, maxLength: 64, description: 'Another browser session' } as const
export const selector = { type: 'string', minLength: 1, maxLength: 2_000 } as const
export const part = { ...selector, description: 'Only this element' } as const
export const target = {
  ...selector,
  description: 'CSS, text=Save, role=button[name="Save"], or only the label or visible text',
} as const
export const dialog = {
  type: 'string',
  minLength: 1,
  maxLength: 2_000,
  writeOnly: true,
  description: '"accept", or the text for a prompt; else dialogs are dismissed',
} as const
export const actionTimeout = { type: 'integer', minimum: 100, maximum: 30_000, default: 5_000 } as const
export const timeoutAlias = { timeout: 'timeout_ms' } as const

export const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true } as const
export const acts = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true } as const

export interface PageCall {
  readonly backend: PlaywrightBackend
  readonly session: BrowserSession
  readonly page: Page
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** The result. Its first notes say what has happened in the session since the last call. */
  report(result: Report): ToolResult<object>
}

/** One element that a call uses. */
export interface Target extends PageCall {
  readonly locator: Locator
  /** As the caller wrote it. */
  readonly selector: string
}

/**
 * Runs `work` on the open page of the caller's session.
 * @param args `timeout_ms`: how long the call would like to take
 * @param stop whether what the call has left running in the page is stopped when it is given up
 * @throws ToolError INVALID_ARGUMENT when no page is open
 */
export function onPage(
  backend: PlaywrightBackend,
  context: Context,
  { session: name, timeout_ms: timeoutMs }: { readonly session?: string | undefined; readonly timeout_ms: number },
  work: (call: PageCall) => Promise<ToolResult<object>>,
  stop = true,
): Promise<ToolResult<object>> {
  return backend.sessions.use(context, { name, stop }, async (session) => {
    const { page } = session
    if (page === undefined) throw noPage(name ?? 'default')
    return work({
      backend,
      session,
      page,
      timeoutMs: backend.callTime(timeoutMs),
      signal: context.signal,
      report: (result) => report(context, { ...result, notes: [...session.takeEvents(), ...(result.notes ?? [])] }),
    })
  })
}
