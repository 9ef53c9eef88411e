// Environment variables of the monitoring server: the addresses of Loki and Netdata, and how much a query may cost.
import { type Config, type ConfigSchema, integer } from '../kit/definition.ts'

export const config = {
  type: 'object',
  properties: {
    LOKI_URL: {
      type: 'string',
      'x-aliases': ['LOKI_ADDR'],
      description: 'Address of Loki or of a proxy in front of it, such as `http://loki:3100`, with a path prefix if there is one',
    },
    LOKI_TENANT_ID: {
      type: 'string',
      'x-aliases': ['LOKI_ORG_ID'],
      description: 'Tenant, sent as `X-Scope-OrgID`; several as `a|b`. Needed when Loki has `auth_enabled: true`',
    },
    LOKI_USERNAME: { type: 'string', description: 'User of HTTP basic authentication' },
    LOKI_PASSWORD: { type: 'string', 'x-secret': true, description: 'Password of HTTP basic authentication' },
    LOKI_BEARER_TOKEN: {
      type: 'string',
      'x-secret': true,
      'x-aliases': ['LOKI_TOKEN'],
      description: 'Bearer token, instead of user and password',
    },
    LOKI_MAX_HOURS: integer(
      168,
      [1, 8_760],
      'Longest time range of one search, in hours; windows such as `[5m]` and `offset` count',
    ),
    LOKI_MAX_QUERY_BYTES: {
      type: 'integer',
      default: 10_737_418_240,
      minimum: 0,
      description: "Most bytes of logs that one search may make Loki read, by its index's estimate; 0 switches the check off",
    },
    NETDATA_URL: { type: 'string', description: 'Address of a Netdata agent or parent, such as `http://netdata:19999`' },
    NETDATA_API_KEY: {
      type: 'string',
      'x-secret': true,
      'x-aliases': ['NETDATA_BEARER_TOKEN', 'NETDATA_TOKEN'],
      description: 'Bearer token, needed where bearer protection is on',
    },
    NETDATA_USERNAME: {
      type: 'string',
      description: 'User of HTTP basic authentication, where a proxy in front of Netdata asks for it',
    },
    NETDATA_PASSWORD: { type: 'string', 'x-secret': true, description: 'Password of HTTP basic authentication' },
  },
} as const satisfies ConfigSchema

export type MonitoringConfig = Config<typeof config>
