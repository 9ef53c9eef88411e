// tsdb_continuous_aggregate: a materialised view that TimescaleDB keeps up to date, its policy, and its first filling.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { readStatement, refuseFunctions, requireOne } from '../../kit/sql/statement-filter.ts'
import type { TimescaleBackend } from '../backend.ts'
import { type Features, requireCommunity } from '../lib/features.ts'
import { newName, type Relation } from '../lib/relations.ts'
import { requireLevel } from '../lib/statement-class.ts'

export interface ContinuousAggregateArguments {
  view_name: string
  query: string
  start_offset?: string | undefined
  end_offset?: string | undefined
  schedule_interval?: string | undefined
  with_data: boolean
  if_not_exists: boolean
  dry_run: boolean
}

const createMs = 30_000
const explainMs = 5_000
/** The answer must be out before the deadline of the whole call. */
const reserveMs = 3_000

const example = "SELECT time_bucket('1 hour', time) AS bucket, device, avg(value) FROM metrics GROUP BY 1, 2"

export async function continuousAggregate(backend: TimescaleBackend, args: ContinuousAggregateArguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_continuous_aggregate')
  const { engine, writer } = backend
  const { signal } = context
  const started = performance.now()
  const features = await backend.features(signal)
  requireCommunity(features, 'a continuous aggregate')
  const view = newName(args.view_name)
  const query = checkQuery(args.query, backend)
  // What PostgreSQL itself takes for one reading statement, in a READ ONLY transaction and by the extended protocol: only that goes into DDL.
  await engine.query({ text: `EXPLAIN ${query}`, maxRows: 1, timeoutMs: explainMs, signal })
  const database = await engine.resolveDatabase(undefined, signal)
  const there = await engine.catalogue(
    database,
    'SELECT hypertable_schema, hypertable_name FROM timescaledb_information.continuous_aggregates WHERE view_schema = $1 AND view_name = $2',
    [view.schema, view.name],
    signal,
  )
  if (there.length > 0 && args.if_not_exists) {
    return report(context, {
      summary: `${view.sql} is a continuous aggregate already; nothing changed`,
      structured: { view: view.sql, created: false, job_id: null },
    })
  }
  // WITH DATA fills the view inside CREATE, which PostgreSQL refuses in a transaction: a refresh follows after the commit instead.
  const create = `CREATE MATERIALIZED VIEW ${view.sql} WITH (timescaledb.continuous) AS\n${query}\nWITH NO DATA`
  const made = await writer.transaction(
    { timeoutMs: engine.limitTimeout(createMs), signal, query: create },
    async (transaction) => {
      await transaction.run(create)
      const [source, integer] = await transaction.row(
        `SELECT format('%I.%I', c.hypertable_schema, c.hypertable_name), d.time_interval IS NULL FROM timescaledb_information.continuous_aggregates c
          LEFT JOIN timescaledb_information.dimensions d ON d.hypertable_schema = c.hypertable_schema AND d.hypertable_name = c.hypertable_name AND d.dimension_number = 1
          WHERE c.view_schema = $1 AND c.view_name = $2`,
        [view.schema, view.name],
      )
      const policy = policyCall(features, view, args, integer === 't')
      const [job] = policy === undefined ? [undefined] : await transaction.row(policy.text, policy.values)
      return {
        source: source ?? null,
        job: job === undefined || job === null ? undefined : Number(job),
        notices: transaction.notices.map(({ severity, message }) => `${severity}: ${message}`),
      }
    },
    () => !args.dry_run,
  )
  const left = engine.limitTimeout(600_000) - (performance.now() - started) - reserveMs
  const filled =
    args.with_data && !args.dry_run ? await fill(backend, features, view, made.job, Math.max(1_000, left), signal) : undefined
  const bucket = /time_bucket(?:_ng)?\s*\(\s*(?:interval\s*)?'([^']+)'/i.exec(query)?.[1]
  return report(context, {
    summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}continuous aggregate ${view.sql} on ${made.source ?? 'its hypertable'}${made.job === undefined ? ', without a refresh policy' : `, refreshed by job ${made.job}`}${filled === undefined ? '' : filled.done ? ', filled' : ', not filled yet'}`,
    notes: [
      ...(filled?.note === undefined ? [] : [filled.note]),
      ...(filled === undefined && !args.dry_run
        ? [
            made.job === undefined
              ? `it is empty until CALL refresh_continuous_aggregate('${view.sql}', NULL, NULL) with tsdb_execute`
              : 'it is empty until the job has run',
          ]
        : []),
      ...made.notices.filter((notice) => !/no data|refresh/i.test(notice)),
    ],
    structured: {
      view: view.sql,
      source: made.source,
      bucket: bucket ?? null,
      job_id: made.job ?? null,
      created: true,
      filled: filled?.done ?? false,
      committed: !args.dry_run,
    },
  })
}

/** @returns the query without its final semicolon */
function checkQuery(text: string, { engine }: TimescaleBackend): string {
  const reading = readStatement(text)
  requireOne(reading)
  if (reading.keyword !== 'select' && reading.keyword !== 'with') {
    throw new ToolError('INVALID_ARGUMENT', '"query" must be one SELECT with time_bucket', {
      hint: JSON.stringify({ query: example }),
    })
  }
  refuseFunctions(reading, engine.denied)
  if (!reading.tokens.some((token) => token.kind === 'word' && token.name.startsWith('time_bucket'))) {
    throw new ToolError('INVALID_ARGUMENT', 'a continuous aggregate needs time_bucket in its GROUP BY', {
      hint: JSON.stringify({ query: example }),
    })
  }
  const end = reading.tokens.find((token) => token.kind === 'mark' && token.mark === ';')
  return end === undefined ? text : text.slice(0, end.at)
}

function policyCall(features: Features, view: Relation, args: ContinuousAggregateArguments, integer: boolean) {
  const { start_offset: start, end_offset: end, schedule_interval: every } = args
  if (start === undefined && end === undefined && every === undefined) return undefined
  for (const [name, value] of Object.entries({ start_offset: start, end_offset: end })) {
    if (value !== undefined && /^\d+$/.test(value.trim()) !== integer) {
      throw new ToolError(
        'INVALID_ARGUMENT',
        `"${name}" must be ${integer ? 'a number, as the time column counts' : 'a length of time, such as "3 days"'}`,
      )
    }
  }
  const cast = integer ? 'bigint' : 'interval'
  return {
    text: `SELECT ${features.fn('add_continuous_aggregate_policy')}($1::regclass, start_offset => $2::${cast}, end_offset => $3::${cast}, schedule_interval => $4::interval)`,
    values: [view.sql, start ?? null, end ?? (integer ? '0' : '1 hour'), every ?? '1 hour'],
  }
}

/** Fills the view within the time that is left; what takes longer is left to the policy's job. */
async function fill(
  { writer }: TimescaleBackend,
  features: Features,
  view: Relation,
  job: number | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ done: boolean; note?: string }> {
  try {
    await writer.alone(
      { timeoutMs: Math.round(timeoutMs), signal },
      `CALL ${features.fn('refresh_continuous_aggregate')}($1::regclass, NULL, NULL)`,
      [view.sql],
    )
    return { done: true }
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'TIMEOUT' || signal.aborted) throw error
    if (job === undefined) {
      return {
        done: false,
        note: `filling it takes longer than ${Math.round(timeoutMs / 1000)} s and was stopped; refresh it piece by piece with CALL refresh_continuous_aggregate('${view.sql}', from, to)`,
      }
    }
    await writer.transaction({ timeoutMs: 5_000, signal }, (transaction) =>
      transaction.row(`SELECT job_id FROM ${features.fn('alter_job')}($1::int, next_start => now())`, [String(job)]),
    )
    return {
      done: false,
      note: `filling it takes longer than ${Math.round(timeoutMs / 1000)} s; job ${job} goes on with it in the background, within its window`,
    }
  }
}
