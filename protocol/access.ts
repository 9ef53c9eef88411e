// Who may call the server: the rule for Host and Origin, and bearer tokens with named principals. Checked before a body is read.
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Caller } from './types.ts'

export interface Principal {
  readonly name: string
  readonly token: string
}

export interface AccessOptions {
  /** Without any, every caller is `anonymous`. */
  principals?: readonly Principal[]
  /** Dotted Host names to accept, with or without port, beside those that no public DNS can serve. `*` accepts every Host. */
  allowedHosts?: readonly string[]
  /** Origins to accept, such as `https://chat.example.org`. */
  allowedOrigins?: readonly string[]
  /** The server listens on loopback only, so pages served from loopback may call it. Default false. */
  loopback?: boolean
  /** Header names, lower case, in which a gateway forwards its user; the first that is present counts. */
  userHeaders?: readonly string[]
  /** How the operator sets the two lists, for the message of a refusal. */
  settings?: { allowedHosts: string; allowedOrigins: string }
}

export interface Refusal {
  readonly status: 401 | 403
  readonly reason: 'host' | 'origin' | 'credentials'
  readonly message: string
}

export interface Access {
  (req: IncomingMessage): Caller | Refusal
  /** May pages of this origin read the answers (CORS)? True for listed origins only. */
  sharesWith?(origin: string): boolean
}

export function isRefusal(answer: Caller | Refusal): answer is Refusal {
  return 'status' in answer
}

const maxForwardedLength = 256
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

export function createAccess(options: AccessOptions = {}): Access {
  const {
    loopback = false,
    userHeaders = [],
    settings = { allowedHosts: 'allowedHosts', allowedOrigins: 'allowedOrigins' },
  } = options
  const hosts = new Set((options.allowedHosts ?? []).map((host) => host.toLowerCase()))
  const origins = new Set((options.allowedOrigins ?? []).map((origin) => origin.toLowerCase().replace(/\/$/, '')))
  const digests = (options.principals ?? []).map(({ name, token }) => ({ name, digest: hash('sha256', token, 'buffer') }))
  const acceptedHosts = new Set<string>() // a gateway always sends the same Host; bounded because only accepted ones enter
  const maxAcceptedHosts = 100

  const check = (req: IncomingMessage): Caller | Refusal => {
    const { host, origin } = req.headers
    const traceparent = req.headers.traceparent?.toString()
    // A browser always sends Host, so a request without one (HTTP/1.0, as some health checks send) cannot be DNS rebinding.
    if (host !== undefined && !acceptedHosts.has(host)) {
      if (!hostAllowed(host.toLowerCase(), hosts)) {
        const message = `Host "${printable(host)}" is not allowed. Set ${settings.allowedHosts}=${printable(hostName(host))}`
        return { status: 403, reason: 'host', message }
      }
      if (acceptedHosts.size < maxAcceptedHosts) acceptedHosts.add(host)
    }
    if (origin !== undefined && !originAllowed(origin.toLowerCase(), origins, loopback)) {
      const message = `Origin "${printable(origin)}" is not allowed. Set ${settings.allowedOrigins}=${printable(origin)}`
      return { status: 403, reason: 'origin', message }
    }
    const principal = digests.length === 0 ? 'anonymous' : authenticate(req, digests)
    if (principal === undefined) {
      const message = 'a valid token is required: Authorization: Bearer <token>, or X-API-Key: <token>'
      return { status: 401, reason: 'credentials', message }
    }
    return {
      principal,
      user: digests.length === 0 ? undefined : forwarded(req, userHeaders),
      traceparent: traceparent !== undefined && traceparentForm.test(traceparent) ? traceparent : undefined,
      remote: req.socket.remoteAddress ?? '',
    }
  }
  return Object.assign(check, { sharesWith: (origin: string) => listed(origin.toLowerCase(), origins) })
}

/** Whether this is an address or a name of the loopback interface. Decides whether a bind needs a token. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/**
 * DNS rebinding needs a name that the attacker's public DNS serves, and a browser always sends that name as Host. So names that no public
 * DNS can serve are safe without configuration: IP literals, single labels (compose and Kubernetes service names), and the special-use
 * suffixes below (RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of .internal). See docs/decisions/0005-host-rule.md.
 */
function hostAllowed(host: string, allowed: ReadonlySet<string>): boolean {
  const name = hostName(host)
  if (name === '') return false
  if (allowed.has('*') || allowed.has(host) || allowed.has(name)) return true
  if (isIP(name) !== 0) return true
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(name)) return false
  return !name.includes('.') || /\.(localhost|local|internal|home\.arpa)$/.test(name)
}

/** Browsers send Origin with every request that could do harm; `null` and every foreign one is refused (MCP basic/transports §Security Warning). */
function originAllowed(origin: string, allowed: ReadonlySet<string>, loopback: boolean): boolean {
  if (listed(origin, allowed)) return true
  if (!loopback || !URL.canParse(origin)) return false
  const { protocol, hostname } = new URL(origin)
  return (protocol === 'http:' || protocol === 'https:') && isLoopbackHost(hostname)
}

function listed(origin: string, allowed: ReadonlySet<string>): boolean {
  return allowed.has(origin) || allowed.has('*')
}

/** `[::1]:80` → `::1`, `name:80` → `name`. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)
  return (bracketed?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase()
}

/** X-API-Key counts only without a Bearer credential, whatever other scheme a proxy put into Authorization. */
function authenticate(req: IncomingMessage, digests: readonly { name: string; digest: Buffer }[]): string | undefined {
  const bearer = /^bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1]?.trim()
  const presented = bearer ?? req.headers['x-api-key']?.toString()
  if (presented === undefined) return undefined
  const digest = hash('sha256', presented, 'buffer')
  let found: string | undefined
  for (const candidate of digests) {
    if (timingSafeEqual(candidate.digest, digest)) found = candidate.name // no early end: the time must not depend on which one matches
  }
  return found
}

function forwarded(req: IncomingMessage, names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = req.headers[name]?.toString().trim()
    if (text !== undefined && text !== '') return printable(text).slice(0, maxForwardedLength)
  }
  return undefined
}

/** Header values reach logs and error texts: no control characters, and a limited length. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?').slice(0, maxForwardedLength)
}
