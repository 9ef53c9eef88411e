// One request through the network policy, its answer inflated and bounded while it arrives. Follows nothing, remembers nothing.
// Not global fetch: loading it once costs 11 MiB, and it connects by itself.
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createUnzip, constants as zlib } from 'node:zlib'
import { ToolError } from '../../../protocol/index.ts'
import { connector } from '../../kit/network-policy/connector.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'

export interface RequestSettings {
  readonly policy: EgressPolicy
  readonly ca: string | undefined
  readonly userAgent: string
  /** From the connection to the last header. */
  readonly headersMs: number
}

export interface Answer {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /**
   * The body, inflated. Ends without an error after `maxBytes`, of what is sent or of what it inflates to; `cut` is true then.
   * @throws ToolError when it breaks off or is not what its encoding says
   */
  body(maxBytes: number): AsyncGenerator<Buffer, void>
  readonly cut: boolean
  /** Ends the connection; what was not read is not wanted. */
  close(): void
}

/** @throws ToolError of the policy, UPSTREAM_UNREACHABLE, UPSTREAM_ERROR; the signal's reason */
export function request(url: URL, accept: string, settings: RequestSettings, signal: AbortSignal): Promise<Answer> {
  const { policy, ca, userAgent, headersMs } = settings
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let timer: NodeJS.Timeout | undefined
    const req = (secure ? requestHttps : requestHttp)(url, {
      // A connection of its own, judged when it is made. No cookies, no credentials, no referrer: nothing of one site reaches another.
      createConnection: connector(policy, { signal, ca }) as never,
      headers: { 'user-agent': userAgent, accept, 'accept-encoding': 'gzip, br', connection: 'close' },
      signal,
    })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(signal.aborted ? signal.reason : error instanceof ToolError ? error : translate(url, error))
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
    close: () => res.destroy(),
    async *body(maxBytes: number): AsyncGenerator<Buffer, void> {
      let received = 0
      let given = 0
      const inflated = inflate(url, res)
      const count = (chunk: Buffer): void => {
        received += chunk.length
      }
      if (inflated !== res) res.on('data', count)
      try {
        for await (const chunk of inflated as AsyncIterable<Buffer>) {
          const room = maxBytes - given
          if (chunk.length > room || received > maxBytes) {
            answer.cut = true
            if (room > 0) yield chunk.subarray(0, room)
            return
          }
          given += chunk.length
          yield chunk
        }
      } catch (error) {
        throw signal.aborted ? signal.reason : error instanceof ToolError ? error : translate(url, error as Error)
      } finally {
        inflated.destroy()
        res.destroy()
      }
    },
  }
  return answer
}

function inflate(url: URL, res: IncomingMessage): Readable {
  const encoding = (res.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return res
  // Ends that are missing are forgiven, as browsers do.
  const inflater =
    encoding === 'br'
      ? createBrotliDecompress({ finishFlush: zlib.BROTLI_OPERATION_FLUSH })
      : /^(x-)?gzip$|^deflate$/.test(encoding)
        ? createUnzip({ finishFlush: zlib.Z_SYNC_FLUSH })
        : undefined
  if (inflater === undefined) {
    throw new ToolError('UPSTREAM_ERROR', `${url.host} sends an encoding that was not asked for (${encoding.slice(0, 40)})`)
  }
  return pipeline(res, inflater, () => {}) // whoever reads the inflater sees the error
}

function translate(url: URL, error: NodeJS.ErrnoException): ToolError {
  const { code = '' } = error
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(code)) {
    return new ToolError('UPSTREAM_UNREACHABLE', `no trusted TLS connection to ${url.host} (${code})`, {
      hint: 'another address; a certificate that cannot be trusted is never accepted',
      cause: error,
    })
  }
  const what = code.startsWith('Z_') || code.startsWith('ERR__ERROR') || code.startsWith('ERR_PADDING')
  return new ToolError(
    'UPSTREAM_ERROR',
    what
      ? `the body of ${url.host} is not what its Content-Encoding says (${code})`
      : `${url.host} broke off its answer (${code === '' ? 'no reason given' : code})`,
    { hint: 'the same call again', cause: error },
  )
}
