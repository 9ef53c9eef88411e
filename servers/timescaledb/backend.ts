// The timescaledb server's backend: the shared read-only engine, and a connection for writing.
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { SqlEngine } from '../kit/sql/engine.ts'
import { resolveTarget, type TargetOptions } from '../kit/sql/target.ts'
import { Remembered } from '../kit/waiting.ts'
import type { TimescaleConfig } from './config.ts'
import { insteadOf } from './errors.ts'
import { readFeatures } from './lib/features.ts'
import { Writer } from './lib/writer.ts'
import type { Features, TimescaleBackend } from './types.ts'

const featuresCachedMs = 60_000

export function openTimescale(config: TimescaleConfig, environment: Environment): TimescaleBackend {
  const options: TargetOptions = {
    urlVariable: 'TSDB_URL',
    applicationName: `mcp-timescaledb/${environment.version}`,
    ca: environment.ca,
  }
  const { TSDB_WRITE_URL: writeUrl, TSDB_SSLMODE: sslMode, TSDB_SSLROOTCERT: sslRootCert } = config
  const target = resolveTarget(
    {
      url: config.TSDB_URL,
      host: config.TSDB_HOST,
      port: config.TSDB_PORT,
      user: config.TSDB_USER,
      password: config.TSDB_PASSWORD,
      database: config.TSDB_DATABASE,
      sslMode,
      sslRootCert,
    },
    options,
  )
  const writeTarget =
    writeUrl === undefined
      ? target
      : resolveTarget({ url: writeUrl, sslMode, sslRootCert }, { ...options, urlVariable: 'TSDB_WRITE_URL' })
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
  const writer = new Writer({ target: writeTarget, engine, allowUnsafeRole })
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
    features: (signal) => features.get('', signal),
    async probe(signal) {
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

/** A writing role that cannot connect does not make the reading tools unready. */
function describeFailure(error: unknown): Record<string, unknown> {
  return { statements: `not possible: ${error instanceof ToolError ? error.text : 'internal error'}` }
}
