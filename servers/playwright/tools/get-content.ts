// get_content: what the page says, page by page.
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import type { Locator, Page, PlaywrightBackend } from '../backend.ts'
import { type Attempt, explainAction, manyMatch } from '../errors.ts'
import { currentPage } from '../lib/browser-session.ts'
import { actionableOn } from '../lib/interactive.ts'
import { unlessAborted, withinTime } from '../lib/page.ts'
import { toHtml, toMarkdown, toText } from '../lib/page-program.ts'
import { callTime } from '../time.ts'

export interface ContentArguments {
  readonly selector?: string | undefined
  readonly format: 'markdown' | 'text' | 'html' | 'interactive' | 'snapshot'
  readonly max_length: number
  readonly start_index: number
  readonly session?: string | undefined
}

/** Content that was read, kept so that its following pages are of the same state. */
export interface Extract {
  readonly of: string
  readonly text: string
  /** The page holds more than is read at all. */
  readonly cut: boolean
}

const maxExtractChars = 1_000_000
const timeoutMs = 8_000
/** Room for the summary and the notes within the limit of a result. */
const reservedChars = 1_500

export async function getContent(
  backend: PlaywrightBackend,
  environment: Environment,
  args: ContentArguments,
  context: Context,
): Promise<ToolResult<object>> {
  const { format, start_index: start } = args
  return backend.sessions.use(context, { session: args.session }, async (turn) => {
    const { session } = turn
    const page = currentPage(session, turn.name)
    const locator = page.locator(args.selector ?? 'html')
    const attempt: Attempt = {
      page,
      locator,
      selector: args.selector ?? 'html',
      timeoutMs: callTime(timeoutMs, environment),
      signal: context.signal,
    }
    const of = JSON.stringify([page.url(), args.selector, format])
    if (start === 0 || session.extract?.of !== of) {
      try {
        session.extract = { of, ...(await unlessAborted(read(attempt, args), context.signal)) }
      } catch (error) {
        await explainAction(error, attempt)
      }
    }
    const { text = '', cut = false } = session.extract ?? {}
    if (start > 0 && start >= text.length) {
      throw new ToolError('INVALID_ARGUMENT', `start_index is beyond the end: there are ${text.length} characters`, {
        hint: JSON.stringify({ start_index: 0 }),
      })
    }
    const length = Math.min(args.max_length, environment.maxResultChars - reservedChars)
    const end = endOfPage(text, start, length)
    const more = end < text.length
    const { max_length: _max, start_index: _start, ...same } = args
    return report(context, {
      summary: `${format} of ${clip(page.url(), 500)}: characters ${start} to ${end} of ${text.length}`,
      untrusted: text.slice(start, end),
      notes: [
        ...turn.notes,
        ...session.takeEvents(),
        ...(cut ? [`the page is longer; only its first ${maxExtractChars} characters can be read. Use a selector`] : []),
        ...(text === ''
          ? ['there is no text; the page may still be loading, or be a picture: try wait_for_selector or screenshot']
          : []),
      ],
      next: more
        ? { ...same, ...(args.max_length === 10_000 ? {} : { max_length: args.max_length }), start_index: end }
        : undefined,
      truncated: more || cut,
      structured: { url: page.url(), format, total_chars: text.length, content: text.slice(start, end) },
    })
  })
}

async function read(attempt: Attempt, { format, selector }: ContentArguments): Promise<Omit<Extract, 'of'>> {
  const { page, locator, timeoutMs: timeout, signal } = attempt
  if (selector !== undefined) {
    await locator.first().waitFor({ state: 'attached', timeout: Math.min(2_000, timeout), signal })
    const count = await locator.count()
    if (count > 1) throw await manyMatch(locator, selector, count)
  }
  switch (format) {
    case 'interactive':
      return interactive(page, locator, timeout)
    case 'snapshot': {
      const text = await (selector === undefined ? page.locator('body') : locator).ariaSnapshot({ timeout, signal })
      return { text: text.slice(0, maxExtractChars), cut: text.length > maxExtractChars }
    }
    default: {
      const script = format === 'markdown' ? toMarkdown : format === 'text' ? toText : toHtml
      return withinTime(locator.evaluate(script, maxExtractChars, { timeout, signal }), timeout)
    }
  }
}

async function interactive(page: Page, root: Locator, timeout: number): Promise<Omit<Extract, 'of'>> {
  const { elements, total } = await actionableOn(page, root, timeout)
  const rows = elements.map(({ selector, role, name, about }) =>
    [selector, `${role}${name === '' ? '' : ` "${clip(name, 80)}"`}`, about].filter((part) => part !== '').join('\t'),
  )
  const frames = page.frames().length - 1
  const more = [
    ...(total > elements.length ? [`… ${total - elements.length} more; a selector for a part of the page shows others`] : []),
    ...(frames > 0 ? [`${frames} frame${frames === 1 ? '' : 's'} not listed`] : []),
  ]
  return { text: ['selector\telement\tdetails', ...rows, ...more].join('\n'), cut: false }
}

/** At the end of a line where one is near; never between two halves of a character. */
function endOfPage(text: string, start: number, length: number): number {
  const limit = start + length
  if (limit >= text.length) return text.length
  const line = text.lastIndexOf('\n', limit)
  if (line > start + length / 2) return line + 1
  const code = text.charCodeAt(limit - 1)
  return code >= 0xd800 && code <= 0xdbff ? limit - 1 : limit
}
