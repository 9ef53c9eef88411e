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
  if (shortenJson(answer.body, maxTokens) === undefined) {
    const hint = 'the same call with a smaller range or limit'
    throw new ToolError('TOO_LARGE', `${name}'s answer holds more than ${maxTokens} values`, { hint })
  }
  return parseJson(name, answer.body)
}

/** The address answers with a web page where the API was expected. */
export function webPage(name: string, address: string, status: number): ToolError {
  const hint = `ask the operator to check ${address}: it may lead to a login page or miss a path prefix`
  return new ToolError('UPSTREAM_ERROR', `${name}'s address answers with a web page instead of its API`, { hint, detail: status })
}

/** @throws ToolError UPSTREAM_ERROR when it is not JSON */
export function parseJson(name: string, body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    const hint = 'the same call again'
    throw new ToolError('UPSTREAM_ERROR', `${name} answered with invalid or incomplete JSON`, { hint, cause: error })
  }
}

/** At the end of a string that {@link shortenJson} has cut. */
export const cutMark = '\ue000'
const mark = Buffer.from(cutMark)
const [quote, backslash] = [0x22, 0x5c]

/**
 * The same JSON with its strings cut to so many bytes, the last of them {@link cutMark}, in the memory of `json`, which is overwritten after the
 * first cut: decoding and parsing 4 MiB of text takes 16 MiB. Undefined when it holds more than `maxTokens` commas, colons and opening brackets
 * outside of strings. Does not validate: invalid JSON stays invalid.
 */
export function shortenJson(json: Buffer, maxTokens: number, maxStringBytes = Number.POSITIVE_INFINITY): Buffer | undefined {
  let tokens = 0
  /** What is kept of the bytes before `from` is in its place, and ends before `to`. */
  let [from, to] = [0, 0]
  const keepUntil = (end: number): void => {
    if (from > to) json.copyWithin(to, from, end)
    to += end - from
  }
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === 0x2c || byte === 0x3a || byte === 0x5b || byte === 0x7b) {
      if (++tokens > maxTokens) return undefined
    } else if (byte === quote) {
      const start = at + 1
      at = endOfString(json, start)
      if (at - start <= maxStringBytes) continue
      keepUntil(cutBefore(json, start, start + maxStringBytes - mark.length))
      to += mark.copy(json, to)
      from = at
    }
  }
  keepUntil(json.length)
  return json.subarray(0, to)
}

/** The place of the closing quote, or the end of the text. */
function endOfString(json: Buffer, start: number): number {
  let at = start
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return Math.min(at, json.length)
}

/** The last place up to `limit` that is neither inside of an escape nor of a character. */
function cutBefore(json: Buffer, start: number, limit: number): number {
  let at = start
  for (let next = start; next <= limit; next += json[next] === backslash ? (json[next + 1] === 0x75 ? 6 : 2) : 1) {
    if (((json[next] as number) & 0xc0) !== 0x80) at = next
  }
  return at
}
