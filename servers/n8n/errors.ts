// Answers of n8n that are not the expected JSON, as the errors that a model reads.
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { isHtml, parseJson, shortenJson, statusError, webPage } from '../kit/http/answer.ts'
import type { UpstreamAnswer } from '../kit/http/upstream.ts'
import { cleanText, parseIfJson, quoted } from '../kit/text.ts'
import { object } from './lib/json.ts'

/** Commas, colons and opening brackets in one answer: each costs up to 50 bytes of heap, however short the text is. */
const maxJsonTokens = 200_000
const maxParsedBytes = 1024 * 1024

/** Bytes that are kept of each string where the JSON would still be larger than {@link maxParsedBytes}. */
const shorterBytes = 20_000

interface Asked {
  /** Of the API key, which the route needs, such as `workflow:list`. */
  readonly scope: string
  readonly keyExpires: Date | undefined
  /** Kept of each string. */
  readonly maxStringBytes: number
  readonly cursor: string | undefined
}

/**
 * The JSON of a successful answer.
 * @throws ToolError for every other. n8n's own text is quoted only for a 400, where it says which argument is wrong
 */
export function readAnswer(answer: UpstreamAnswer, { scope, keyExpires, maxStringBytes, cursor }: Asked): unknown {
  const { status } = answer
  const html = isHtml(answer)
  const fail = (code: ToolErrorCode, message: string, hint: string): ToolError =>
    new ToolError(code, message, { hint, detail: status })
  if (!html && status === 401) {
    const expired = keyExpires !== undefined && keyExpires.getTime() <= Date.now()
    const since = expired ? `; it expired on ${keyExpires.toISOString().slice(0, 10)}` : ''
    throw fail('UPSTREAM_AUTH', `n8n rejected the API key (401)${since}`, 'ask the operator for a new key')
  }
  if (!html && status === 403) {
    const lacks = `it lacks the scope ${scope}, or its user the permission`
    const hint = `ask the operator for a key with the scope ${scope}`
    throw fail('FORBIDDEN', `n8n does not allow this with the configured API key (403): ${lacks}`, hint)
  }
  if (status === 404) {
    const why = 'the path is wrong, or the public API is switched off'
    const hint = 'ask the operator to check N8N_API_URL and N8N_PUBLIC_API_DISABLED'
    throw fail('UPSTREAM_ERROR', `the configured address has no n8n API (404): ${why}`, hint)
  }
  if (status === 400) {
    const remedy = cursor === undefined ? { hint: 'other arguments' } : { retry: { cursor: undefined } }
    const message = `n8n refused the arguments (400)${messageOf(answer)}`
    throw new ToolError('INVALID_ARGUMENT', message, { ...remedy, detail: status })
  }
  const explained = statusError({ name: 'n8n', address: 'N8N_API_URL', credentials: 'N8N_EXTRA_HEADERS' }, answer)
  if (explained !== undefined) throw explained
  if (status >= 300) throw fail('UPSTREAM_ERROR', `n8n answered HTTP ${status}`, 'the same call again later')
  if (html) throw webPage('n8n', 'N8N_API_URL', status)
  let short = shortenJson(answer.body, maxJsonTokens, maxStringBytes)
  if (short !== undefined && short.length > maxParsedBytes)
    short = shortenJson(short, maxJsonTokens, Math.min(maxStringBytes, shorterBytes))
  if (short === undefined) throw new ToolError('TOO_LARGE', `n8n's answer holds more than ${maxJsonTokens} values`)
  return parseJson('n8n', short)
}

export function unknownForm(): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'n8n answered with JSON of an unknown form', {
    hint: 'ask the operator whether N8N_API_URL leads to n8n',
  })
}

/** `: "An invalid cursor was provided"`, or nothing. */
function messageOf({ body }: UpstreamAnswer): string {
  if (body.length > 10_000) return ''
  const { message } = object(parseIfJson(body.toString()))
  return typeof message === 'string' ? `: ${quoted(cleanText(message), 200)}` : ''
}
