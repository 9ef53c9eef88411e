// Connections to one upstream, and single requests on them up to the head of the response. Redirects are not followed.
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { trust } from './trust.ts'

export interface ConnectionOptions {
  /** PEM of a private certificate authority, accepted beside the usual ones. */
  readonly ca?: string | undefined
  /** Requests at once; others wait in a queue, within their own deadline. */
  readonly maxSockets: number
  /** How long a connection, with its TLS handshake, may take, in milliseconds. */
  readonly connectMs?: number
}

/** The first `maxBytes` of a body; the rest is not read. @throws the error of the connection */
export async function readStart(res: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of res as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= maxBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBytes)
}

/** Nothing answered at the address, or nothing that speaks TLS. */
export class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}

const defaultConnectMs = 3_000
/** An idle connection is closed then: something on its way may forget it without a word. */
const idleMs = 30_000

export class Connections {
  readonly #secure: boolean
  readonly #options: ConnectionOptions
  readonly #agent: HttpAgent

  /** @param secure with TLS */
  constructor(secure: boolean, options: ConnectionOptions) {
    const { ca, maxSockets } = options
    const pool = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: idleMs }
    this.#secure = secure
    this.#options = options
    this.#agent = secure ? new HttpsAgent({ ...pool, ...trust(ca) }) : new HttpAgent(pool)
  }

  close(): void {
    this.#agent.destroy()
  }

  /**
   * Sends one request and resolves with the head of its response. Its signal ends the response, too.
   * @throws the error of the connection
   */
  exchange(request: RequestOptions, body?: string, fresh = false): Promise<IncomingMessage> {
    const secure = this.#secure
    const { ca, connectMs = defaultConnectMs } = this.#options
    // Outside of the agent no connection is reused.
    const connection = fresh ? { agent: false, ...(secure ? trust(ca) : {}) } : { agent: this.#agent }
    return new Promise((resolve, reject) => {
      const req = (secure ? requestHttps : requestHttp)({ ...request, ...connection })
      let timer: NodeJS.Timeout | undefined
      req.on('socket', (socket) => {
        if (!socket.connecting) return
        timer = setTimeout(() => req.destroy(new ConnectTimeout(`no connection within ${connectMs} ms`)), connectMs)
        socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
      })
      req.on('close', () => clearTimeout(timer))
      req.on('response', resolve)
      req.on('error', (error: NodeJS.ErrnoException) => {
        // The upstream closed an idle connection while it was reused: the request was not processed. Other idle ones may be closed, too.
        const stale = !fresh && req.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        if (stale) resolve(this.exchange(request, body, true))
        else reject(error)
      })
      req.end(body)
    })
  }
}
