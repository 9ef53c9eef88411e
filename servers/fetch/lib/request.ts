// One request through the network policy, its answer inflated and bounded while it arrives. Follows nothing, remembers nothing.
// Not global fetch: loading it once costs 11 MiB, and it connects by itself.
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { ToolError } from '../../../protocol/index.ts'
import { connector } from '../../kit/network-policy/connector.ts'
import { connectionError } from '../errors.ts'
import type { Answer, RequestSettings } from '../types.ts'
import { codingsOf, inflate } from './inflate.ts'

/** @throws ToolError of the policy, UPSTREAM_UNREACHABLE, UPSTREAM_ERROR; the signal's reason */
export function request(url: URL, accept: string, settings: RequestSettings, signal: AbortSignal): Promise<Answer> {
  const { policy, ca, userAgent, headersMs } = settings
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let timer: NodeJS.Timeout | undefined
    const req = (secure ? requestHttps : requestHttp)(url, {
      // A connection of its own, checked when it is made. No cookies, no credentials, no referrer: nothing of one site reaches another.
      createConnection: connector(policy, { signal, ca }) as never,
      headers: { 'user-agent': userAgent, accept, 'accept-encoding': 'gzip, br', connection: 'close' },
      signal,
    })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(signal.aborted ? signal.reason : error instanceof ToolError ? error : connectionError(url, error))
    }
    req.on('socket', () => {
      timer = setTimeout(() => {
        req.destroy(
          new ToolError('UPSTREAM_UNREACHABLE', `${url.host} accepted the connection but did not answer within ${headersMs} ms`, {
            hint: 'the same call later, or another address',
          }),
        )
      }, headersMs)
    })
    req.on('error', fail)
    req.on('response', (res) => {
      clearTimeout(timer)
      resolve(answerOf(url, res, signal))
    })
    req.end()
  })
}

function answerOf(url: URL, res: IncomingMessage, signal: AbortSignal): Answer {
  res.on('error', () => {}) // told by whoever reads the body
  const answer = {
    status: res.statusCode ?? 0,
    reason: (res.statusMessage ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 60),
    headers: res.headers,
    cut: false,
    truncated: false,
    close: () => res.destroy(),
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
        throw signal.aborted ? signal.reason : error instanceof ToolError ? error : connectionError(url, error as Error)
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
