// The public API of n8n and, where configured, n8n's own database, which is only read.
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { openUpstream } from '../kit/http/upstream.ts'
import { keyExpiry, type N8nConfig, parseApiUrl, parseExtraHeaders } from './config.ts'
import { openApi } from './lib/api.ts'
import { openDatabase } from './lib/database.ts'
import { createRedactor } from './lib/redact.ts'

export type N8nBackend = ReturnType<typeof openN8n>

const day = 86_400_000
const warnDays = 7

/** @throws Error for the operator when the configuration contradicts itself */
export function openN8n(config: N8nConfig, environment: Environment) {
  const baseUrl = parseApiUrl(config.N8N_API_URL ?? '')
  const extra = parseExtraHeaders(config.N8N_EXTRA_HEADERS)
  const key = config.N8N_API_KEY ?? ''
  const expires = keyExpiry(key)
  const http = openUpstream({
    name: 'n8n',
    baseUrl,
    headers: { 'user-agent': `octet-n8n/${environment.version}`, ...extra, 'x-n8n-api-key': key },
    ca: environment.ca,
    maxSockets: 1,
    reuseBody: true,
  })
  const api = openApi(http, expires)
  const database = config.DB_TYPE === 'postgresdb' ? openDatabase(config, environment) : undefined
  return {
    environment,
    api,
    /** n8n's own database, where it is configured. */
    database,
    /** Why there is none although DB_TYPE is set. */
    unreadable:
      config.DB_TYPE === undefined || database !== undefined
        ? undefined
        : `a database of type ${config.DB_TYPE} is not read, only PostgreSQL; the figures come from the API`,
    upstream: new URL(baseUrl).host,
    redact: createRedactor([key, config.DB_POSTGRESDB_PASSWORD ?? '', ...Object.values(extra)]),
    async probe(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
      const one = api.executions(undefined, { limit: 1, signal }, () => undefined)
      const [apiState, databaseState] = await Promise.all([
        // Requests one execution: unlike a workflow it is small. A key without that scope works for the other tools.
        one.next().then(
          () => ({ api: 'ok' }),
          (error: unknown) => {
            if (error instanceof ToolError && error.code === 'FORBIDDEN') return { api: 'ok', missing_scope: 'execution:list' }
            throw error
          },
        ),
        // Never fails readiness: without the database, the statistics come from the API.
        database?.probe(signal).then(
          () => ({ database: 'ok' }),
          (error: unknown) => {
            if (error instanceof ToolError) return { database: 'down', database_error: error.message }
            throw error
          },
        ),
      ])
      return { ...apiState, ...databaseState, ...describeExpiry(expires) }
    },
    async close() {
      api.close()
      await database?.close()
    },
  }
}

/** For `/ready`: when the key ends, and a warning a week before. */
export function describeExpiry(expires: Date | undefined, now = Date.now()): Record<string, string> {
  if (expires === undefined) return {}
  const left = expires.getTime() - now
  const on = expires.toISOString().slice(0, 10)
  if (left > warnDays * day) return { key_expires: on }
  const when = left <= 0 ? 'has expired' : left < day ? 'expires within a day' : `expires in ${Math.floor(left / day)} days`
  return { key_expires: on, warning: `the API key ${when}; make a new one in n8n and set N8N_API_KEY` }
}
