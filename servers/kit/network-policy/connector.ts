// Makes node:http and node:https connect through the network policy.
import type { ClientRequestArgs } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { trust } from '../http/connections.ts'
import { withoutBrackets } from './addresses.ts'
import type { EgressPolicy } from './policy.ts'

type Created = (error: Error | null, socket: Socket) => void

/**
 * For `createConnection` of a request without `agent`: one connection per request, checked when it is made. With `agent: false` Node would
 * ignore it and connect directly.
 * Errors of the policy are emitted unchanged as the request's `error` event.
 * @param options `ca`: PEM of a private certificate authority, accepted beside the usual ones
 */
export function connector(policy: EgressPolicy, options: { signal?: AbortSignal | undefined; ca?: string | undefined }) {
  const { signal, ca } = options
  return (request: ClientRequestArgs, created: Created): undefined => {
    const secure = request.protocol === 'https:'
    const host = withoutBrackets(request.hostname ?? request.host ?? '')
    const port = Number(request.port || (secure ? 443 : 80))
    policy.connect(host, port, signal).then(
      (socket) => created(null, secure ? encrypt(socket, host, ca) : socket),
      (error: Error) => created(error, undefined as never),
    )
  }
}

function encrypt(socket: Socket, host: string, ca: string | undefined): Socket {
  // An address must not be sent as a server name (RFC 6066 §3); the certificate is then checked against `host`.
  const servername = isIP(host) === 0 ? host : ''
  return connect({ socket, ALPNProtocols: ['http/1.1'], host, servername, ...trust(ca) })
}
