// n8n's own PostgreSQL, read through the read-only engine: exact counts of executions, and table sizes.
import type { Environment } from '../../kit/definition.ts'
import { SqlEngine } from '../../kit/sql/engine.ts'
import { qualified } from '../../kit/sql/identifiers.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import { oneLine } from '../../kit/text.ts'
import type { N8nConfig } from '../config.ts'
import { type ExecutionTotals, failedStatuses, topCount } from './totals.ts'

/** One for the tool, one for `/ready`. */
const maxConnections = 2
const largestTables = 6

export type N8nDatabase = ReturnType<typeof openDatabase>
/** The sizes have the form of the JSON of n8n_get_database_statistics. */
export type Storage = Awaited<ReturnType<N8nDatabase['storage']>>

/** @throws Error for the operator when the configuration contradicts itself */
export function openDatabase(config: N8nConfig, environment: Environment) {
  const { DB_POSTGRESDB_SCHEMA: schema, DB_TABLE_PREFIX: prefix } = config
  const target = resolveTarget(
    {
      host: config.DB_POSTGRESDB_HOST,
      port: config.DB_POSTGRESDB_PORT,
      user: config.DB_POSTGRESDB_USER,
      password: config.DB_POSTGRESDB_PASSWORD,
      database: config.DB_POSTGRESDB_DATABASE,
      sslMode: sslModeOf(config),
    },
    {
      urlVariable: 'DB_POSTGRESDB_HOST',
      applicationName: `mcp-n8n/${environment.version}`,
      // The certificate is checked against an authority that is given; false switches that off.
      ca: config.DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED ? (config.DB_POSTGRESDB_SSL_CA ?? environment.ca) : undefined,
    },
  )
  const engine = new SqlEngine({ name: 'n8n', target, environment, maxConnections, allowedDatabases: [] })
  const executionTable = qualified({ schema, name: `${prefix}execution_entity` })
  const workflowTable = qualified({ schema, name: `${prefix}workflow_entity` })

  return {
    async executions(windowHours: number, signal: AbortSignal): Promise<ExecutionTotals> {
      const failed = [...failedStatuses].map((status) => `'${status}'`).join(', ')
      const start = "(now() - $1::integer * interval '1 hour')"
      const counts = (column: string): string =>
        `(SELECT coalesce(json_object_agg(${column}, n), '{}') FROM (SELECT ${column}, count(*) AS n FROM recent GROUP BY 1) c) AS by_${column}`
      const first = (having: string, order: string): string =>
        `(SELECT coalesce(json_agg(f), '[]') FROM (SELECT workflow_id, name, runs, failed, avg_ms, max_ms FROM workflows
          WHERE ${having} > 0 ORDER BY ${order} LIMIT ${topCount}) f)`
      const now = (status: string): string =>
        `(SELECT count(*) FROM ${executionTable} e WHERE e."deletedAt" IS NULL AND e.status = '${status}') AS ${status}`
      // n8n has an index on stoppedAt; what started in the window also stopped in it.
      const [totals] = (await engine.asker(signal)<ExecutionTotals>(
        `WITH recent AS (
          SELECT coalesce(e.status, '') AS status, coalesce(e.mode, '') AS mode, e."workflowId" AS workflow_id,
            e."stoppedAt" AS stopped, e.status IN (${failed}) AS failed,
            CASE WHEN e.status IN (${failed}, 'success') THEN extract(epoch FROM e."stoppedAt" - e."startedAt") * 1000 END AS ms
            FROM ${executionTable} e WHERE e."deletedAt" IS NULL AND e."stoppedAt" >= ${start} AND e."startedAt" >= ${start}
        ), workflows AS (
          SELECT coalesce(r.workflow_id, '') AS workflow_id, w.name, count(*) AS runs, count(*) FILTER (WHERE r.failed) AS failed,
            count(r.ms) AS ended, coalesce(round(avg(r.ms)), 0) AS avg_ms, coalesce(round(max(r.ms)), 0) AS max_ms
            FROM recent r LEFT JOIN ${workflowTable} w ON w.id = r.workflow_id GROUP BY 1, 2
        )
        SELECT count(*) AS total, round(avg(ms)) AS avg_ms, round(percentile_disc(0.95) WITHIN GROUP (ORDER BY ms)) AS p95_ms,
          ${iso("max(stopped) FILTER (WHERE status = 'success')")} AS last_success_at,
          ${iso('max(stopped) FILTER (WHERE failed)')} AS last_error_at, ${iso(start)} AS since,
          ${counts('status')}, ${counts('mode')}, ${now('running')}, ${now('waiting')},
          ${first('failed', 'failed DESC, runs')} AS top_failing, ${first('ended', 'avg_ms DESC')} AS slowest, true AS complete
          FROM recent`,
        [String(windowHours)],
      )) as [ExecutionTotals]
      return totals
    },

    async storage(signal: AbortSignal) {
      const ask = engine.asker(signal)
      // bytes: with indexes and what is stored beside the table. rows_est: PostgreSQL's estimate, null until the table was analysed.
      type Table = { name: string; bytes: number; rows_est: number | null }
      const tables = await ask<Table>(
        `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, nullif(c.reltuples, -1)::bigint AS rows_est
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relkind IN ('r', 'm') ORDER BY 2 DESC`,
        [schema],
      )
      // awaiting_pruning: deleted, but not yet removed by n8n's pruning.
      type Facts = { database_bytes: number; oldest_execution: string | null; awaiting_pruning: number }
      const [facts] = (await ask<Facts>(
        `SELECT pg_database_size(current_database()) AS database_bytes,
          (SELECT ${iso('e."startedAt"')} FROM ${executionTable} e
            WHERE e."deletedAt" IS NULL AND e."startedAt" IS NOT NULL ORDER BY e.id LIMIT 1) AS oldest_execution,
          (SELECT count(*) FROM ${executionTable} e WHERE e."deletedAt" IS NOT NULL) AS awaiting_pruning`,
      )) as [Facts]
      const find = (name: string) => tables.find((table) => table.name === prefix + name)
      return {
        ...facts,
        execution_entity_bytes: find('execution_entity')?.bytes ?? null,
        execution_data_bytes: find('execution_data')?.bytes ?? null,
        rows_est: find('execution_entity')?.rows_est ?? null,
        largest_tables: tables.slice(0, largestTables).map((table) => ({ ...table, name: oneLine(table.name) })),
      }
    },

    probe: (signal: AbortSignal) => engine.probe(signal),
    close: () => engine.close(),
  }
}

function sslModeOf(config: N8nConfig) {
  const { DB_POSTGRESDB_SSL_ENABLED: enabled, DB_POSTGRESDB_SSL_CA: ca } = config
  if (enabled === false) return 'disable' as const
  if (enabled === undefined && ca === undefined) return undefined
  return config.DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED ? ('verify-full' as const) : ('require' as const)
}

/** Expression of a time as ISO 8601. */
function iso(time: string): string {
  return `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
}
