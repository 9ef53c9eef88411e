// The environment variables of the n8n server: address and API key of n8n, and n8n's own database variables for exact statistics.
import { type Config, type ConfigSchema, flag, secret, text } from '../kit/definition.ts'
import { readBaseUrl } from '../kit/http/address.ts'
import { parseIfJson, quoted } from '../kit/text.ts'
import { isObject, object } from './lib/json.ts'

export const config = {
  type: 'object',
  properties: {
    N8N_API_URL: text(
      'Address of n8n as in the browser, such as `http://n8n:5678`, with a path prefix if there is one',
      'N8N_BASE_URL',
    ),
    N8N_API_KEY: secret('API key (Settings → n8n API). It needs no more than workflow:list, workflow:read and execution:list'),
    N8N_EXTRA_HEADERS: secret(
      'More headers for a proxy in front of n8n, as a JSON object: `{"CF-Access-Client-Id":"…","CF-Access-Client-Secret":"…"}`',
    ),
    DB_TYPE: {
      type: 'string',
      enum: ['postgresdb', 'sqlite', 'mysqldb', 'mariadb'],
      description: "n8n's own variable. `postgresdb` makes the statistics exact and adds storage sizes; others are not read",
    },
    DB_POSTGRESDB_HOST: text("Host of n8n's PostgreSQL; `localhost` without one, as in n8n"),
    DB_POSTGRESDB_PORT: { type: 'string', pattern: '^(\\d{1,5}|tcp://.*)$', description: 'Port; 5432 without one' },
    DB_POSTGRESDB_DATABASE: { type: 'string', default: 'n8n', description: 'Database' },
    DB_POSTGRESDB_USER: {
      type: 'string',
      default: 'postgres',
      description: 'Role; use one that may only read rather than that of n8n itself',
    },
    DB_POSTGRESDB_PASSWORD: secret('Password of the role'),
    DB_POSTGRESDB_SCHEMA: { type: 'string', default: 'public', description: "Schema of n8n's tables" },
    DB_TABLE_PREFIX: { type: 'string', default: '', description: "Prefix of n8n's tables" },
    DB_POSTGRESDB_SSL_ENABLED: {
      type: 'boolean',
      description: 'true requires TLS; without it TLS is used where the server offers it',
    },
    DB_POSTGRESDB_SSL_CA: text('PEM of the authority to check the database server against'),
    DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED: flag(true, 'false accepts any certificate of the database server'),
  },
} as const satisfies ConfigSchema

export type N8nConfig = Config<typeof config>

/**
 * The URL that API paths are appended to. A trailing `/api/v1`, as in n8n's API documentation, is removed.
 * @throws Error for the operator
 */
export function parseApiUrl(value: string): string {
  const url = readBaseUrl('N8N_API_URL', value, 'http://n8n:5678', 'N8N_EXTRA_HEADERS as an Authorization header')
  return url.replace(/\/api(\/v1)?$/, '')
}

/** Headers of the request itself, which N8N_EXTRA_HEADERS must not change. */
const reserved = /^(x-n8n-api-key|host|content-length|transfer-encoding|connection|accept|accept-encoding)$/i

/** @throws Error for the operator when it is not an object of header names and values; never shows a value */
export function parseExtraHeaders(json: string | undefined): Readonly<Record<string, string>> {
  if (json === undefined || json.trim() === '') return {}
  const parsed = parseIfJson(json)
  if (!isObject(parsed)) throw new Error('N8N_EXTRA_HEADERS is not a JSON object such as {"CF-Access-Client-Id":"…"}')
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(parsed)) {
    // Not shown: it may be a whole header with its value.
    if (!/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/.test(name)) throw new Error('N8N_EXTRA_HEADERS: a member is not a valid header name')
    if (reserved.test(name) || typeof value !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new Error(`N8N_EXTRA_HEADERS: ${quoted(name)} is not a header that may be set, or its value is not one line of text`)
    headers[name.toLowerCase()] = value
  }
  return headers
}

/** When the key expires: n8n's keys are JWTs, whose `exp` is readable without the secret. Undefined for a key that does not expire. */
export function keyExpiry(key: string | undefined): Date | undefined {
  // Keys of older versions are not JWTs and do not expire.
  const { exp } = object(parseIfJson(Buffer.from(key?.split('.')[1] ?? '', 'base64url').toString()))
  return typeof exp === 'number' && exp > 0 && exp < 1e11 ? new Date(exp * 1000) : undefined
}
