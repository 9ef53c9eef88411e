// Network policy: which hosts fetch and the browser may connect to. A name is checked by the addresses it resolves to when the connection is
// made, and exactly these addresses are connected to, so that redirects and DNS rebinding cannot get around the policy.
import { lookup } from 'node:dns/promises'
import { existsSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ToolError } from '../../../protocol/index.ts'
import { withDeadline } from '../waiting.ts'
import { parseUrl } from '../web-address.ts'
import { canonicalAddress, isIn, kindOfAddress, metadataNames, networkList, withoutBrackets } from './addresses.ts'
import { dial, tunnel } from './dial.ts'
import type { ListName, PolicyVariables, Prefix } from './policy-variables.ts'

/** Returns every address of a name, none when it does not exist; rejects when the resolver fails. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

export interface PolicyOptions {
  /** Default: the system's resolver. */
  readonly resolve?: Resolve | undefined
  /** Default 2,000. */
  readonly dnsMs?: number
  /** For all addresses of a name together. Default 3,000. */
  readonly connectMs?: number
  /** Networks that a CIDR does not allow. Default: in a container those of its own interfaces, where sibling containers are. */
  readonly ownNetworks?: readonly string[]
}

const usualPorts = [80, 443, 8080, 8443]
const maxAddresses = 64

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443 }

/** Undefined for other schemes than http, https, ws and wss. */
export function portOf({ protocol, port }: URL): number | undefined {
  const usual = defaultPorts[protocol]
  return usual === undefined || port === '' ? usual : Number(port)
}

export type EgressPolicy = ReturnType<typeof openPolicy>

/** @throws Error for the operator, naming the variable and the value that cannot be used */
export function openPolicy<P extends Prefix>(prefix: P, variables: PolicyVariables<P>, options: PolicyOptions = {}) {
  const { resolve = systemResolver, dnsMs = 2_000, connectMs = 3_000, ownNetworks = containerNetworks() } = options
  const listOf = <T>(name: ListName, parse: (variable: string, entry: string) => T): T[] =>
    variables[`${prefix}_${name}`].map((entry) => parse(`${prefix}_${name}`, entry))
  const ports = new Set([...usualPorts, ...listOf('ALLOWED_PORTS', parsePort)])
  const proxy = parseProxy(`${prefix}_PROXY_URL`, variables[`${prefix}_PROXY_URL`])
  const privateEntries = listOf('ALLOW_PRIVATE', parsePrivateEntry)
  const privateNetworks = networkList(privateEntries.flatMap(({ network }) => network ?? []))
  const own = networkList(ownNetworks)
  const allowed = listOf('ALLOWED_DOMAINS', parseDomain)
  const denied = listOf('DENIED_DOMAINS', parseDomain)

  /** Whether the operator has allowed this host or address, for this port or, without one, for all. */
  const isListed = (host: string, port?: number): boolean =>
    privateEntries.some((entry) => entry.host === host && entry.port === port)

  /** @throws ToolError FORBIDDEN for what can be refused without DNS */
  function checkTarget(hostname: string, port: number): void {
    const host = canonicalHost(hostname)
    const literal = isIP(host) !== 0
    if (!literal && metadataNames.has(host)) throw refusal(host, "it is a cloud's metadata service", false)
    if (denied.some((matches) => matches(host))) throw refusal(host, 'its domain is denied', false)
    // What the operator has allowed by name need not be listed again among the domains.
    const byName = isListed(host) || isListed(host, port) || (literal && isIn(privateNetworks, host))
    if (allowed.length > 0 && !byName && !allowed.some((matches) => matches(host))) {
      throw refusal(host, 'its domain is not among the allowed ones', false)
    }
    if (literal) checkAddress(host, host, port)
    else if (!ports.has(port) && !privateEntries.some((entry) => entry.port === port)) throw wrongPort(host, port)
  }

  /** As the resolver gave them: an address that NAT64 wraps is checked unwrapped, but connected to as it is. */
  async function addressesOf(host: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const failed = (why: string, cause?: unknown): ToolError =>
      new ToolError('UPSTREAM_UNREACHABLE', `the name ${host} ${why}`, { cause, hint: 'the same call again' })
    const asked = resolve(host).catch((error: unknown) => {
      throw failed('could not be resolved', error)
    })
    const late = (): ToolError => failed(`was not resolved within ${dnsMs} ms`)
    const addresses = await withDeadline({ ms: dnsMs, signal, late }, () => asked)
    if (addresses.length === 0) {
      throw new ToolError('NOT_FOUND', `there is no host ${host}`, { hint: 'check the spelling of the address' })
    }
    return addresses.slice(0, maxAddresses)
  }

  /** @throws ToolError FORBIDDEN unless the policy allows this address, to which `host` resolves */
  function checkAddress(host: string, address: string, port: number): void {
    const exactly = isListed(address, port) || isListed(host, port)
    const mayBeHere = isListed(address, port) || (host === 'localhost' && exactly)
    const kind = kindOfAddress(address)
    const described = kind === 'metadata' ? "a cloud metadata service's" : `${kind === 'unroutable' ? 'an' : 'a'} ${kind}`
    const what = `it ${host === address ? 'is' : 'resolves to'} ${described} address`
    if (kind === 'metadata' || kind === 'unroutable') throw refusal(host, what, false)
    if ((kind === 'loopback' || kind === 'link-local') && !mayBeHere) throw refusal(host, what, true)
    if (kind === 'private' || kind === 'reserved') {
      const byNetwork = isIn(privateNetworks, address) && !isIn(own, address)
      if (!exactly && !byNetwork && !isListed(host)) throw refusal(host, what, true)
    }
    if (!exactly && !ports.has(port)) throw wrongPort(host, port)
  }

  function refusal(host: string, why: string, canBeOpened: boolean): ToolError {
    const hint = canBeOpened
      ? `another address, or ask the operator to allow this host with ${prefix}_ALLOW_PRIVATE`
      : 'another address; this one is never allowed'
    return new ToolError('FORBIDDEN', `the network policy does not allow ${host.slice(0, 253)}: ${why}`, { hint })
  }

  function wrongPort(host: string, port: number): ToolError {
    const list = [...ports].sort((a, b) => a - b).join(', ')
    const hint = `one of the ports ${list}, or ask the operator about ${prefix}_ALLOWED_PORTS`
    return new ToolError('FORBIDDEN', `the network policy does not allow port ${port} of ${host}`, { hint })
  }

  return {
    /**
     * Checks what can be checked without DNS; `connect` checks the rest.
     * @throws ToolError INVALID_ARGUMENT or FORBIDDEN
     */
    check(url: URL): void {
      const port = portOf(url)
      if (port === undefined) {
        const message = `only http and https addresses can be opened, not ${url.protocol.slice(0, 40)}`
        throw new ToolError('INVALID_ARGUMENT', message, { hint: 'an address that begins with https://' })
      }
      if (url.username !== '' || url.password !== '') {
        const hint = 'the same address without what stands before the "@"'
        throw new ToolError('INVALID_ARGUMENT', 'the address holds a user name or password, which is never sent', { hint })
      }
      checkTarget(url.hostname, port)
    },

    /**
     * Connects to a host that the policy allows. All addresses of a name must be allowed, or none is tried.
     * @param signal ends the attempt; its reason is thrown
     * @throws ToolError FORBIDDEN, NOT_FOUND when the name has no address, UPSTREAM_UNREACHABLE
     */
    async connect(hostname: string, port: number, signal?: AbortSignal): Promise<Socket> {
      signal?.throwIfAborted()
      checkTarget(hostname, port)
      const host = canonicalHost(hostname)
      const addresses = isIP(host) === 0 ? await addressesOf(host, signal) : [withoutBrackets(hostname)]
      for (const address of addresses) checkAddress(host, canonicalAddress(address), port)
      const unreachable = (why: string, cause?: unknown): ToolError => {
        const hint = 'the same call later, or another address'
        return new ToolError('UPSTREAM_UNREACHABLE', `${host} cannot be reached on port ${port} (${why})`, { cause, hint })
      }
      const late = (): ToolError => unreachable(`no answer within ${connectMs} ms`)
      return await withDeadline({ ms: connectMs, signal, late }, async (stop) => {
        const dialled = proxy === undefined ? dial(addresses, port, stop) : tunnel(proxy, addresses, port, stop)
        const socket = await dialled.catch((error: NodeJS.ErrnoException) => {
          throw unreachable(error.code ?? 'failed', error)
        })
        const reached = canonicalAddress(socket.remoteAddress ?? '')
        if (stop.aborted || (proxy === undefined && !addresses.some((address) => canonicalAddress(address) === reached))) {
          socket.destroy()
          throw unreachable('another address answered')
        }
        return socket
      })
    },
  }
}

/** Lower case, punycode, canonical addresses, and no trailing dot, which resolvers ignore and list comparisons would not. */
function canonicalHost(hostname: string): string {
  return canonicalAddress(hostname.toLowerCase().replace(/\.+$/, ''))
}

/** The host as a URL parser reads it: `LOCALHOST`, `bücher.example`, `[::FFFF:1.2.3.4]`, `2130706433`. Undefined when it is not a host. */
function readHost(text: string): string | undefined {
  const url = /[/?#@\\\s]/.test(text) ? undefined : parseUrl(`http://${text}`)
  return url === undefined || url.hostname === '' ? undefined : canonicalHost(url.hostname)
}

function parsePort(variable: string, entry: string): number {
  const port = Number(entry)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new Error(`${variable}: "${entry}" is not a port; expected numbers from 1 to 65535`)
}

/** The value is not repeated: it may hold a password. */
function parseProxy(variable: string, value: string | undefined): URL | undefined {
  if (value === undefined) return undefined
  const url = parseUrl(value)
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url
  throw new Error(`${variable} is not a valid proxy URL; write it as http://user:password@proxy:3128`)
}

/**
 * A CIDR or address allows private and reserved addresses; a host name allows them for that name; with `:port` appended only that port, and
 * then, for an address or `localhost`, also loopback and link-local.
 */
function parsePrivateEntry(variable: string, entry: string): { network?: string; host?: string; port?: number } {
  const wrong = (why: string): Error =>
    new Error(`${variable}: ${why} in "${entry}"; expected CIDRs, hosts or host:port, such as 192.168.1.0/24,nas.lan:5000`)
  if (entry.includes('/')) {
    try {
      networkList([entry])
    } catch {
      throw wrong('invalid CIDR')
    }
    return { network: entry }
  }
  if (isIP(entry) !== 0) return { network: canonicalAddress(entry) }
  const [, name = entry, digits] = /^(.*[^:]|\[.*\]):(\d{1,5})$/.exec(entry) ?? []
  const host = readHost(name)
  if (host === undefined || /[*:]/.test(host.replace(/^[0-9a-f:.]+$/, ''))) throw wrong('invalid host')
  if (digits === undefined) return isIP(host) === 0 ? { host } : { network: host }
  const port = Number(digits)
  if (port < 1 || port > 65_535) throw wrong('invalid port')
  return { host, port }
}

/** Whether a host belongs to the domain: the domain itself, unless the entry starts with a dot or an asterisk, and its subdomains. */
function parseDomain(variable: string, entry: string): (host: string) => boolean {
  const below = /^(\*?\.)(.+)$/.exec(entry)
  const domain = readHost(below?.[2] ?? entry)
  if (domain === undefined || domain.includes('*') || /:\d+$/.test(entry)) {
    throw new Error(
      `${variable}: "${entry.slice(0, 100)}" is not a valid domain; expected names such as example.com or *.example.com`,
    )
  }
  return (host) => (host === domain ? below === null : isIP(host) === 0 && host.endsWith(`.${domain}`))
}

async function systemResolver(hostname: string): Promise<readonly string[]> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address)
  } catch (error) {
    if (/^(ENOTFOUND|ENODATA)$/.test((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

function containerNetworks(): string[] {
  const inContainer =
    existsSync('/.dockerenv') || existsSync('/run/.containerenv') || process.env.KUBERNETES_SERVICE_HOST !== undefined
  if (!inContainer) return []
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).flatMap(({ cidr }) => cidr ?? []))
}
