// What the status and the body of an upstream's answer mean when they are not the expected JSON.
import { ToolError, type ToolErrorCode } from '../../../protocol/index.ts'
import { retryAfter, type UpstreamAnswer } from './upstream.ts'

export interface Explain {
  /** What messages call the upstream, such as `Loki`. */
  readonly name: string
  /** The variable that holds its address, such as `LOKI_URL`. */
  readonly address: string
  /** What holds its credentials, such as `LOKI_BEARER_TOKEN`. */
  readonly credentials: string
}

/**
 * The error that a status alone says, with the status as `detail`; undefined for 2xx and for what only the caller can explain (400, 404, 409,
 * 422, …). The body is never quoted: it may name internal hosts.
 */
export function statusError({ name, address, credentials }: Explain, answer: UpstreamAnswer): ToolError | undefined {
  const { status, headers } = answer
  const error = (code: ToolErrorCode, message: string, hint: string): ToolError =>
    new ToolError(code, message, { hint, detail: status })
  const http = `(HTTP ${status})`
  const check = `ask the operator to check ${credentials}`
  if (status >= 300 && status < 400) {
    const hint = `ask the operator to set ${address} to the final address`
    return error('UPSTREAM_ERROR', `${name}'s address redirects ${http}, and redirects are not followed`, hint)
  }
  if ((status === 401 || status === 403) && isHtml(answer))
    return error('UPSTREAM_AUTH', `a proxy in front of ${name} refused the request (HTTP ${status} with a web page)`, check)
  if (status === 401 || status === 407) return error('UPSTREAM_AUTH', `${name} refused the credentials ${http}`, check)
  if (status === 403) return error('UPSTREAM_AUTH', `${name} does not allow this with the configured credentials ${http}`, check)
  if (status === 408 || status === 504)
    return error('TIMEOUT', `${name} did not answer in time ${http}`, 'the same call with a smaller range or limit')
  if (status === 429) {
    const seconds = retryAfter(headers['retry-after']) ?? 'a few'
    return error('RATE_LIMITED', `${name} is receiving too many requests ${http}`, `the same call again in ${seconds} seconds`)
  }
  if (status < 500) return undefined
  const starting = status === 503 ? '; it may be starting' : ''
  const hint = 'the same call again in a minute, or with a smaller range or limit'
  return error('UPSTREAM_ERROR', `${name} failed ${http}${starting}`, hint)
}

/** Is it a web page? Some programs answer every unknown path with their own page and status 200. */
export function isHtml({ headers, body }: Pick<UpstreamAnswer, 'headers' | 'body'>): boolean {
  return (
    body.subarray(0, 64).toString('latin1').trimStart().startsWith('<') || (headers['content-type'] ?? '').startsWith('text/html')
  )
}

/**
 * The body as JSON.
 * @param maxTokens most commas, colons and opening brackets: each value costs up to a hundred bytes of heap, however short the text is
 * @throws ToolError UPSTREAM_ERROR when it is a web page or not JSON, TOO_LARGE when it has too many values
 */
export function readJson({ name, address }: Explain, answer: UpstreamAnswer, maxTokens: number): unknown {
  if (isHtml(answer)) throw webPage(name, address, answer.status)
  if (countJsonTokens(answer.body, maxTokens) > maxTokens) {
    throw new ToolError('TOO_LARGE', `${name}'s answer holds more than ${maxTokens} values`, {
      hint: 'the same call with a smaller range or limit',
    })
  }
  return parseJson(name, answer.body)
}

/** The address answers with a web page where the API was expected. */
export function webPage(name: string, address: string, status: number): ToolError {
  return new ToolError('UPSTREAM_ERROR', `${name}'s address answers with a web page instead of its API`, {
    hint: `ask the operator to check ${address}: it may lead to a login page or miss a path prefix`,
    detail: status,
  })
}

/** @throws ToolError UPSTREAM_ERROR when it is not JSON */
export function parseJson(name: string, body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new ToolError('UPSTREAM_ERROR', `${name} answered with invalid or incomplete JSON`, {
      hint: 'the same call again',
      cause: error,
    })
  }
}

/** Counts the commas, colons and opening brackets outside of strings, up to one more than `most`. Does not validate. */
function countJsonTokens(json: Buffer, most: number): number {
  let count = 0
  let quoted = false
  for (let i = 0; i < json.length && count <= most; i++) {
    const byte = json[i]
    if (byte === 0x22) quoted = !quoted
    else if (quoted && byte === 0x5c) i += 1
    else if (!quoted && (byte === 0x2c || byte === 0x3a || byte === 0x5b || byte === 0x7b)) count += 1
  }
  return count
}
