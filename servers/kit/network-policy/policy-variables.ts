// The network policy as an operator configures it: five variables, which fetch and the browser have under their own prefixes.
import { list, type Variable } from '../definition.ts'
import { type EgressPolicy, type EgressSettings, openPolicy, type Resolve } from './policy.ts'

type Prefix = EgressSettings['prefix']

const variables = {
  ALLOW_PRIVATE: {
    ...list(
      'Private addresses that may be reached: CIDRs, hosts, `host:port`, such as `192.168.1.0/24,nas.lan:5000`. A CIDR never opens loopback, link-local or a metadata service; `127.0.0.1:8000` opens that one port',
    ),
    examples: ['192.168.1.0/24,nas.lan:5000'],
  },
  ALLOWED_DOMAINS: list(
    'Only these domains, such as `example.com,*.example.org`, those below them and the private addresses that are allowed; empty: all',
  ),
  DENIED_DOMAINS: list('Never these domains and those below them'),
  ALLOWED_PORTS: {
    ...list('Ports beside 80, 443, 8080 and 8443'),
    items: { type: 'string', pattern: '^\\d{1,5}$' },
    examples: ['3000,9000'],
  },
  PROXY_URL: {
    type: 'string',
    minLength: 1,
    'x-secret': true,
    examples: ['http://user:password@proxy:3128'],
    description:
      'Forward proxy, such as `http://user:password@proxy:3128`, asked to CONNECT to the address that was checked; the usual proxy variables are not read',
  },
} as const satisfies Record<string, Variable>

type ListName = Exclude<keyof typeof variables, 'PROXY_URL'>
type PolicyVariables<P extends Prefix> = { readonly [K in `${P}_${ListName}`]: readonly string[] } & {
  readonly [K in `${P}_PROXY_URL`]?: string | undefined
}

type Named<P extends Prefix> = { readonly [K in keyof typeof variables as `${P}_${K}`]: (typeof variables)[K] }

/** For the properties of a server's ConfigSchema. */
export function policyVariables<P extends Prefix>(prefix: P): Named<P> {
  const named = Object.entries(variables).map(([name, variable]) => [`${prefix}_${name}`, variable])
  return Object.fromEntries(named) as Named<P>
}

/**
 * @param resolve instead of the system's resolver; tests only
 * @throws Error for the operator, naming the variable and the value that cannot be used
 */
export function policyFromVariables<P extends Prefix>(prefix: P, config: PolicyVariables<P>, resolve?: Resolve): EgressPolicy {
  const listOf = (name: ListName): readonly string[] => config[`${prefix}_${name}`]
  const allowedDomains = listOf('ALLOWED_DOMAINS')
  return openPolicy({
    prefix,
    allowPrivate: listOf('ALLOW_PRIVATE'),
    allowedDomains: allowedDomains.length === 0 ? undefined : allowedDomains,
    deniedDomains: listOf('DENIED_DOMAINS'),
    allowedPorts: listOf('ALLOWED_PORTS').map((port) => portFrom(`${prefix}_ALLOWED_PORTS`, port)),
    proxy: proxyFrom(`${prefix}_PROXY_URL`, config[`${prefix}_PROXY_URL`]),
    resolve,
  })
}

function portFrom(variable: string, value: string): number {
  const port = Number(value)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new Error(`${variable}: "${value}" is not a port; expected numbers from 1 to 65535`)
}

/** The value is not repeated: it may hold a password. */
function proxyFrom(variable: string, value: string | undefined): URL | undefined {
  if (value === undefined) return undefined
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return new URL(value)
  throw new Error(`${variable} is not a valid proxy URL; write it as http://user:password@proxy:3128`)
}
