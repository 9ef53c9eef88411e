// Opens a connection to one of several addresses, directly or through a forward proxy. Checks no policy.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { withoutBrackets } from './addresses.ts'

/** Before the next address is tried beside the first (RFC 8305 §5). */
const attemptMs = 250

/** @param signal destroys the socket, also after it has connected @throws the system's error, with its code */
export function dial(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const socket = connect({
    // `lookup` answers for any name with the addresses that were checked. A single address is connected to directly.
    host: found.length === 1 ? found[0]?.address : 'checked.invalid',
    port,
    lookup: (_name, _options, done) => done(null, found),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptMs,
    signal,
  })
  return new Promise((resolve, reject) => {
    // This listener stays: an abort after the attempt was given up must not become an unhandled error.
    socket.on('error', (error) => reject(firstOf(error)))
    socket.once('connect', () => resolve(socket))
  })
}

/**
 * Through a proxy, by CONNECT (RFC 9110 §9.3.6) to the first address.
 * @param proxy http or https, with optional credentials
 * @throws Error whose code is the system's, or the proxy's status
 */
export function tunnel(proxy: URL, [address = '']: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  const authority = `${isIP(address) === 6 ? `[${address}]` : address}:${port}`
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const headers: Record<string, string> = { host: authority }
  if (credentials !== ':') headers['proxy-authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
  const request = proxy.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const asked = request({
      host: withoutBrackets(proxy.hostname),
      port: proxy.port || undefined,
      method: 'CONNECT',
      path: authority,
      headers,
      agent: false,
      signal,
    })
    asked.on('error', (error) => reject(firstOf(error)))
    asked.once('connect', ({ statusCode }, socket: Socket, head) => {
      socket.on('error', () => {})
      if (statusCode !== 200) {
        socket.destroy()
        reject(Object.assign(new Error('refused by the proxy'), { code: `the proxy answered ${statusCode}` }))
        return
      }
      signal.addEventListener('abort', () => socket.destroy(), { once: true })
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.end()
  })
}

/** Node collects the failures of several addresses in one AggregateError, which has no code. */
function firstOf(error: Error): Error {
  return error instanceof AggregateError ? (error.errors[0] as Error) : error
}
