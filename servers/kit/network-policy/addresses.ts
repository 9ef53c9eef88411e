// Classifies IP addresses for the network policy, in every notation and with wrapped IPv4 addresses unwrapped.
import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * - `public`: always allowed
 * - `private`: private networks (RFC 1918, RFC 6598, RFC 4193); only if the operator allows them
 * - `reserved`: documentation, benchmarks, deprecated tunnels (IANA special-purpose registries); likewise
 * - `loopback`, `link-local`: this machine and its link; only if the operator allows the exact `address:port`
 * - `unroutable`: multicast, broadcast, unspecified; never
 * - `metadata`: cloud metadata services, which hand out credentials; never
 */
export type AddressKind = 'public' | 'private' | 'reserved' | 'loopback' | 'link-local' | 'unroutable' | 'metadata'

/** Host names of cloud metadata services. */
export const metadataNames: ReadonlySet<string> = new Set([
  ...['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal'],
  ...['metadata.tencentyun.com', 'metadata.packet.net', 'metadata.platformequinix.com'],
])

/** First match wins: the addresses of metadata services come before the networks that contain them. */
const table: readonly (readonly [Exclude<AddressKind, 'public'>, string])[] = [
  // AWS, Azure, GCP, DigitalOcean, OpenStack; AWS ECS and EKS; Alibaba; Azure's wire server; Oracle; the IPv6 forms of AWS and GCP
  ['metadata', '169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192'],
  ['metadata', 'fd00:ec2::254 fd00:ec2::23 fd20:ce::254'],
  ['unroutable', '0.0.0.0/8 224.0.0.0/4 240.0.0.0/4 ::/128 ff00::/8 100::/64'],
  ['loopback', '127.0.0.0/8 ::1'],
  ['link-local', '169.254.0.0/16 fe80::/10'],
  ['private', '10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10'],
  ['reserved', '192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.175.48.0/24'],
  ['reserved', '198.18.0.0/15 198.51.100.0/24 203.0.113.0/24'],
  // IETF protocols with Teredo (2001::/23), documentation, 6to4
  ['reserved', '2001::/23 2001:db8::/32 2002::/16 3fff::/20'],
]

const networks = table.map(([kind, list]) => [kind, networkList(list.split(' '))] as const)
/** The only IPv6 space from which addresses are allocated (IANA, RFC 4291 §2.4). */
const globalUnicast = networkList(['2000::/3'])

/** @throws Error when an entry is neither an address nor a CIDR */
export function networkList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [, address, , prefix] = /^([^/]+)(\/(\d{1,3}))?$/.exec(entry) ?? []
    const version = isIP(address ?? '')
    const bits = version === 6 ? 128 : 32
    const length = prefix === undefined ? bits : Number(prefix)
    if (address === undefined || version === 0 || length > bits) throw new Error(`"${entry}" is neither an address nor a CIDR`)
    list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

export function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

/**
 * Canonical form of an address: no brackets, no zone, IPv6 compressed in lower case, and plain IPv4 for IPv6 addresses that wrap one
 * (mapped ::ffff:0:0/96, and NAT64's 64:ff9b::/96, which a resolver of an IPv6-only network makes of public IPv4).
 * @param text an IP literal, as in a URL's host, a DNS answer or `socket.remoteAddress`
 */
export function canonicalAddress(text: string): string {
  const bare = withoutBrackets(text).replace(/%.*$/, '')
  if (isIP(bare) !== 6) return bare
  // The URL parser writes an IPv6 address in one form only, with its last 32 bits in hexadecimal.
  const short = withoutBrackets(new URL(`http://[${bare}]`).hostname)
  const wrapped = /^::ffff:(\w+):(\w+)$/.exec(short) ?? /^64:ff9b::(?:(?:(\w+):)?(\w+))?$/.exec(short)
  if (wrapped === null) return short
  const words = [wrapped[1], wrapped[2]].map((word = '0') => Number.parseInt(word, 16))
  return words.flatMap((word) => [word >> 8, word & 255]).join('.')
}

/** A URL has brackets around its IPv6 address, and sockets take it without. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** @param address in its canonical form */
export function kindOfAddress(address: string): AddressKind {
  for (const [kind, list] of networks) if (isIn(list, address)) return kind
  return isIPv4(address) || isIn(globalUnicast, address) ? 'public' : 'reserved'
}
