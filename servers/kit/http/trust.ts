// Which certificate authorities a TLS connection to a backend accepts.
import { rootCertificates } from 'node:tls'

/** TLS options that accept a private authority (PEM, from MCP_CA_FILE) beside the usual ones. Without one, Node's defaults apply. */
export function trust(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] }
}
