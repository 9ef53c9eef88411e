// One request to the store on a socket of ours: what the S3 client library gets as its transport. It admits only GET and HEAD, so that there
// is no way to write whatever the library can do; it follows no redirect and repeats nothing.
import { type Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { ToolError } from '../../../protocol/index.ts'
import { readFailure } from '../errors.ts'

export interface ExchangeOptions {
  readonly agent: Agent
  readonly secure: boolean
  readonly connectMs: number
  readonly signal: AbortSignal
}

/** A kept-alive socket that the store closed while the request was on its way: nothing was answered, and asking again is safe. */
export class StaleSocket extends Error {
  override readonly name = 'StaleSocket'
}

/** Resolves with the head of a 2xx answer; rejects with StoreFailure for another, with ToolError or the signal's reason when there is none. */
export function exchange(
  options: RequestOptions,
  { agent, secure, connectMs, signal }: ExchangeOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (options.method !== 'GET' && options.method !== 'HEAD') throw new Error(`${options.method} is not sent by this server`)
    signal.throwIfAborted()
    const req = (secure ? requestHttps : requestHttp)({ ...options, agent })
    let timer: NodeJS.Timeout | undefined
    const abort = (): void => void req.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    req.on('close', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    })
    req.on('socket', (socket: Socket) => {
      if (!socket.connecting) return
      const connected = secure ? 'secureConnect' : 'connect'
      timer = setTimeout(() => req.destroy(unreachable(`no connection within ${connectMs} ms`)), connectMs)
      socket.once(connected, () => clearTimeout(timer))
    })
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return reject(signal.reason)
      if (error instanceof ToolError) return reject(error)
      if (req.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return reject(new StaleSocket())
      reject(explain(error, secure))
    })
    req.on('response', (res) => {
      const status = res.statusCode ?? 0
      if (status >= 200 && status < 300) return resolve(res)
      readFailure(res).then((failure) => {
        if (!res.complete) res.destroy()
        reject(signal.aborted ? signal.reason : failure)
      }, reject)
    })
    req.end()
  })
}

function unreachable(why: string, cause?: Error): ToolError {
  return new ToolError(
    'UPSTREAM_UNREACHABLE',
    `the store cannot be reached: ${why}. Ask the operator`,
    cause === undefined ? {} : { cause },
  )
}

/** Never with the address: it is the operator's. */
function explain(error: NodeJS.ErrnoException, secure: boolean): ToolError {
  const code = error.code ?? ''
  switch (code) {
    case 'ECONNREFUSED':
      return unreachable('nothing listens at the endpoint', error)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unreachable('the name of the endpoint is not known', error)
    case 'ECONNRESET':
    case 'EPIPE':
      return unreachable(secure ? 'it closed the connection; does it speak TLS?' : 'it closed the connection', error)
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return unreachable('it does not speak TLS on this port (MINIO_USE_SSL)', error)
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)) {
    return unreachable(`its certificate is not trusted (${code}); MCP_CA_FILE names a private authority`, error)
  }
  if (code.startsWith('HPE_')) {
    return new ToolError(
      'UPSTREAM_ERROR',
      `the endpoint does not answer in HTTP (${code}). Ask the operator to check MINIO_ENDPOINT`,
      {
        cause: error,
      },
    )
  }
  return unreachable(code === '' ? 'the connection failed' : code, error)
}
