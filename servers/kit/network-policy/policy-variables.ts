// The network policy as an operator configures it: five variables, which fetch and the browser have under their own prefixes.
import { EgressPolicy, type EgressSettings, type Resolve } from './policy.ts'

type Prefix = EgressSettings['prefix']
type ListName = 'ALLOW_PRIVATE' | 'ALLOWED_DOMAINS' | 'DENIED_DOMAINS' | 'ALLOWED_PORTS'
type PolicyVariables<P extends Prefix> = { readonly [K in `${P}_${ListName}`]: readonly string[] } & {
  readonly [K in `${P}_PROXY_URL`]?: string | undefined
}

/**
 * @param resolve instead of the system's resolver; tests only
 * @throws Error for the operator, naming the variable and the value that cannot be used
 */
export function policyFromVariables<P extends Prefix>(prefix: P, config: PolicyVariables<P>, resolve?: Resolve): EgressPolicy {
  const listOf = (name: ListName): readonly string[] => config[`${prefix}_${name}`]
  const allowedDomains = listOf('ALLOWED_DOMAINS')
  return new EgressPolicy({
    prefix,
    allowPrivate: listOf('ALLOW_PRIVATE'),
    ...(allowedDomains.length === 0 ? {} : { allowedDomains }),
    deniedDomains: listOf('DENIED_DOMAINS'),
    allowedPorts: listOf('ALLOWED_PORTS').map((port) => portFrom(`${prefix}_ALLOWED_PORTS`, port)),
    proxy: proxyFrom(`${prefix}_PROXY_URL`, config[`${prefix}_PROXY_URL`]),
    ...(resolve === undefined ? {} : { resolve }),
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
