// evaluate: runs a script in the page, and nowhere else.
import { type AnyTool, defineTool, type FromSchema, monotonicMs, ToolError, type ToolResult } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { notLoaded, pageLost } from '../errors.ts'
import { within } from '../lib/ask-page.ts'
import { actionTimeout, acts, onPage, type PageCall, session, timeoutAlias } from '../lib/page-call.ts'
import type { PlaywrightBackend } from '../lib/service.ts'

const inputSchema = parameters(['script'], {
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
})

type Arguments = FromSchema<typeof inputSchema>

export function evaluateTool(backend: PlaywrightBackend): AnyTool {
  return defineTool({
    name: 'evaluate',
    title: 'Run a script',
    description: 'Run JavaScript in the open page; returns its value as JSON.',
    inputSchema,
    annotations: acts,
    aliases: { ...timeoutAlias, expression: 'script' },
    handler: (args, context) => {
      if (backend.config.PLAYWRIGHT_ALLOW_EVALUATE) return onPage(backend, context, args, (call) => evaluate(call, args))
      throw new ToolError('FORBIDDEN', 'evaluate is switched off on this server', { hint: 'get_content, click and fill' })
    },
  })
}

const maxValueChars = 20_000
const maxErrorChars = 1_000
const evaluation = { awaitPromise: true, returnByValue: true, userGesture: true, allowUnsafeEvalBlockedByCSP: true }
/** The script begins on the second line of what is sent. */
const linesBefore = 1
/** Waiting for an answer ends this much after the script was to be stopped. */
const stopMs = 250

async function evaluate(call: PageCall, args: Arguments): Promise<ToolResult<object>> {
  const { session, report } = call
  session.extract = undefined
  const before = new Set(session.proxy.refusals)
  const { type, json, chars } = await run(call, args).catch((error: unknown) => {
    const refusals = session.proxy.refusals.filter((refusal) => !before.has(refusal))
    if (!(error instanceof ToolError) || refusals.length === 0) throw error
    // A script that fails after a refused request says "Failed to fetch", and nothing of the reason.
    const hint = 'another address, or ask the operator to open this host'
    throw new ToolError(error.code, [error.message, ...notLoaded(refusals)].join('; '), { hint, cause: error })
  })
  const truncated = chars > json.length
  return report({
    summary: `${type}${truncated ? `, the first ${json.length} of ${chars} characters` : ''}`,
    untrusted: json,
    truncated,
    structured: { type, json },
  })
}

async function run({ session, page, timeoutMs, signal }: PageCall, { script, arg }: Arguments) {
  const began = monotonicMs()
  // `timeout` stops a script that runs on; the limit around it ends waiting for a promise that never settles.
  const send = (expression: string) =>
    within({ ms: timeoutMs + stopMs, signal }, async (limited) => {
      const protocol = await session.protocolOf(page)
      return protocol.send('Runtime.evaluate', { expression, timeout: timeoutMs, ...evaluation }, { signal: limited })
    })
  try {
    // What the script throws is a value of the wrapper, so that an exception here means that nothing has run: it cannot be parsed.
    let answer = await send(wrap(`return (\n${script.trim().replace(/(?<!;);+$/, '')}\n)`, arg))
    if (answer.exceptionDetails !== undefined) answer = await send(wrap(`\n${script}\n`, arg))
    if (answer.exceptionDetails === undefined) return readValue(answer.result.value ?? {})
    const { text, lineNumber, exception } = answer.exceptionDetails
    throw scriptError((exception?.description ?? text).split('\n')[0] ?? text, lineNumber + 1)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ToolError && error.code !== 'TIMEOUT') throw error
    // The protocol gives no codes: which failure it is depends on when it came and on the page.
    const late = monotonicMs() - began >= timeoutMs
    const alive = !page.isClosed() && !session.crashed.has(page) && (await session.free(page))
    if (late) {
      const then = alive ? 'it was stopped' : 'the page does not answer'
      const hint = alive ? 'a shorter script, or wait_for_selector' : 'the same call in a few seconds, or navigate'
      throw new ToolError('TIMEOUT', `the script did not end within ${timeoutMs} ms; ${then}`, { hint })
    }
    if (!alive) throw pageLost(error)
    return { type: 'no value: the script left the page', json: 'undefined', chars: 0 }
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

/** Nothing of it is certain: the page could have replaced what the wrapper uses. @throws ToolError with what the script threw */
function readValue({ type, json, chars, error, stack }: Readonly<Record<string, unknown>>) {
  if (typeof error === 'string' && error !== '') throw scriptError(error, Number(/\bscript:(\d+):\d+/.exec(String(stack))?.[1]))
  return { type: clip(String(type), 60), json: clip(String(json), maxValueChars), chars: Number(chars) || 0 }
}

/** @param line of what was sent; NaN if it is not known */
function scriptError(what: string, line: number): ToolError {
  const where = Number.isNaN(line) ? '' : ` in line ${Math.max(1, line - linesBefore)}`
  const hint = 'an expression such as document.title, or a function body with return'
  return new ToolError('INVALID_ARGUMENT', `the script failed${where}: ${clip(cleanText(what), maxErrorChars)}`, { hint })
}
