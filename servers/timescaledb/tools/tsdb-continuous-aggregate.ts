// tsdb_continuous_aggregate: creates a materialised view that TimescaleDB keeps up to date, adds its refresh policy, and fills it.
import { type Context, defineTool, type FromSchema, monotonicMs, ToolError } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { isMark } from '../../kit/sql/lexer.ts'
import type { Ask } from '../../kit/sql/read-only.ts'
import { readOne, requireSql } from '../../kit/sql/statement-filter.ts'
import type { TimescaleBackend } from '../backend.ts'
import { insteadOf, requireCommunity, requireLevel } from '../errors.ts'
import { inTimeUnits, newName } from '../lib/relations.ts'
import { namesIn, volatileFunctions } from '../lib/statement-class.ts'
import type { WriteLimits } from '../lib/writer.ts'
import type { Features, Relation } from '../types.ts'

const inputSchema = parameters(['view_name', 'query'], {
  view_name: { type: 'string', maxLength: 140 },
  query: {
    type: 'string',
    maxLength: 100_000,
    description: 'One SELECT … GROUP BY time_bucket',
    examples: ["SELECT time_bucket('1 hour', time) AS bucket, avg(v) FROM metrics GROUP BY 1"],
  },
  start_offset: { type: 'string', description: 'Oldest data to refresh; default all' },
  end_offset: { type: 'string', description: 'Default 1 hour' },
  schedule_interval: { type: 'string', description: 'Default 1 hour' },
  with_data: { type: 'boolean', default: false, description: 'Fill it now; without, the first policy run fills its window' },
  if_not_exists: { type: 'boolean', default: true },
  dry_run: { type: 'boolean', default: false, description: 'Try and roll back' },
})

type Arguments = FromSchema<typeof inputSchema>

/** The hypertable under the view. */
interface Source {
  readonly source: string
  readonly integer: boolean
  readonly column: string
}

const sourceQuery = `
  SELECT format('%I.%I', c.hypertable_schema, c.hypertable_name) AS source, d.time_interval IS NULL AS integer, d.column_name AS column
  FROM timescaledb_information.continuous_aggregates c
  LEFT JOIN timescaledb_information.dimensions d ON d.hypertable_schema = c.hypertable_schema AND d.hypertable_name = c.hypertable_name AND d.dimension_number = 1
  WHERE c.view_schema = $1 AND c.view_name = $2`

const createMs = 30_000
const explainMs = 5_000
/** Time left to answer before the deadline of the whole call. */
const reserveMs = 3_000

const example = "SELECT time_bucket('1 hour', time) AS bucket, device, avg(value) FROM metrics GROUP BY 1, 2"

export function tsdbContinuousAggregate(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_continuous_aggregate',
    title: 'Make a continuous aggregate',
    description:
      'Create a continuously refreshed materialised view of a hypertable. Give any of start_offset, end_offset, schedule_interval for a refresh policy.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { view: 'view_name', name: 'view_name', sql: 'query' },
    lookUp: 'tsdb_show_hypertables {}',
    handler: (args, context) => continuousAggregate(backend, args, context),
  })
}

async function continuousAggregate(backend: TimescaleBackend, args: Arguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_continuous_aggregate')
  const { engine, writer } = backend
  const { signal } = context
  const ask = backend.engine.asker(signal)
  const started = monotonicMs()
  const features = await backend.features(signal)
  requireCommunity(features, 'a continuous aggregate')
  const view = await newName(backend.engine.asker(signal, { searchPath: 'role' }), args.view_name)
  const query = await checkQuery(args.query, ask)
  // Only what PostgreSQL accepts as one reading statement, in a READ ONLY transaction and by the extended protocol, becomes part of the DDL.
  await engine.query({ text: `EXPLAIN ${query}`, maxRows: 1, timeoutMs: explainMs, signal })
  const [existing] = await ask<Source>(sourceQuery, [view.schema, view.name])
  if (existing !== undefined && args.if_not_exists) {
    return report(context, {
      summary: `${view.sql} is a continuous aggregate already; nothing changed`,
      structured: { view: view.sql, created: false, job_id: null },
    })
  }
  // WITH DATA would fill the view inside CREATE, which cannot run in a transaction: a refresh follows after the commit instead.
  const create = `CREATE MATERIALIZED VIEW ${view.sql} WITH (timescaledb.continuous) AS\n${query}\nWITH NO DATA`
  const limits = { timeoutMs: engine.limitTimeout(createMs), signal, query: create, dryRun: args.dry_run }
  const { source, job, notices } = await writer.transaction(limits, async (transaction) => {
    await transaction.run(create)
    const [found] = await transaction.ask<Source>(sourceQuery, [view.schema, view.name])
    const job = found && (await addPolicy(transaction.ask, features, view, args, found))
    return { source: found?.source ?? null, job, notices: transaction.notices }
  })
  const left = engine.limitTimeout(600_000) - (monotonicMs() - started) - reserveMs
  const rest = { timeoutMs: Math.max(1_000, Math.round(left)), signal }
  const fills = args.with_data && !args.dry_run
  const unfilled = fills ? await fill(backend, features, view.sql, job, rest) : undefined
  const empty =
    job === undefined
      ? `it is empty until CALL refresh_continuous_aggregate('${view.sql}', NULL, NULL) with tsdb_execute`
      : 'it is empty until the job has run'
  return report(context, {
    summary: [
      `${args.dry_run ? 'dry run, rolled back: ' : ''}continuous aggregate ${view.sql} on ${source ?? 'its hypertable'}`,
      job === undefined ? 'without a refresh policy' : `refreshed by job ${job}`,
      ...(fills ? [unfilled === undefined ? 'filled' : 'not filled yet'] : []),
    ].join(', '),
    notes: [unfilled, !fills && !args.dry_run && empty, ...notices],
    structured: {
      view: view.sql,
      source,
      bucket: /time_bucket(?:_ng)?\s*\(\s*(?:interval\s*)?'([^']+)'/i.exec(query)?.[1] ?? null,
      job_id: job ?? null,
      created: true,
      filled: fills && unfilled === undefined,
      committed: !args.dry_run,
    },
  })
}

/** @returns the query without its final semicolon @throws ToolError for what cannot be a continuous aggregate */
async function checkQuery(written: string, ask: Ask): Promise<string> {
  const text = requireSql(written, insteadOf)
  const reading = readOne(text)
  const buckets = reading.tokens.some((token) => token.kind === 'word' && token.name.startsWith('time_bucket'))
  if (!buckets || (reading.keyword !== 'select' && reading.keyword !== 'with')) {
    throw new ToolError('INVALID_ARGUMENT', '"query" must be one SELECT with time_bucket in its GROUP BY', {
      retry: { query: example },
    })
  }
  const [called] = await volatileFunctions(namesIn(reading.tokens, text), ask)
  if (called !== undefined) {
    throw new ToolError('INVALID_ARGUMENT', `a continuous aggregate cannot call the volatile function ${called.name}`)
  }
  const end = reading.tokens.find((token) => isMark(token, ';'))
  return end === undefined ? text : text.slice(0, end.at)
}

/** @returns the job that refreshes the view; undefined when the caller wants none */
async function addPolicy(ask: Ask, { fn }: Features, { sql }: Relation, args: Arguments, { integer, column }: Source) {
  const { start_offset: start, end_offset: end, schedule_interval: every } = args
  if (start === undefined && end === undefined && every === undefined) return undefined
  const inUnits = (name: 'start_offset' | 'end_offset', otherwise: string | null): string | null =>
    args[name] === undefined ? otherwise : inTimeUnits(name, args[name], integer, column)
  const cast = integer ? 'bigint' : 'interval'
  const text = `SELECT ${fn('add_continuous_aggregate_policy')}($1::regclass, start_offset => $2::${cast}, end_offset => $3::${cast}, schedule_interval => $4::interval) AS id`
  const values = [sql, inUnits('start_offset', null), inUnits('end_offset', integer ? '0' : '1 hour'), every ?? '1 hour']
  return (await ask<{ id: number }>(text, values))[0]?.id
}

/**
 * Fills the view within the time that is left; the policy's job continues what takes longer.
 * @returns undefined, or why it is not filled yet
 */
async function fill({ writer }: TimescaleBackend, { fn }: Features, sql: string, job: number | undefined, limits: WriteLimits) {
  const { timeoutMs, signal } = limits
  try {
    await writer.alone(limits, `CALL ${fn('refresh_continuous_aggregate')}($1::regclass, NULL, NULL)`, [sql])
    return undefined
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'TIMEOUT' || signal.aborted) throw error
    const longer = `filling it takes longer than ${Math.round(timeoutMs / 1000)} s`
    if (job === undefined) {
      return `${longer} and was stopped; refresh it piece by piece with CALL refresh_continuous_aggregate('${sql}', from, to)`
    }
    await writer.transaction({ timeoutMs: 5_000, signal }, ({ ask }) =>
      ask(`SELECT job_id FROM ${fn('alter_job')}($1::int, next_start => now())`, [String(job)]),
    )
    return `${longer}; job ${job} continues in the background, within its window`
  }
}
