// One request to the store: the transport of the S3 client library. Sends only GET and HEAD, so that nothing built on it can write; follows no
// redirect and repeats nothing.
import {
  type Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  request as requestHttp,
} from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { ToolError } from '../../../protocol/index.ts'
import { connectionError, readFailure, unreachable } from '../errors.ts'

export interface ExchangeOptions {
  readonly agent: Agent
  readonly secure: boolean
  readonly connectMs: number
  readonly signal: AbortSignal
}

/** The store closed a kept-alive socket while the request was sent. There was no response, so sending again is safe. */
export class StaleSocket extends Error {
  override readonly name = 'StaleSocket'
}

/** Resolves with the head of a 2xx response. @throws StoreFailure for another; ToolError or the signal's reason when there is none */
export function exchange(
  options: RequestOptions,
  { agent, secure, connectMs, signal }: ExchangeOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (options.method !== 'GET' && options.method !== 'HEAD') throw new Error(`${options.method} is not sent by this server`)
    signal.throwIfAborted()
    // Added after signing: Google's front end changes this header, and a signature over it would not match. Without it, Google's XML API
    // decompresses objects with Content-Encoding: gzip.
    const headers = { ...(options.headers as OutgoingHttpHeaders), 'accept-encoding': 'identity' }
    const req = (secure ? requestHttps : requestHttp)({ ...options, headers, agent })
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
      const late = (): void =>
        void req.destroy(unreachable(`no connection within ${connectMs} ms`, 'ask the operator to check MINIO_ENDPOINT'))
      timer = setTimeout(late, connectMs)
      socket.once(connected, () => clearTimeout(timer))
    })
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return reject(signal.reason)
      if (error instanceof ToolError) return reject(error)
      if (req.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return reject(new StaleSocket())
      reject(connectionError(error, secure))
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
