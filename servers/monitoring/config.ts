// Environment variables of the monitoring server: the addresses of Loki and Netdata, and how much a query may cost.
import { type Config, type ConfigSchema, integer, secret, text } from '../kit/definition.ts'

export const config = {
  type: 'object',
  properties: {
    LOKI_URL: text(
      'Address of Loki or of a proxy in front of it, such as `http://loki:3100`, with a path prefix if there is one',
      'LOKI_ADDR',
    ),
    LOKI_TENANT_ID: text(
      'Tenant, sent as `X-Scope-OrgID`; several as `a|b`. Needed when Loki has `auth_enabled: true`',
      'LOKI_ORG_ID',
    ),
    LOKI_USERNAME: text('User of HTTP basic authentication'),
    LOKI_PASSWORD: secret('Password of HTTP basic authentication'),
    LOKI_BEARER_TOKEN: secret('Bearer token, instead of user and password', 'LOKI_TOKEN'),
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
    NETDATA_URL: text('Address of a Netdata agent or parent, such as `http://netdata:19999`'),
    NETDATA_API_KEY: secret('Bearer token, needed where bearer protection is on', 'NETDATA_BEARER_TOKEN', 'NETDATA_TOKEN'),
    NETDATA_USERNAME: text('User of HTTP basic authentication, where a proxy in front of Netdata asks for it'),
    NETDATA_PASSWORD: secret('Password of HTTP basic authentication'),
  },
} as const satisfies ConfigSchema

export type MonitoringConfig = Config<typeof config>
