// The timescaledb server's backend: the shared read-only engine, and a connection for writing.
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { SqlEngine } from '../kit/sql/engine.ts'
import { quoteName } from '../kit/sql/identifiers.ts'
import { resolveTarget, type TargetParts } from '../kit/sql/target.ts'
import { Remembered } from '../kit/waiting.ts'
import type { TimescaleConfig } from './config.ts'
import { insteadOf } from './errors.ts'
import { openWriter } from './lib/writer.ts'
import type { Features } from './types.ts'

const featuresCachedMs = 60_000

const featuresQuery = `
  SELECT e.extversion AS version, n.nspname AS schema, current_setting('timescaledb.license', true) AS license
  FROM pg_namespace n JOIN pg_extension e ON n.oid = e.extnamespace AND e.extname = 'timescaledb'`

export type TimescaleBackend = ReturnType<typeof openTimescale>

export function openTimescale(config: TimescaleConfig, environment: Environment) {
  const resolve = (urlVariable: 'TSDB_URL' | 'TSDB_WRITE_URL', parts: TargetParts) =>
    resolveTarget(
      { url: config[urlVariable], sslMode: config.TSDB_SSLMODE, sslRootCert: config.TSDB_SSLROOTCERT, ...parts },
      { urlVariable, applicationName: `mcp-timescaledb/${environment.version}`, ca: environment.ca },
    )
  const target = resolve('TSDB_URL', {
    host: config.TSDB_HOST,
    port: config.TSDB_PORT,
    user: config.TSDB_USER,
    password: config.TSDB_PASSWORD,
    database: config.TSDB_DATABASE,
  })
  const writeTarget = config.TSDB_WRITE_URL === undefined ? target : resolve('TSDB_WRITE_URL', {})
  const allowUnsafeRole = config.TSDB_ALLOW_UNSAFE_ROLE
  const engine = new SqlEngine({
    name: 'timescaledb',
    target,
    environment,
    maxConnections: config.TSDB_MAX_CONNECTIONS,
    allowedDatabases: [],
    allowUnsafeRole,
    instead: insteadOf,
  })
  const writer = openWriter(writeTarget, engine, allowUnsafeRole)
  const level = environment.readOnly ? 'off' : config.TSDB_WRITE_LEVEL
  const features = new Remembered<Features>({ keepMs: featuresCachedMs, maxEntries: 1 }, (_, signal) =>
    readFeatures(engine, signal),
  )
  return {
    engine,
    writer,
    level,
    allowDestructive: config.TSDB_ALLOW_DESTRUCTIVE,
    upstream: engine.upstream,
    /** What this TimescaleDB has; read again once a minute. @throws ToolError when the extension is missing */
    features: (signal: AbortSignal) => features.get('', signal),
    async probe(signal: AbortSignal) {
      const found = await engine.probe(signal)
      const { version, apache } = await readFeatures(engine, signal)
      const write = level === 'off' ? {} : { write_role: await writer.probe(signal).catch(describeFailure) }
      return { ...found, timescaledb: version, license: apache ? 'apache' : 'timescale', write_level: level, ...write }
    },
    async close() {
      await Promise.all([engine.close(), writer.close()])
    },
  }
}

async function readFeatures(engine: SqlEngine, signal: AbortSignal): Promise<Features> {
  const [row] = await engine.asker(signal)<{ version: string; schema: string; license: string | null }>(featuresQuery)
  if (row === undefined) {
    throw new ToolError(
      'UPSTREAM_ERROR',
      `the extension timescaledb is not installed in database ${quoteName(await engine.resolveDatabase(undefined, signal))}. Ask the operator to run CREATE EXTENSION timescaledb there`,
    )
  }
  const schema = quoteName(row.schema)
  return { version: row.version, apache: row.license === 'apache', fn: (name) => `${schema}.${name}` }
}

/** A writing role that cannot connect does not make the reading tools unready. */
function describeFailure(error: unknown): Record<string, unknown> {
  return { statements: `not possible: ${error instanceof ToolError ? error.text : 'internal error'}` }
}
