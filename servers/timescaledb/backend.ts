// The timescaledb server's backend: the shared read-only engine, and a writer of its own.
import type { Backend, Environment } from '../kit/definition.ts'
import { SqlEngine } from '../kit/sql/engine.ts'
import { resolveTarget, type TargetOptions, type TargetParts } from '../kit/sql/target.ts'
import type { TimescaleConfig, WriteLevel } from './config.ts'
import { type Features, readFeatures } from './lib/features.ts'
import { Writer } from './lib/writer.ts'

export interface TimescaleBackend extends Backend {
  readonly engine: SqlEngine
  readonly writer: Writer
  readonly level: WriteLevel
  readonly allowDestructive: boolean
  /** What this TimescaleDB has; asked again once a minute. @throws ToolError when the extension is not there */
  features(signal: AbortSignal): Promise<Features>
}

const featuresCachedMs = 60_000

export function openTimescale(config: TimescaleConfig, environment: Environment): TimescaleBackend {
  const options: TargetOptions = {
    urlVariable: 'TSDB_URL',
    applicationName: `mcp-timescaledb/${environment.version}`,
    ca: environment.ca,
  }
  const parts: TargetParts = {
    host: config.TSDB_HOST,
    port: config.TSDB_PORT,
    user: config.TSDB_USER,
    password: config.TSDB_PASSWORD,
    database: config.TSDB_DATABASE,
    sslMode: config.TSDB_SSLMODE,
    sslRootCert: config.TSDB_SSLROOTCERT,
  }
  const target = resolveTarget({ ...parts, url: config.TSDB_URL }, options)
  const { TSDB_WRITE_URL: writeUrl, TSDB_SSLMODE: sslMode, TSDB_SSLROOTCERT: sslRootCert } = config
  const writeTarget =
    writeUrl === undefined
      ? target
      : resolveTarget({ url: writeUrl, sslMode, sslRootCert }, { ...options, urlVariable: 'TSDB_WRITE_URL' })
  const engine = new SqlEngine({
    name: 'timescaledb',
    target,
    environment,
    maxConnections: config.TSDB_MAX_CONNECTIONS,
    denyFunctions: config.TSDB_DENY_FUNCTIONS,
    allowedDatabases: [],
    requireSafeRole: config.TSDB_REQUIRE_SAFE_ROLE,
  })
  const writer = new Writer({ target: writeTarget, environment, engine })
  const level = environment.readOnly ? 'off' : config.TSDB_WRITE_LEVEL
  let known: { features: Features; at: number } | undefined
  return {
    engine,
    writer,
    level,
    allowDestructive: config.TSDB_ALLOW_DESTRUCTIVE,
    upstream: engine.upstream,
    async features(signal) {
      if (known !== undefined && Date.now() - known.at < featuresCachedMs) return known.features
      known = { features: await readFeatures(engine, signal), at: Date.now() }
      return known.features
    },
    async probe(signal) {
      const found = await engine.probe(signal)
      const { version, license } = await readFeatures(engine, signal)
      return { ...found, timescaledb: version, license, write_level: level }
    },
    async close() {
      await Promise.all([engine.close(), writer.close()])
    },
  }
}
