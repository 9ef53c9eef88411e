// postgres_server_info: version, load and settings of the server, and what keeps the access read-only.
import { type AnyTool, defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { pairs } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'

interface Info extends Record<'version' | 'number' | 'uptime' | 'timezone' | 'encoding' | 'collation', string> {
  in_recovery: boolean
  connections: { used: number; max: number }
  settings: Record<string, string>
  extensions: Record<string, string>
}

const infoQuery = `
  SELECT version(), current_setting('server_version') AS number,
    extract(epoch FROM up.time)::int AS uptime_seconds, date_trunc('minute', up.time)::text AS uptime, pg_is_in_recovery() AS in_recovery,
    json_build_object('used', (SELECT sum(numbackends) FROM pg_stat_database), 'max', current_setting('max_connections')::int) AS connections,
    current_setting('TimeZone') AS timezone, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation,
    (SELECT json_object_agg(name, current_setting(name) ORDER BY name) FROM pg_settings WHERE name IN ('shared_buffers', 'effective_cache_size',
      'work_mem', 'maintenance_work_mem', 'max_wal_size', 'wal_level', 'max_worker_processes', 'autovacuum', 'data_checksums', 'ssl',
      'shared_preload_libraries', 'default_transaction_read_only')) AS settings,
    (SELECT json_object_agg(extname, extversion ORDER BY extname) FROM pg_extension) AS extensions
  FROM pg_database d, (SELECT clock_timestamp() - pg_postmaster_start_time() AS time) up WHERE d.datname = current_database()`

export function serverInfoTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_server_info',
    title: 'Server information',
    description:
      'Version, uptime, connections, extensions and settings of the PostgreSQL server, and what keeps this access read-only.',
    inputSchema: parameters([], { database: { type: 'string', description: 'Whose extensions to list' } }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async handler(args, context) {
      const { engine, label } = backend
      const database = await engine.resolveDatabase(args.database, context.signal)
      const [{ number, uptime, ...info }] = (await engine.asker(context.signal, { database })<Info>(infoQuery)) as [Info]
      const { safety, unsafeRole } = engine.connections
      return report(context, {
        summary: `${label}PostgreSQL ${number}, up ${uptime}, ${info.in_recovery ? 'standby (in recovery)' : 'primary'}`,
        body: [
          info.version,
          `connections: ${info.connections.used} of ${info.connections.max} used; timezone ${info.timezone}; encoding ${info.encoding}, collation ${info.collation}`,
          `extensions in ${quoteName(database)}: ${pairs(info.extensions, ' ')}`,
          `settings: ${pairs(info.settings)}`,
          `safety: ${pairs(safety)}`,
        ].join('\n'),
        notes: unsafeRole === undefined ? [] : [`${unsafeRole}. Tell the operator to use a role that only reads`],
        structured: { database, ...info, safety },
      })
    },
  })
}
