// Connections to one upstream, and single requests on them up to the head of the response. Redirects are not followed.
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { rootCertificates } from 'node:tls'
import { ToolError, type ToolErrorCode } from '../../../protocol/index.ts'

export interface ConnectionOptions {
  /** PEM of a private certificate authority, accepted beside the usual ones. */
  readonly ca?: string | undefined
  /** Requests at once; others wait in a queue, within their own deadline. */
  readonly maxSockets: number
  /** How long a connection, with its TLS handshake, may take, in milliseconds. Default 3,000. */
  readonly connectMs?: number
}

/** TLS options that accept a private authority (PEM, from MCP_CA_FILE) beside the usual ones. Without one, Node's defaults apply. */
export function trust(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] }
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
class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: ': nothing listens at its address',
  ENOTFOUND: ': its host name is not known',
  EAI_AGAIN: ': its host name is not known',
}

/**
 * What the failure of a connection means. Without the address, which is the operator's.
 * @param name what messages call the upstream @param check what the operator should check, such as `MINIO_ENDPOINT`
 */
export function connectionError(
  name: string,
  error: NodeJS.ErrnoException,
  check = 'its address and whether it is running',
): ToolError {
  const { code = 'no code' } = error
  const failed = (kind: ToolErrorCode, message: string, remedy: string): ToolError =>
    new ToolError(kind, message, { cause: error, detail: code, hint: `ask the operator to check ${remedy}` })
  // On Node 20 every failed handshake has the code EPROTO, and only the message of OpenSSL says why.
  if (/wrong.version.number|packet.length.too.long/i.test(code === 'EPROTO' ? error.message : code))
    return failed('UPSTREAM_UNREACHABLE', `${name} does not speak TLS on this port (${code})`, check)
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(code))
    return failed('UPSTREAM_UNREACHABLE', `no trusted TLS connection to ${name} (${code})`, 'its certificate and MCP_CA_FILE')
  if (code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_'))
    return failed('UPSTREAM_ERROR', `${name} closed the connection without a valid answer (${code})`, check)
  const why = error instanceof ConnectTimeout ? error.message : code
  return failed('UPSTREAM_UNREACHABLE', `${name} cannot be reached (${why})${reasons[code] ?? ''}`, check)
}

/** An idle connection is closed then: something on its way may forget it without a word. */
const idleMs = 30_000

/** @param secure with TLS */
export function openConnections(secure: boolean, { ca, maxSockets, connectMs = 3_000 }: ConnectionOptions) {
  const pool = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: idleMs }
  const agent = secure ? new HttpsAgent({ ...pool, ...trust(ca) }) : new HttpAgent(pool)

  /**
   * Sends one request and resolves with the head of its response. Its signal ends the response, too.
   * @throws the error of the connection
   */
  const exchange = (request: RequestOptions, body?: string, fresh = false): Promise<IncomingMessage> => {
    // Outside of the agent no connection is reused.
    const connection = fresh ? { agent: false, ...(secure ? trust(ca) : {}) } : { agent }
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
        if (stale) resolve(exchange(request, body, true))
        else reject(error)
      })
      req.end(body)
    })
  }
  return { exchange, close: () => agent.destroy() }
}
