// What an answer of Loki or Netdata means when it is not the expected JSON; what only one of them can explain is left to its own file.
import type { IncomingHttpHeaders } from 'node:http'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter, type UpstreamAnswer } from '../kit/http/upstream.ts'

/** Structural characters of JSON that are parsed at most: each costs up to a hundred bytes of heap, however short the text is. */
const maxJsonTokens = 100_000

/** The answer, when its status is 2xx or one that only the caller can explain. @throws ToolError for every other */
export function accepted(name: string, answer: UpstreamAnswer): UpstreamAnswer {
  const refusal = refusalOf(name, answer.status, answer.headers, answer.body)
  if (refusal !== undefined) throw refusal
  return answer
}

/** The answer as JSON. @throws ToolError when it is something else, or would cost too much to parse */
export function readJson(name: string, { body }: UpstreamAnswer): unknown {
  const start = body.subarray(0, 64).toString('latin1').trimStart()
  if (start.startsWith('<')) {
    throw new ToolError(
      'UPSTREAM_ERROR',
      `${name}'s address answers with a web page instead of its API: it leads elsewhere, such as to a login page`,
      {
        hint: 'ask the operator to check the address, its path prefix and the reverse proxy',
      },
    )
  }
  if (countTokens(body, maxJsonTokens) > maxJsonTokens) {
    throw new ToolError('TOO_LARGE', `${name}'s answer holds more than ${maxJsonTokens} values`)
  }
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new ToolError('UPSTREAM_ERROR', `${name} answered with something that is not JSON, or only a part of it`, {
      cause: error,
    })
  }
}

/** What an answer's status alone says; undefined where only the caller can explain it. The body is never quoted: it may name inner hosts. */
export function refusalOf(name: string, status: number, headers: IncomingHttpHeaders, body: Buffer): ToolError | undefined {
  const fail = (code: ToolErrorCode, message: string, hint: string): ToolError => new ToolError(code, message, { hint })
  if (status === 401 && /no org id/i.test(body.subarray(0, 200).toString('latin1'))) {
    return fail('UPSTREAM_AUTH', `${name} wants to know the tenant (401, "no org id")`, 'ask the operator to set the tenant')
  }
  if (status === 401) return fail('UPSTREAM_AUTH', `${name} refused the credentials (401)`, 'ask the operator to check them')
  if (status === 403)
    return fail(
      'UPSTREAM_AUTH',
      `${name} does not allow this with the configured credentials (403)`,
      'ask the operator for access',
    )
  if (status === 429) {
    const after = retryAfter(headers['retry-after'])
    return fail(
      'RATE_LIMITED',
      `${name} is receiving too many requests (429)`,
      `the same call again in ${after ?? 'a few'} seconds`,
    )
  }
  if (status >= 500)
    return fail('UPSTREAM_ERROR', `${name} failed (HTTP ${status})`, 'the same call again later, or ask for less')
  if (status >= 300 && status < 400) {
    return fail(
      'UPSTREAM_ERROR',
      `${name}'s address redirects elsewhere (HTTP ${status}), which is not followed`,
      'ask the operator to set the final address',
    )
  }
  return undefined
}

/** Counts the commas, colons and opening brackets outside of strings, up to one more than `most`. Does not validate. */
function countTokens(json: Buffer, most: number): number {
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
