// postgres_server_info: version, load and settings of the server, and what keeps the access read-only.
import { type AnyTool, type Context, defineTool } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../types.ts'

const infoQuery = `
  SELECT version(), current_setting('server_version'), floor(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())),
    pg_is_in_recovery(), (SELECT sum(numbackends) FROM pg_stat_database), current_setting('max_connections'),
    current_setting('TimeZone'), pg_encoding_to_char(d.encoding), d.datcollate
  FROM pg_database d WHERE d.datname = current_database()`

const settingsQuery = `
  SELECT name, current_setting(name) FROM pg_settings WHERE name IN ('shared_buffers', 'effective_cache_size', 'work_mem',
    'maintenance_work_mem', 'max_wal_size', 'wal_level', 'max_worker_processes', 'autovacuum', 'data_checksums', 'ssl',
    'shared_preload_libraries', 'default_transaction_read_only') ORDER BY 1`

const extensionsQuery = 'SELECT extname, extversion FROM pg_extension ORDER BY 1'

export function serverInfoTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_server_info',
    title: 'Server information',
    description:
      'Version, uptime, connections, extensions and settings of the PostgreSQL server, and what keeps this access read-only.',
    inputSchema: {
      type: 'object',
      properties: { database: { type: 'string', description: 'Whose extensions to list' } },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handler: (args, context) => serverInfo(backend, args, context),
  })
}

async function serverInfo(backend: PostgresBackend, args: { database?: string | undefined }, context: Context) {
  const { engine, label } = backend
  const { signal } = context
  const database = await engine.resolveDatabase(args.database, signal)
  const [info = []] = await engine.catalogue(database, infoQuery, [], signal)
  const settings = await engine.catalogue(database, settingsQuery, [], signal)
  const extensions = await engine.catalogue(database, extensionsQuery, [], signal)
  const [fullVersion, version, uptime, inRecovery, used, max, timezone, encoding, collation] = info as Row
  const { safety, unsafeRole } = engine
  const structured = {
    database,
    version: fullVersion,
    uptime_seconds: Number(uptime),
    in_recovery: inRecovery === 't',
    connections: { used: Number(used), max: Number(max) },
    timezone,
    encoding,
    collation,
    settings: Object.fromEntries(settings),
    extensions: Object.fromEntries(extensions),
    safety,
  }
  const { refused, ...privileges } = safety as { refused?: Record<string, string> }
  const lines = [
    fullVersion ?? '',
    `connections: ${used} of ${max} used; timezone ${timezone}; encoding ${encoding}, collation ${collation}`,
    `extensions in ${quoteName(database)}: ${extensions.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    `settings: ${settings.map(([name, value]) => `${name}=${quoteCell(value ?? '')}`).join(', ')}`,
    `safety: ${Object.entries(privileges)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')}`,
    `refused by the server in the self-test: ${Object.entries(refused ?? {})
      .map(([name, state]) => `${name} (${state})`)
      .join(', ')}`,
  ]
  return report(context, {
    summary: `${label}PostgreSQL ${version}, up ${duration(Number(uptime))}, ${inRecovery === 't' ? 'standby (in recovery)' : 'primary'}`,
    body: lines.join('\n'),
    notes: unsafeRole === undefined ? [] : [`${unsafeRole}. Tell the operator to use a role that only reads`],
    structured,
  })
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`
}
