// The environment of the monitoring server: where Loki and Netdata are, and how much a query may cost.
import type { Config, ConfigSchema } from '../kit/definition.ts'

export const config = {
  type: 'object',
  properties: {
    LOKI_URL: {
      type: 'string',
      minLength: 1,
      'x-aliases': ['LOKI_ADDR'],
      description: 'Address of Loki or of a proxy before it, such as `http://loki:3100`, with a path prefix if there is one',
    },
    LOKI_TENANT_ID: {
      type: 'string',
      minLength: 1,
      'x-aliases': ['LOKI_ORG_ID'],
      description: 'Tenant, sent as `X-Scope-OrgID`; several as `a|b`. Needed when Loki has `auth_enabled: true`',
    },
    LOKI_USERNAME: { type: 'string', minLength: 1, description: 'User of HTTP basic authentication' },
    LOKI_PASSWORD: { type: 'string', minLength: 1, 'x-secret': true, description: 'Password of HTTP basic authentication' },
    LOKI_BEARER_TOKEN: {
      type: 'string',
      minLength: 1,
      'x-secret': true,
      'x-aliases': ['LOKI_TOKEN'],
      description: 'Bearer token, instead of user and password',
    },
    LOKI_MAX_HOURS: {
      type: 'integer',
      default: 168,
      minimum: 1,
      maximum: 8_760,
      description: 'Longest time range of one search, in hours',
    },
    LOKI_MAX_QUERY_BYTES: {
      type: 'integer',
      default: 10_737_418_240,
      minimum: 0,
      description: "Most bytes of logs that one search may make Loki scan, by its index's estimate; 0 does not ask",
    },
    NETDATA_URL: {
      type: 'string',
      minLength: 1,
      description: 'Address of a Netdata agent or parent, such as `http://netdata:19999`',
    },
    NETDATA_API_KEY: {
      type: 'string',
      minLength: 1,
      'x-secret': true,
      'x-aliases': ['NETDATA_BEARER_TOKEN', 'NETDATA_TOKEN'],
      description: 'Bearer token, where bearer protection is switched on',
    },
    NETDATA_USERNAME: {
      type: 'string',
      minLength: 1,
      description: 'User, where a proxy before Netdata wants basic authentication',
    },
    NETDATA_PASSWORD: { type: 'string', minLength: 1, 'x-secret': true, description: 'Its password' },
  },
} as const satisfies ConfigSchema

export type MonitoringConfig = Config<typeof config>

/** @throws Error for the operator when this is no address that can be asked, or holds what belongs into another variable */
export function checkUrl(variable: string, value: string): string {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new Error(`${variable} is not a URL; expected one such as http://host:3100`)
  }
  const prefix = variable.slice(0, variable.indexOf('_'))
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`${variable} must begin with http:// or https://`)
  if (url.username !== '' || url.password !== '') {
    throw new Error(`${variable} holds credentials; put them into ${prefix}_USERNAME and ${prefix}_PASSWORD`)
  }
  if (url.search !== '' || url.hash !== '') throw new Error(`${variable} must end before "?" and "#"`)
  return url.href
}

/**
 * The header that proves who asks; none without credentials.
 * @throws Error for the operator when two kinds are set, or half of one
 */
export function authorization(prefix: string, token: string | undefined, user: string | undefined, password: string | undefined) {
  if (token !== undefined && (user !== undefined || password !== undefined)) {
    throw new Error(`${prefix}: set either a token or user and password, not both`)
  }
  if ((user === undefined) !== (password === undefined)) {
    throw new Error(`${prefix}_USERNAME and ${prefix}_PASSWORD belong together; only one of them is set`)
  }
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (user === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}
