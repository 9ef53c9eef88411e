// Answers of n8n that are not the expected JSON, as the errors that a model reads.
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { isHtml, parseJson, statusError, webPage } from '../kit/http/answer.ts'
import type { UpstreamAnswer } from '../kit/http/upstream.ts'
import { cleanText, clip, visibleJson } from '../kit/text.ts'
import { compactJson } from './lib/compact.ts'

/** Structural characters of JSON that are parsed at most: each costs up to 50 bytes of heap, whatever the size of the text. */
const maxJsonTokens = 60_000
const maxParsedBytes = 1024 * 1024

export interface Asked {
  /** The scope of the API key that the route needs, such as `workflow:list`. */
  readonly scope: string
  readonly keyExpires: Date | undefined
  /** Bytes that are kept of each string; `shorterBytes` where the JSON would still be larger than {@link maxParsedBytes}. */
  readonly maxStringBytes: number
  readonly shorterBytes: number
}

/**
 * The JSON of a successful answer.
 * @throws ToolError for every other. n8n's own text is quoted only for a 400, where it says which argument is wrong
 */
export function readAnswer(answer: UpstreamAnswer, asked: Asked): unknown {
  const refusal = refusalOf(answer, asked)
  if (refusal !== undefined) throw refusal
  if (isHtml(answer)) throw webPage('n8n', 'N8N_API_URL', answer.status)
  let compact = compactJson(answer.body, maxJsonTokens, asked.maxStringBytes)
  if (compact !== undefined && compact.length > maxParsedBytes) compact = compactJson(compact, maxJsonTokens, asked.shorterBytes)
  if (compact === undefined) throw new ToolError('TOO_LARGE', `n8n's answer holds more than ${maxJsonTokens} values`)
  return parseJson('n8n', compact)
}

function refusalOf(answer: UpstreamAnswer, { scope, keyExpires }: Asked): ToolError | undefined {
  const { status } = answer
  const fail = (code: ToolErrorCode, message: string, hint: string): ToolError =>
    new ToolError(code, message, { hint, detail: status })
  if (!isHtml(answer) && status === 401)
    return fail('UPSTREAM_AUTH', `n8n rejected the API key (401)${expiry(keyExpires)}`, 'ask the operator for a new key')
  if (!isHtml(answer) && status === 403) {
    const lacks = `it lacks the scope ${scope}, or its user the permission`
    const hint = `ask the operator for a key with the scope ${scope}`
    return fail('FORBIDDEN', `n8n does not allow this with the configured API key (403): ${lacks}`, hint)
  }
  if (status === 404) {
    const why = 'the path is wrong, or the public API is switched off'
    const hint = 'ask the operator to check N8N_API_URL and N8N_PUBLIC_API_DISABLED'
    return fail('UPSTREAM_ERROR', `the configured address has no n8n API (404): ${why}`, hint)
  }
  if (status === 400) {
    const message = messageOf(answer)
    return fail('INVALID_ARGUMENT', `n8n refused the arguments (400)${message === '' ? '' : `: ${message}`}`, 'other arguments')
  }
  const explained = statusError({ name: 'n8n', address: 'N8N_API_URL', credentials: 'N8N_EXTRA_HEADERS' }, answer)
  if (explained !== undefined || status < 300) return explained
  return fail('UPSTREAM_ERROR', `n8n answered HTTP ${status}`, 'the same call again later')
}

/** `; it expired on 2026-10-31`, or nothing. */
function expiry(expires: Date | undefined): string {
  return expires !== undefined && expires.getTime() <= Date.now() ? `; it expired on ${expires.toISOString().slice(0, 10)}` : ''
}

function messageOf({ body }: UpstreamAnswer): string {
  if (body.length > 10_000) return ''
  try {
    const { message } = JSON.parse(body.toString()) as { message?: unknown }
    return typeof message === 'string' ? clip(visibleJson(cleanText(message)), 200) : ''
  } catch {
    return '' // not JSON, or null
  }
}
