// tsdb_continuous_aggregate: creates a materialised view that TimescaleDB keeps up to date, adds its refresh policy, and fills it.
import { type Context, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { bareStatement, readStatement, requireOne } from '../../kit/sql/statement-filter.ts'
import { visibleJson } from '../../kit/text.ts'
import { requireCommunity, requireLevel } from '../errors.ts'
import { newName } from '../lib/relations.ts'
import { namesIn, volatileFunctions } from '../lib/statement-class.ts'
import type { Features, Relation, TimescaleBackend } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
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
  },
  required: ['view_name', 'query'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

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
    handler: (args, context) => continuousAggregate(backend, args, context),
  })
}

async function continuousAggregate(backend: TimescaleBackend, args: Arguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_continuous_aggregate')
  const { engine, writer } = backend
  const { signal } = context
  const started = performance.now()
  const features = await backend.features(signal)
  requireCommunity(features, 'a continuous aggregate')
  const view = await newName(backend.asker(signal), args.view_name)
  const query = await checkQuery(args.query, backend, signal)
  // Only what PostgreSQL accepts as one reading statement, in a READ ONLY transaction and by the extended protocol, becomes part of the DDL.
  await engine.query({ text: `EXPLAIN ${query}`, maxRows: 1, timeoutMs: explainMs, signal })
  const there = await backend.catalogue(
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
  // WITH DATA would fill the view inside CREATE, which cannot run in a transaction: a refresh follows after the commit instead.
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
        notices: transaction.notices,
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
      ...made.notices,
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

/** @returns the query without its final semicolon @throws ToolError for what cannot be a continuous aggregate */
async function checkQuery(written: string, { catalogue }: TimescaleBackend, signal: AbortSignal): Promise<string> {
  const text = bareStatement(written)
  const reading = readStatement(text)
  requireOne(reading)
  if (reading.keyword !== 'select' && reading.keyword !== 'with') {
    throw new ToolError('INVALID_ARGUMENT', '"query" must be one SELECT with time_bucket', {
      hint: visibleJson({ query: example }),
    })
  }
  if (!reading.tokens.some((token) => token.kind === 'word' && token.name.startsWith('time_bucket'))) {
    throw new ToolError('INVALID_ARGUMENT', 'a continuous aggregate needs time_bucket in its GROUP BY', {
      hint: visibleJson({ query: example }),
    })
  }
  const [called] = await volatileFunctions(namesIn(reading.tokens, text), (sql, values) => catalogue(sql, values, signal))
  if (called !== undefined) {
    throw new ToolError('INVALID_ARGUMENT', `a continuous aggregate cannot call the volatile function ${called.name}`)
  }
  const end = reading.tokens.find((token) => token.kind === 'mark' && token.mark === ';')
  return end === undefined ? text : text.slice(0, end.at)
}

function policyCall(features: Features, view: Relation, args: Arguments, integer: boolean) {
  const { start_offset: start, end_offset: end, schedule_interval: every } = args
  if (start === undefined && end === undefined && every === undefined) return undefined
  for (const [name, value] of Object.entries({ start_offset: start, end_offset: end })) {
    if (value !== undefined && /^\d+$/.test(value.trim()) !== integer) {
      throw new ToolError(
        'INVALID_ARGUMENT',
        `"${name}" must be ${integer ? 'a number, as the time column is an integer' : 'an interval, such as "3 days"'}`,
      )
    }
  }
  const cast = integer ? 'bigint' : 'interval'
  return {
    text: `SELECT ${features.fn('add_continuous_aggregate_policy')}($1::regclass, start_offset => $2::${cast}, end_offset => $3::${cast}, schedule_interval => $4::interval)`,
    values: [view.sql, start ?? null, end ?? (integer ? '0' : '1 hour'), every ?? '1 hour'],
  }
}

/** Fills the view within the time that is left; the policy's job continues what takes longer. */
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
      note: `filling it takes longer than ${Math.round(timeoutMs / 1000)} s; job ${job} continues in the background, within its window`,
    }
  }
}
