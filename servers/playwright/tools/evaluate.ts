// evaluate: runs a script in the page, and nowhere else.
import { type AnyTool, type Context, defineTool, type FromSchema, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import type { Refusal } from '../../kit/network-policy/proxy.ts'
import { report } from '../../kit/report.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { pageLost } from '../errors.ts'
import { callTime, within } from '../lib/ask-page.ts'
import { type BrowserSession, currentPage } from '../lib/browser-session.ts'
import { actionTimeout, acts, session, timeoutAlias } from '../lib/parameters.ts'
import { blockedBy, notLoaded } from '../lib/refusals.ts'
import type { PlaywrightBackend } from '../lib/service.ts'
import type { Page } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    script: {
      type: 'string',
      minLength: 1,
      maxLength: 20_000,
      description: 'Expression or function body with return',
      examples: ['document.title'],
    },
    arg: { description: 'Any JSON, as `arg`' },
    timeout_ms: actionTimeout,
    session,
  },
  required: ['script'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

export function evaluateTool(backend: PlaywrightBackend, environment: Environment): AnyTool {
  return defineTool({
    name: 'evaluate',
    title: 'Run a script',
    description: 'Run JavaScript in the open page; returns its value as JSON.',
    inputSchema,
    annotations: acts,
    aliases: { ...timeoutAlias, expression: 'script' },
    handler: (args, context) => evaluate(backend, environment, args, context),
  })
}

/** Of the Chrome DevTools Protocol, Runtime.evaluate. */
interface RuntimeAnswer {
  readonly result?: { readonly value?: Partial<Value> }
  readonly exceptionDetails?: {
    readonly text: string
    readonly lineNumber?: number
    readonly exception?: { readonly description?: string }
  }
}

/** What the wrapper around the script returns. */
interface Value {
  readonly type: string
  readonly json: string
  readonly chars: number
  /** The script threw: what, and the stack it had. */
  readonly error: string
  readonly stack: string
}

const maxValueChars = 20_000
const maxErrorChars = 1_000
/** The script begins on the second line of what is sent. */
const linesBefore = 1

async function evaluate(
  backend: PlaywrightBackend,
  environment: Environment,
  args: Arguments,
  context: Context,
): Promise<ToolResult<object>> {
  if (!backend.allowEvaluate) {
    throw new ToolError('FORBIDDEN', 'evaluate is switched off on this server', { hint: 'get_content, click and fill' })
  }
  return backend.sessions.use(context, { session: args.session, stop: true }, async (lease) => {
    const { session } = lease
    const page = currentPage(session, lease.name)
    const timeoutMs = callTime(args.timeout_ms, environment)
    session.extract = undefined
    const before = new Set(session.proxy.refusals)
    const value = await run(session, page, args, timeoutMs, context.signal).catch((error: unknown) => {
      throw withRefusals(
        error,
        session.proxy.refusals.filter((refusal) => !before.has(refusal)),
      )
    })
    const truncated = value.chars > value.json.length
    return report(context, {
      summary: `${value.type}${truncated ? `, the first ${value.json.length} of ${value.chars} characters` : ''}`,
      untrusted: value.json,
      notes: [...lease.notes, ...session.takeEvents()],
      truncated,
      structured: { type: value.type, json: value.json },
    })
  })
}

async function run(
  session: BrowserSession,
  page: Page,
  { script, arg }: Arguments,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Value> {
  const protocol = await page.context().newCDPSession(page)
  const began = performance.now()
  const send = async (expression: string): Promise<RuntimeAnswer> =>
    within(
      { ms: timeoutMs + 250, signal },
      (limited) =>
        // `timeout` stops a script that runs on; the limit around it ends waiting for a promise that never settles.
        protocol.send(
          'Runtime.evaluate',
          {
            expression,
            awaitPromise: true,
            returnByValue: true,
            userGesture: true,
            timeout: timeoutMs,
            allowUnsafeEvalBlockedByCSP: true,
          },
          { signal: limited },
        ) as Promise<RuntimeAnswer>,
    )
  try {
    // What the script throws is a value of the wrapper, so that an exception here means that nothing has run: it cannot be parsed.
    let answer = await send(wrap(`return (\n${script.trim().replace(/;+$/, '')}\n)`, arg))
    if (answer.exceptionDetails !== undefined) answer = await send(wrap(`\n${script}\n`, arg))
    if (answer.exceptionDetails !== undefined) throw syntaxError(answer.exceptionDetails)
    return readValue(answer.result?.value)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ToolError && error.code !== 'TIMEOUT') throw error
    // The protocol gives no codes: which failure it is depends on when it came and on the page.
    if (performance.now() - began >= timeoutMs) throw await tooLong(session, page, timeoutMs)
    if (!page.isClosed() && !session.hasCrashed(page) && (await session.free(page)))
      return { ...nothing, type: 'no value: the script left the page' }
    throw pageLost(error)
  } finally {
    void protocol.detach().catch(() => {})
  }
}

/** A function's body that answers with what it returns as JSON; a function that it returns is called with `arg`. */
function wrap(body: string, arg: unknown): string {
  return `(async (arg) => { try { const value = await (async () => { ${body}
})();
const result = typeof value === 'function' ? await value(arg) : value;
const type = result === null ? 'null' : Array.isArray(result) ? 'array' : typeof result;
const plain = result instanceof Element ? result.outerHTML.slice(0, ${maxValueChars}) : result instanceof Node || result instanceof Window ? String(result) : result;
const json = String(JSON.stringify(plain, (_, each) => typeof each === 'bigint' || typeof each === 'function' || typeof each === 'symbol' ? String(each).slice(0, 200) : each instanceof Map || each instanceof Set ? [...each] : each) ?? result);
return { type, json: json.slice(0, ${maxValueChars}), chars: json.length }
} catch (error) { return { error: String(error).slice(0, 2000) || 'an exception', stack: String(error?.stack ?? '').slice(0, 2000) } } })(${JSON.stringify(arg)})
//# sourceURL=script`
}

const nothing: Value = { type: 'undefined', json: 'undefined', chars: 0, error: '', stack: '' }

/** @throws ToolError with what the script threw */
function readValue(value: Partial<Value> = nothing): Value {
  // Nothing of it is certain: the page could have replaced what the wrapper uses.
  const { type, json, chars, error, stack } = value
  if (typeof error === 'string' && error !== '') {
    throw scriptError(error, /\bscript:(\d+):\d+/.exec(String(stack))?.[1])
  }
  return { ...nothing, type: clip(String(type), 60), json: clip(String(json), maxValueChars), chars: Number(chars) || 0 }
}

function syntaxError({ text, lineNumber = 0, exception }: NonNullable<RuntimeAnswer['exceptionDetails']>): ToolError {
  return scriptError((exception?.description ?? text).split('\n')[0] ?? text, String(lineNumber + 1))
}

function scriptError(what: string, line: string | undefined): ToolError {
  const where = line === undefined ? '' : ` in line ${Math.max(1, Number(line) - linesBefore)}`
  return new ToolError('INVALID_ARGUMENT', `the script failed${where}: ${clip(cleanText(what), maxErrorChars)}`, {
    hint: 'an expression such as document.title, or a function body with return',
  })
}

/** A script that fails after a refused request says "Failed to fetch", and nothing of the reason. */
function withRefusals(error: unknown, refusals: readonly Refusal[]): unknown {
  if (!(error instanceof ToolError) || refusals.length === 0) return error
  return new ToolError(error.code, [error.message, ...notLoaded(blockedBy(refusals))].join('; '), {
    hint: 'another address, or ask the operator to open this host',
    cause: error,
  })
}

async function tooLong(session: BrowserSession, page: Page, timeoutMs: number): Promise<ToolError> {
  const alive = await session.free(page)
  const then = alive ? 'it was stopped' : 'the page does not answer'
  return new ToolError('TIMEOUT', `the script did not end within ${timeoutMs} ms; ${then}`, {
    hint: alive ? 'a shorter script, or wait_for_selector' : 'the same call in a few seconds, or navigate',
  })
}
