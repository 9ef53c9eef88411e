// What an answer of n8n means when it is not the expected JSON: each way it can be wrong has its own code and its own advice.
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter, type UpstreamAnswer } from '../kit/http/upstream.ts'
import { compactJson } from './lib/compact.ts'

/** Structural characters of JSON that are parsed at most: each costs up to 50 bytes of heap, whatever the size of the text. */
const maxJsonTokens = 60_000

export interface Asked {
  /** The scope of the API key that the route needs, such as `workflow:list`. */
  readonly scope: string
  readonly keyExpires: Date | undefined
  /** Kept of each string: nothing of a list shows more than a line, nothing of a workflow more than a few. */
  readonly maxStringBytes: number
}

/**
 * The JSON of a successful answer.
 * @throws ToolError for every other. n8n's own text is quoted only for a 400, where it says which argument is wrong
 */
export function readAnswer(answer: UpstreamAnswer, asked: Asked): unknown {
  const refusal = refusalOf(answer, asked)
  if (refusal !== undefined) throw refusal
  if (isPage(answer)) {
    throw new ToolError('UPSTREAM_ERROR', 'the configured address answers with a web page instead of the n8n API', {
      hint: 'ask the operator to set N8N_API_URL to the base URL of n8n: this one is its web interface below another path, or a login page before it',
    })
  }
  const compact = compactJson(answer.body, maxJsonTokens, asked.maxStringBytes)
  if (compact === undefined) throw new ToolError('TOO_LARGE', `n8n's answer holds more than ${maxJsonTokens} values`)
  const json = parse(compact)
  if (json === undefined)
    throw new ToolError('UPSTREAM_ERROR', 'n8n answered with something that is not JSON, or only a part of it', {
      hint: 'the same call again',
    })
  return json
}

function refusalOf(answer: UpstreamAnswer, { scope, keyExpires }: Asked): ToolError | undefined {
  const { status, headers } = answer
  const fail = (code: ToolErrorCode, message: string, hint: string): ToolError => new ToolError(code, message, { hint })
  if (status >= 200 && status < 300) return undefined
  if (status >= 300 && status < 400)
    return fail(
      'UPSTREAM_ERROR',
      `the configured address redirects elsewhere (HTTP ${status}), which is not followed`,
      'ask the operator to set N8N_API_URL to the final address, or to let this server pass the login before it',
    )
  if (status === 429)
    return fail(
      'RATE_LIMITED',
      'n8n is receiving too many requests (429)',
      `the same call again in ${retryAfter(headers['retry-after']) ?? 'a few'} seconds`,
    )
  if (status >= 500) {
    const starting = status === 503 ? '; it may be starting' : ''
    return fail('UPSTREAM_ERROR', `n8n failed (HTTP ${status})${starting}`, 'the same call again later, or ask for less')
  }
  if ((status === 401 || status === 403) && isPage(answer))
    return fail(
      'UPSTREAM_AUTH',
      `a proxy before n8n refused the request (HTTP ${status} with a web page)`,
      'ask the operator to check N8N_EXTRA_HEADERS',
    )
  if (status === 401)
    return fail('UPSTREAM_AUTH', `n8n rejected the API key (401)${expiry(keyExpires)}`, 'ask the operator for a new key')
  if (status === 403)
    return fail(
      'FORBIDDEN',
      `n8n does not allow this with the configured API key (403): it lacks the scope ${scope}, or its user the right`,
      `ask the operator for a key with the scope ${scope}`,
    )
  if (status === 404)
    return fail(
      'UPSTREAM_ERROR',
      'the configured address has no n8n API (404): the path is wrong, or the public API is switched off',
      'ask the operator to check N8N_API_URL and N8N_PUBLIC_API_DISABLED',
    )
  const message = messageOf(answer)
  if (status === 400) {
    const hint = /cursor/i.test(message) ? 'the same call without cursor' : 'other arguments'
    return fail('INVALID_ARGUMENT', `n8n refused the arguments (400)${message === '' ? '' : `: ${message}`}`, hint)
  }
  return fail('UPSTREAM_ERROR', `n8n answered HTTP ${status}`, 'the same call again later')
}

/** `; it expired on 2026-10-31`, or nothing. */
function expiry(expires: Date | undefined): string {
  return expires !== undefined && expires.getTime() <= Date.now() ? `; it expired on ${expires.toISOString().slice(0, 10)}` : ''
}

/** n8n's interface answers every unknown path with itself and 200, so the content decides, not the status. */
function isPage({ headers, body }: UpstreamAnswer): boolean {
  const start = body.subarray(0, 64).toString('latin1').trimStart()
  return start.startsWith('<') || (headers['content-type'] ?? '').startsWith('text/html')
}

function messageOf({ body }: UpstreamAnswer): string {
  const json = body.length > 10_000 ? undefined : parse(body)
  const message = (json as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 200) : ''
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined // the caller says what it means
  }
}
