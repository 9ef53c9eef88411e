// The network policy as an operator configures it: five variables, which fetch and the browser have under their own prefixes.
import { list, secret, type Variable } from '../definition.ts'

/** Of the variables' names: `FETCH` for FETCH_ALLOW_PRIVATE. */
export type Prefix = 'FETCH' | 'PLAYWRIGHT'

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
    ...secret(
      'Forward proxy, such as `http://user:password@proxy:3128`, asked to CONNECT to the address that was checked; the usual proxy variables are not read',
    ),
    examples: ['http://user:password@proxy:3128'],
  },
} as const satisfies Record<string, Variable>

export type ListName = Exclude<keyof typeof variables, 'PROXY_URL'>

/** Their values. */
export type PolicyVariables<P extends Prefix> = { readonly [K in `${P}_${ListName}`]: readonly string[] } & {
  readonly [K in `${P}_PROXY_URL`]?: string | undefined
}

type Named<P extends Prefix> = { readonly [K in keyof typeof variables as `${P}_${K}`]: (typeof variables)[K] }

/** For the properties of a server's ConfigSchema. */
export function policyVariables<P extends Prefix>(prefix: P): Named<P> {
  const named = Object.entries(variables).map(([name, variable]) => [`${prefix}_${name}`, variable])
  return Object.fromEntries(named) as Named<P>
}
