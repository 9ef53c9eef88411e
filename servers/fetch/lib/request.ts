// Requests through the network policy, with their redirects; an answer is inflated and bounded while it arrives. Remembers nothing.
// Not global fetch: loading it once costs 11 MiB, and it connects by itself.
import { once } from 'node:events'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { ToolError } from '../../../protocol/index.ts'
import { connector } from '../../kit/network-policy/connector.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { parseUrl } from '../../kit/web-address.ts'
import { connectionError } from '../errors.ts'
import { codingsOf, inflate } from './inflate.ts'

export interface RequestSettings {
  readonly policy: EgressPolicy
  readonly ca: string | undefined
  readonly userAgent: string
}

export type Answer = ReturnType<typeof answerOf>

export const maxRedirects = 5
const maxLocationChars = 4_096
/** From the connection to the last header. */
const headersMs = 5_000

/** The address that the answer redirects to, as it is written; undefined when it is not a redirect. */
export function redirectOf({ status, headers }: Answer): string | undefined {
  return status >= 300 && status < 400 && status !== 304 ? headers.location : undefined
}

/**
 * Follows redirects by hand. The answer is a redirect itself when there were too many.
 * @param visit called before each request; checks the address. `from` redirects there
 * @throws what `visit` throws; ToolError of the policy, UPSTREAM_UNREACHABLE, UPSTREAM_ERROR; the signal's reason
 */
export async function follow(
  first: URL,
  accept: string,
  settings: RequestSettings,
  signal: AbortSignal,
  visit: (url: URL, from: URL | undefined) => Promise<void>,
) {
  let url = first
  let from: URL | undefined
  for (let redirects = 0; ; redirects++) {
    await visit(url, from)
    const answer = await request(url, accept, settings, signal)
    const location = redirectOf(answer)
    if (location === undefined || redirects === maxRedirects) return { answer, url, redirects }
    answer.close()
    from = url
    url = targetOf(location, url)
  }
}

function targetOf(location: string, from: URL): URL {
  // Node gives header bytes as Latin-1; a location beyond ASCII is UTF-8 (RFC 9110 §5.5 forbids it, servers do it).
  const text = Buffer.from(location, 'latin1').toString()
  const target = parseUrl(text, from)
  if (target === undefined || target.href.length > maxLocationChars)
    throw new ToolError('UPSTREAM_ERROR', `${from.host} redirects to something that is not a valid URL, or too long`)
  target.hash = ''
  return target
}

async function request(url: URL, accept: string, { policy, ca, userAgent }: RequestSettings, signal: AbortSignal) {
  signal.throwIfAborted()
  const req = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    // A connection of its own, checked when it is made. No cookies, no credentials, no referrer: nothing of one site reaches another.
    createConnection: connector(policy, { signal, ca }) as never,
    headers: { 'user-agent': userAgent, accept, 'accept-encoding': 'gzip, br', connection: 'close' },
    signal,
  })
  let timer: NodeJS.Timeout | undefined
  req.on('socket', () => {
    const late = `${url.host} accepted the connection but did not answer within ${headersMs} ms`
    const error = new ToolError('UPSTREAM_UNREACHABLE', late, { hint: 'the same call later, or another address' })
    timer = setTimeout(() => req.destroy(error), headersMs)
  })
  req.on('error', () => {}) // after the response as well; whoever reads the body is told
  req.end()
  try {
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    return answerOf(url, res, signal)
  } catch (error) {
    throw failureOf(url, error as Error, signal)
  } finally {
    clearTimeout(timer)
  }
}

function failureOf(url: URL, error: Error, signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : error instanceof ToolError ? error : connectionError(url, error)
}

function answerOf(url: URL, res: IncomingMessage, signal: AbortSignal) {
  res.on('error', () => {})
  const answer = {
    status: res.statusCode ?? 0,
    reason: (res.statusMessage ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 60),
    headers: res.headers,
    cut: false,
    /** The compressed body ended before its end was reached. */
    truncated: false,
    /** Ends the connection; what was not read is not wanted. */
    close: () => res.destroy(),
    /**
     * The body, inflated. Ends without an error after `maxBytes`, of what is sent or of what it inflates to; `cut` is true then.
     * @throws ToolError when it breaks off or is not what its encoding says
     */
    async *body(maxBytes: number): AsyncGenerator<Buffer, void> {
      const encoding = res.headers['content-encoding']
      const codings = codingsOf(encoding)
      if (codings === undefined) {
        throw new ToolError('UPSTREAM_ERROR', `${url.host} sends an encoding that was not asked for (${encoding?.slice(0, 40)})`)
      }
      try {
        let body = limited(res as AsyncIterable<Buffer>, maxBytes, answer)
        for (const coding of codings.reverse()) body = limited(inflate(body, coding, answer), maxBytes, answer)
        yield* body
      } catch (error) {
        throw failureOf(url, error as Error, signal)
      } finally {
        res.destroy()
      }
    },
  }
  return answer
}

async function* limited(body: AsyncIterable<Buffer>, maxBytes: number, state: { cut: boolean }): AsyncGenerator<Buffer, void> {
  let room = maxBytes
  for await (const chunk of body) {
    if (chunk.length > room) {
      state.cut = true
      if (room > 0) yield chunk.subarray(0, room)
      return
    }
    room -= chunk.length
    yield chunk
  }
}
