// postgres_server_info: what this server is, how full it is, and what keeps our access read-only.
import type { Context } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import { postureBlock } from '../../kit/sql/privileges.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'

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

export async function serverInfo(backend: PostgresBackend, args: { database?: string | undefined }, context: Context) {
  const { engine, label } = backend
  const { signal } = context
  const database = await engine.resolveDatabase(args.database, signal)
  const [info = []] = await engine.catalogue(database, infoQuery, [], signal)
  const settings = await engine.catalogue(database, settingsQuery, [], signal)
  const extensions = await engine.catalogue(database, extensionsQuery, [], signal)
  const [fullVersion, version, uptime, inRecovery, used, max, timezone, encoding, collation] = info as Row
  const safety = engine.posture === undefined ? {} : postureBlock(engine.posture)
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
  const { refused, ...posture } = safety as { refused?: Record<string, string> }
  const lines = [
    fullVersion ?? '',
    `connections: ${used} of ${max} used; timezone ${timezone}; encoding ${encoding}, collation ${collation}`,
    `extensions in ${quoteName(database)}: ${extensions.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    `settings: ${settings.map(([name, value]) => `${name}=${quoteCell(value ?? '')}`).join(', ')}`,
    `safety: ${Object.entries(posture)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')}`,
    `refused by the server in the self-test: ${Object.entries(refused ?? {})
      .map(([name, state]) => `${name} (${state})`)
      .join(', ')}`,
  ]
  return report(context, {
    summary: `${label}PostgreSQL ${version}, up ${duration(Number(uptime))}, ${inRecovery === 't' ? 'standby (in recovery)' : 'primary'}`,
    body: lines.join('\n'),
    notes:
      engine.posture?.superuser === true
        ? ['this server logs in as a superuser. Tell the operator to use a role made by readonly-role.sql']
        : [],
    structured,
  })
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`
}
