// The postgres server's backend: the shared read-only engine on the configured server, or on the sample database.
import type { Backend, Environment } from '../runtime/definition.ts'
import { SqlEngine } from '../runtime/sql/engine.ts'
import { resolveTarget } from '../runtime/sql/target.ts'
import type { PostgresConfig } from './config.ts'

export interface PostgresBackend extends Backend {
  readonly engine: SqlEngine
  /** Goes before every result: `[sample database] `, or nothing. */
  readonly label: string
}

export function openPostgres(config: PostgresConfig, environment: Environment): PostgresBackend {
  const target = resolveTarget(
    {
      url: config.DATABASE_URL,
      host: config.PGHOST,
      port: config.PGPORT,
      user: config.PGUSER,
      password: config.PGPASSWORD,
      database: config.PGDATABASE,
      sslMode: config.PGSSLMODE,
      sslRootCert: config.PGSSLROOTCERT,
    },
    {
      urlVariable: 'DATABASE_URL',
      applicationName: config.PGAPPNAME ?? `mcp-postgres/${environment.version}`,
      ca: environment.ca,
    },
  )
  const engine = new SqlEngine({
    name: 'postgres',
    target,
    environment,
    maxConnections: config.PG_MAX_CONNECTIONS,
    denyFunctions: config.PG_DENY_FUNCTIONS,
    allowedDatabases: config.PG_ALLOWED_DATABASES,
    requireSafeRole: config.PG_REQUIRE_SAFE_ROLE,
  })
  return {
    engine,
    label: '',
    upstream: engine.upstream,
    probe: (signal) => engine.probe(signal),
    close: () => engine.close(),
  }
}
