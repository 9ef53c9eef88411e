// The environment of the n8n server: where n8n is, its API key, and n8n's own database variables for exact statistics.
import type { Config, ConfigSchema } from '../kit/definition.ts'

export const config = {
  type: 'object',
  properties: {
    N8N_API_URL: {
      type: 'string',
      minLength: 1,
      'x-aliases': ['N8N_BASE_URL'],
      description: 'Address of n8n as in the browser, such as `http://n8n:5678`, with a path prefix if there is one',
    },
    N8N_API_KEY: {
      type: 'string',
      minLength: 1,
      'x-secret': true,
      description: 'API key (Settings → n8n API). It needs no more than workflow:list, workflow:read and execution:list',
    },
    N8N_EXTRA_HEADERS: {
      type: 'string',
      'x-secret': true,
      description:
        'More headers for a proxy before n8n, as a JSON object: `{"CF-Access-Client-Id":"…","CF-Access-Client-Secret":"…"}`',
    },
    DB_TYPE: {
      type: 'string',
      enum: ['postgresdb', 'sqlite', 'mysqldb', 'mariadb'],
      description: "n8n's own variable. `postgresdb` makes the statistics exact and adds storage sizes; others are not read",
    },
    DB_POSTGRESDB_HOST: { type: 'string', description: "Host of n8n's PostgreSQL; `localhost` without one, as in n8n" },
    DB_POSTGRESDB_PORT: { type: 'string', pattern: '^(\\d{1,5}|tcp://.*)$', description: 'Port; 5432 without one' },
    DB_POSTGRESDB_DATABASE: { type: 'string', default: 'n8n', description: 'Database' },
    DB_POSTGRESDB_USER: {
      type: 'string',
      default: 'postgres',
      description: 'Role; better than the one of n8n itself is one that may only read',
    },
    DB_POSTGRESDB_PASSWORD: { type: 'string', 'x-secret': true, description: 'Password of the role' },
    DB_POSTGRESDB_SCHEMA: { type: 'string', minLength: 1, default: 'public', description: "Schema of n8n's tables" },
    DB_TABLE_PREFIX: { type: 'string', default: '', description: "Prefix of n8n's tables" },
    DB_POSTGRESDB_SSL_ENABLED: {
      type: 'boolean',
      description: 'true insists on TLS; without it TLS is taken where the server has it',
    },
    DB_POSTGRESDB_SSL_CA: { type: 'string', description: 'PEM of the authority to check the database server against' },
    DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED: {
      type: 'boolean',
      default: true,
      description: 'false takes any certificate of the database server',
    },
  },
} as const satisfies ConfigSchema

export type N8nConfig = Config<typeof config>

/**
 * The address that paths of the API are put behind. People paste it from the browser or from the API's documentation, so a trailing
 * `/api/v1` is taken off.
 * @throws Error for the operator when it is no address that can be asked
 */
export function parseApiUrl(value: string): string {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new Error('N8N_API_URL is not a URL; expected one such as http://n8n:5678')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('N8N_API_URL must begin with http:// or https://')
  if (url.username !== '' || url.password !== '')
    throw new Error('N8N_API_URL holds credentials; put them into N8N_EXTRA_HEADERS as an Authorization header')
  if (url.search !== '' || url.hash !== '') throw new Error('N8N_API_URL must end before "?" and "#"')
  return url.href.replace(/\/+$/, '').replace(/\/api(\/v1)?$/, '')
}

/** Headers that belong to the request itself, which an operator's list must not change. */
const reserved = /^(x-n8n-api-key|host|content-length|transfer-encoding|connection|accept|accept-encoding)$/i

/** @throws Error for the operator when it is not an object of header names and values; never shows a value */
export function parseExtraHeaders(json: string | undefined): Readonly<Record<string, string>> {
  if (json === undefined || json.trim() === '') return {}
  const expected = 'expected a JSON object such as {"CF-Access-Client-Id":"…"}'
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    throw new Error(`N8N_EXTRA_HEADERS is not JSON; ${expected}`) // the parser's own message would quote the text
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error(`N8N_EXTRA_HEADERS is not an object; ${expected}`)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(parsed)) {
    if (!/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/.test(name)) throw new Error('N8N_EXTRA_HEADERS: a name is not that of a header')
    if (reserved.test(name)) throw new Error(`N8N_EXTRA_HEADERS must not set ${name}`)
    if (typeof value !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new Error(`N8N_EXTRA_HEADERS: the value of ${name} is not one line of text`)
    headers[name.toLowerCase()] = value
  }
  return headers
}

/** When the key expires: n8n issues its keys as JWTs, whose `exp` can be read without the secret. Undefined for a key without an end. */
export function keyExpiry(key: string | undefined): Date | undefined {
  const payload = key?.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && exp > 0 && exp < 1e11 ? new Date(exp * 1000) : undefined
  } catch {
    return undefined // keys of older versions are no JWTs and have no end
  }
}
