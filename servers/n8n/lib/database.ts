// n8n's own PostgreSQL, read through the read-only engine: exact counts of executions, and table sizes.
import type { Environment } from '../../kit/definition.ts'
import { SqlEngine } from '../../kit/sql/engine.ts'
import { qualified } from '../../kit/sql/identifiers.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import { oneLine } from '../../kit/text.ts'
import type { N8nConfig } from '../config.ts'
import type { ExecutionTotals, WorkflowRuns } from '../types.ts'
import { failedStatuses, topCount } from './execution-totals.ts'
import { count } from './workflow-totals.ts'

/** One for the tool, one for `/ready`. */
const maxConnections = 2
const largestTables = 6

export type N8nDatabase = ReturnType<typeof openDatabase>
/** The sizes have the form of the JSON of n8n_get_database_statistics. */
export type Storage = Awaited<ReturnType<N8nDatabase['storage']>>

interface Table {
  readonly name: string
  /** With its indexes and what is stored beside it. */
  readonly bytes: number
  /** Estimate of PostgreSQL's; null until the table was analysed. */
  readonly rows_est: number | null
}

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
      const ask = engine.asker(signal)
      const hours = [String(windowHours)]
      // n8n has an index on stoppedAt; what started in the window also stopped in it.
      const start = "(now() - $1::integer * interval '1 hour')"
      const recent = `e."deletedAt" IS NULL AND e."stoppedAt" >= ${start} AND e."startedAt" >= ${start}`
      const ms = `(extract(epoch FROM e."stoppedAt" - e."startedAt") * 1000)`
      const failed = `e.status IN (${[...failedStatuses].map((status) => `'${status}'`).join(', ')})`
      const ended = `(${failed} OR e.status = 'success')`
      const groups = await ask<{ status: string; mode: string; n: number }>(
        `SELECT e.status, e.mode, count(*) AS n FROM ${executionTable} e WHERE ${recent} GROUP BY 1, 2`,
        hours,
      )
      type Times = Pick<ExecutionTotals, 'avg_ms' | 'p95_ms' | 'last_success_at' | 'last_error_at' | 'since'>
      const [times] = (await ask<Times>(
        `SELECT round(avg(${ms}) FILTER (WHERE ${ended})) AS avg_ms,
          round(percentile_disc(0.95) WITHIN GROUP (ORDER BY ${ms}) FILTER (WHERE ${ended})) AS p95_ms,
          ${iso(`max(e."stoppedAt") FILTER (WHERE e.status = 'success')`)} AS last_success_at,
          ${iso(`max(e."stoppedAt") FILTER (WHERE ${failed})`)} AS last_error_at, ${iso(start)} AS since
          FROM ${executionTable} e WHERE ${recent}`,
        hours,
      )) as [Times]
      const byWorkflow = async (having: string, order: string): Promise<WorkflowRuns[]> => {
        const rows = await ask<WorkflowRuns>(
          `SELECT coalesce(e."workflowId", '') AS workflow_id, w.name, count(*) AS runs, count(*) FILTER (WHERE ${failed}) AS failed,
            coalesce(round(avg(${ms}) FILTER (WHERE ${ended})), 0) AS avg_ms,
            coalesce(round(max(${ms}) FILTER (WHERE ${ended})), 0) AS max_ms
            FROM ${executionTable} e LEFT JOIN ${workflowTable} w ON w.id = e."workflowId"
            WHERE ${recent} GROUP BY 1, 2 HAVING count(*) FILTER (WHERE ${having}) > 0 ORDER BY ${order} LIMIT ${topCount}`,
          hours,
        )
        return rows.map((row) => ({ ...row, name: row.name === null ? null : oneLine(row.name) }))
      }
      const top_failing = await byWorkflow(failed, 'failed DESC, runs')
      const slowest = await byWorkflow(ended, 'avg_ms DESC')
      const states = await ask<{ status: string; n: number }>(
        `SELECT e.status, count(*) AS n FROM ${executionTable} e WHERE e."deletedAt" IS NULL AND e.status IN ('running', 'waiting')
          GROUP BY 1`,
      )
      const now = new Map(states.map(({ status, n }) => [status, n]))
      const byStatus = new Map<string, number>()
      const byMode = new Map<string, number>()
      for (const { status, mode, n } of groups) {
        count(byStatus, status, n)
        count(byMode, mode, n)
      }
      return {
        total: groups.reduce((sum, { n }) => sum + n, 0),
        complete: true,
        by_status: Object.fromEntries(byStatus),
        by_mode: Object.fromEntries(byMode),
        ...times,
        running: now.get('running') ?? 0,
        waiting: now.get('waiting') ?? 0,
        top_failing,
        slowest,
      }
    },

    async storage(signal: AbortSignal) {
      const ask = engine.asker(signal)
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
