// n8n's own PostgreSQL, read through the read-only engine: exact counts of executions, and table sizes.
import type { Environment } from '../../kit/definition.ts'
import { type Row, SqlEngine } from '../../kit/sql/engine.ts'
import { resolveTarget } from '../../kit/sql/target.ts'
import type { N8nConfig } from '../config.ts'
import type { ExecutionTotals, Storage, WorkflowRuns } from '../types.ts'
import { failedStatuses, topCount } from './execution-totals.ts'
import { cell } from './format.ts'
import { count } from './workflow-totals.ts'

/** One for the tool, one for `/ready`. */
const maxConnections = 2
const largestTables = 6

export class N8nDatabase {
  readonly #engine: SqlEngine
  readonly #schema: string
  readonly #executions: string
  readonly #workflows: string
  readonly #prefix: string

  /** @throws Error for the operator when the configuration contradicts itself */
  constructor(config: N8nConfig, environment: Environment) {
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
    this.#engine = new SqlEngine({
      name: 'n8n',
      target,
      environment,
      maxConnections,
      allowedDatabases: [],
    })
    this.#schema = config.DB_POSTGRESDB_SCHEMA
    this.#prefix = config.DB_TABLE_PREFIX
    const table = (name: string): string => `${quote(this.#schema)}.${quote(this.#prefix + name)}`
    this.#executions = table('execution_entity')
    this.#workflows = table('workflow_entity')
  }

  async executions(windowHours: number, signal: AbortSignal): Promise<ExecutionTotals> {
    const query = (sql: string): Promise<Row[]> => this.#rows(sql, [String(windowHours)], signal)
    // n8n has an index on stoppedAt; what started in the window also stopped in it.
    const start = "now() - $1::integer * interval '1 hour'"
    const recent = `e."deletedAt" IS NULL AND e."stoppedAt" >= ${start} AND e."startedAt" >= ${start}`
    const ms = `(extract(epoch FROM e."stoppedAt" - e."startedAt") * 1000)`
    const failed = `e.status IN (${[...failedStatuses].map((status) => `'${status}'`).join(', ')})`
    const ended = `(${failed} OR e.status = 'success')`
    const groups = await query(`SELECT e.status, e.mode, count(*) FROM ${this.#executions} e WHERE ${recent} GROUP BY 1, 2`)
    const [times = []] = await query(
      `SELECT round(avg(${ms}) FILTER (WHERE ${ended})), round(percentile_disc(0.95) WITHIN GROUP (ORDER BY ${ms}) FILTER (WHERE ${ended})),
        ${iso(`max(e."stoppedAt") FILTER (WHERE e.status = 'success')`)}, ${iso(`max(e."stoppedAt") FILTER (WHERE ${failed})`)}, ${iso(`(${start})`)}
        FROM ${this.#executions} e WHERE ${recent}`,
    )
    const byWorkflow = (having: string, order: string): Promise<Row[]> =>
      query(
        `SELECT e."workflowId", w.name, count(*), count(*) FILTER (WHERE ${failed}),
          round(avg(${ms}) FILTER (WHERE ${ended})), round(max(${ms}) FILTER (WHERE ${ended}))
          FROM ${this.#executions} e LEFT JOIN ${this.#workflows} w ON w.id = e."workflowId"
          WHERE ${recent} GROUP BY 1, 2 HAVING count(*) FILTER (WHERE ${having}) > 0 ORDER BY ${order} LIMIT ${topCount}`,
      )
    const failing = await byWorkflow(failed, '4 DESC, 3')
    const slowest = await byWorkflow(ended, '5 DESC NULLS LAST')
    const states = await this.#rows(
      `SELECT e.status, count(*) FROM ${this.#executions} e WHERE e."deletedAt" IS NULL AND e.status IN ('running', 'waiting') GROUP BY 1`,
      [],
      signal,
    )
    const now = new Map(states.map(([status, n]) => [status, Number(n)]))
    const byStatus = new Map<string, number>()
    const byMode = new Map<string, number>()
    for (const [status, mode, n] of groups) {
      count(byStatus, status ?? '', Number(n))
      count(byMode, mode ?? '', Number(n))
    }
    return {
      total: groups.reduce((sum, [, , n]) => sum + Number(n), 0),
      complete: true,
      since: times[4] ?? '',
      by_status: Object.fromEntries(byStatus),
      by_mode: Object.fromEntries(byMode),
      avg_ms: numberOf(times[0]),
      p95_ms: numberOf(times[1]),
      running: now.get('running') ?? 0,
      waiting: now.get('waiting') ?? 0,
      top_failing: failing.map(runsOf),
      slowest: slowest.map(runsOf),
      last_success_at: times[2] ?? null,
      last_error_at: times[3] ?? null,
    }
  }

  async storage(signal: AbortSignal): Promise<Storage> {
    const tables = await this.#rows(
      `SELECT c.relname, pg_total_relation_size(c.oid), c.reltuples::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'm') ORDER BY 2 DESC`,
      [this.#schema],
      signal,
    )
    const [facts = []] = await this.#rows(
      `SELECT pg_database_size(current_database()),
        (SELECT ${iso('e."startedAt"')} FROM ${this.#executions} e
          WHERE e."deletedAt" IS NULL AND e."startedAt" IS NOT NULL ORDER BY e.id LIMIT 1),
        (SELECT count(*) FROM ${this.#executions} e WHERE e."deletedAt" IS NOT NULL)`,
      [],
      signal,
    )
    const known = tables.map(([name, bytes, rows]) => ({
      name: cell(name ?? ''),
      bytes: Number(bytes),
      rows_est: Number(rows) < 0 ? null : Number(rows),
    }))
    const find = (name: string) => known.find((table) => table.name === this.#prefix + name)
    return {
      database_bytes: Number(facts[0]),
      execution_entity_bytes: find('execution_entity')?.bytes ?? null,
      execution_data_bytes: find('execution_data')?.bytes ?? null,
      oldest_execution: facts[1] ?? null,
      rows_est: find('execution_entity')?.rows_est ?? null,
      awaiting_pruning: Number(facts[2]),
      largest_tables: known.slice(0, largestTables),
    }
  }

  async probe(signal: AbortSignal): Promise<void> {
    await this.#engine.probe(signal)
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  async #rows(text: string, values: readonly string[], signal: AbortSignal): Promise<Row[]> {
    return this.#engine.catalogue(await this.#engine.resolveDatabase(undefined, signal), text, values, signal)
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

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function numberOf(value: string | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}

function runsOf([workflowId, name, runs, failed, averageMs, maxMs]: Row): WorkflowRuns {
  return {
    workflow_id: workflowId ?? '',
    name: name === null || name === undefined ? null : cell(name),
    runs: Number(runs),
    failed: Number(failed),
    avg_ms: Number(averageMs ?? 0),
    max_ms: Number(maxMs ?? 0),
  }
}
