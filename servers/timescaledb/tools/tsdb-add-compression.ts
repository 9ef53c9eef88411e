// tsdb_add_compression: compression (the columnstore) for a hypertable, and the policy that compresses what has grown old.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import type { TimescaleBackend } from '../backend.ts'
import { type Features, requireCommunity } from '../lib/features.ts'
import { columnsOf, findColumn, type Hypertable, quoteLiteral, resolveHypertable } from '../lib/relations.ts'
import { requireLevel } from '../lib/statement-class.ts'
import type { Transaction } from '../lib/writer.ts'

export interface AddCompressionArguments {
  hypertable: string
  compress_after: string
  segment_by?: string[] | undefined
  order_by?: string | undefined
  if_not_exists: boolean
  dry_run: boolean
}

interface Settings {
  readonly segmentBy: string | undefined
  readonly orderBy: string | undefined
}

const timeoutMs = 30_000

// Columns with few values, each of many rows: what segments are made of. Known after ANALYZE.
const suggestQuery = `
  SELECT s.attname, s.n_distinct::int FROM pg_stats s JOIN pg_attribute a ON a.attrelid = to_regclass($1) AND a.attname = s.attname
  WHERE s.schemaname = $2 AND s.tablename = $3 AND s.n_distinct BETWEEN 2 AND 10000 AND s.attname <> $4
    AND a.atttypid = ANY ('{int2,int4,int8,text,varchar,bpchar,uuid,name}'::regtype[]) ORDER BY s.inherited DESC, s.n_distinct DESC LIMIT 3`

export async function addCompression(backend: TimescaleBackend, args: AddCompressionArguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_add_compression')
  const { engine, writer } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const hypertable = await resolveHypertable(engine, args.hypertable, signal)
  requireCommunity(features, 'compression')
  const columns = await columnsOf(engine, hypertable, signal)
  const settings: Settings = {
    segmentBy: args.segment_by?.map((column) => quoteName(segmentColumn(columns, column, hypertable))).join(', '),
    orderBy: args.order_by === undefined ? undefined : orderColumns(columns, args.order_by, hypertable),
  }
  const after = checkAfter(args.compress_after, hypertable)
  const done = await writer.transaction(
    { timeoutMs: engine.limitTimeout(timeoutMs), signal },
    (transaction) => enable(transaction, features, hypertable, settings, after, args.if_not_exists),
    () => !args.dry_run,
  )
  const database = await engine.resolveDatabase(undefined, signal)
  const suggestions =
    args.segment_by !== undefined || hypertable.compression
      ? []
      : await engine.catalogue(
          database,
          suggestQuery,
          [hypertable.sql, hypertable.schema, hypertable.name, hypertable.timeColumn],
          signal,
        )
  const existed = done.job === undefined
  return report(context, {
    summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}${hypertable.sql} ${hypertable.compression ? 'has' : 'now has'} compression; ${
      existed
        ? 'it had a compression policy already, which stays as it is'
        : `job ${done.job} compresses chunks older than ${args.compress_after}`
    }`,
    notes: [
      ...(settings.segmentBy === undefined ? [] : [`segmented by ${settings.segmentBy === '' ? 'nothing' : settings.segmentBy}`]),
      ...(settings.orderBy === undefined ? [] : [`ordered by ${settings.orderBy}`]),
      ...suggestions.map(
        ([name, count]) =>
          `segment_by was not given; ${quoteName(name ?? '')} (about ${count} values) may suit, if queries filter by it`,
      ),
      ...(existed || args.dry_run
        ? []
        : [
            'the job runs in the background; tsdb_compression_stats shows what it has done, and compresses nothing younger than compress_after',
          ]),
      ...done.notices,
    ],
    structured: {
      hypertable: hypertable.sql,
      enabled: true,
      segment_by: settings.segmentBy ?? null,
      order_by: settings.orderBy ?? null,
      job_id: done.job ?? null,
      next_start: done.nextStart,
      committed: !args.dry_run,
    },
  })
}

async function enable(
  transaction: Transaction,
  features: Features,
  hypertable: Hypertable,
  { segmentBy, orderBy }: Settings,
  after: string,
  ifNotExists: boolean,
) {
  if (!hypertable.compression || segmentBy !== undefined || orderBy !== undefined) {
    // These names work in every version up to now; the columnstore ones of 2.18 and later mean the same.
    const options = [
      'timescaledb.compress',
      ...(segmentBy === undefined ? [] : [`timescaledb.compress_segmentby = ${quoteLiteral(segmentBy)}`]),
      ...(orderBy === undefined ? [] : [`timescaledb.compress_orderby = ${quoteLiteral(orderBy)}`]),
    ]
    await transaction.run(`ALTER TABLE ${hypertable.sql} SET (${options.join(', ')})`)
  }
  const cast = hypertable.integerTime ? hypertable.timeType : 'interval'
  const values = [hypertable.sql, after, String(ifNotExists)]
  let job: string | null | undefined
  if (features.has('add_compression_policy')) {
    const call = `SELECT ${features.fn('add_compression_policy')}($1::regclass, compress_after => $2::${cast}, if_not_exists => $3::boolean)`
    ;[job] = await transaction.row(call, values)
  } else {
    await transaction.run(
      `CALL ${features.fn('add_columnstore_policy')}($1::regclass, after => $2::${cast}, if_not_exists => $3::boolean)`,
      values,
    )
    const own = `SELECT max(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression' AND hypertable_schema = $1 AND hypertable_name = $2`
    ;[job] = await transaction.row(own, [hypertable.schema, hypertable.name])
  }
  const made = job !== null && job !== undefined && Number(job) >= 0 // -1: there is one already
  const [nextStart] = made
    ? await transaction.row('SELECT next_start::text FROM timescaledb_information.jobs WHERE job_id = $1::int', [job ?? null])
    : [null]
  return {
    job: made ? Number(job) : undefined,
    nextStart: nextStart ?? null,
    notices: transaction.notices.map(({ severity, message }) => `${severity}: ${message}`),
  }
}

function segmentColumn(columns: readonly { name: string; type: string }[], text: string, hypertable: Hypertable): string {
  const { name } = findColumn(columns, text, hypertable)
  if (name !== hypertable.timeColumn) return name
  throw new ToolError(
    'INVALID_ARGUMENT',
    `${quoteName(name)} is the time column; rows are ordered by it and cannot be segmented by it`,
  )
}

/** `time DESC, device ASC NULLS LAST`, each column looked up and quoted anew. */
function orderColumns(columns: readonly { name: string; type: string }[], text: string, hypertable: Hypertable): string {
  const parts = text.split(',').map((part) => {
    const match = /^\s*("(?:[^"]|"")+"|[^\s"]+)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i.exec(part)
    if (match === null) {
      throw new ToolError(
        'INVALID_ARGUMENT',
        `"order_by" must be columns with ASC or DESC, got ${JSON.stringify(part.slice(0, 80))}`,
        {
          hint: JSON.stringify({ order_by: `${quoteName(hypertable.timeColumn)} DESC` }),
        },
      )
    }
    const [, column = '', direction, nulls] = match
    const { name } = findColumn(columns, column, hypertable)
    return [quoteName(name), direction?.toUpperCase(), nulls === undefined ? undefined : `NULLS ${nulls.toUpperCase()}`]
      .filter((word) => word !== undefined)
      .join(' ')
  })
  return parts.join(', ')
}

function checkAfter(text: string, { integerTime, timeColumn }: Hypertable): string {
  const isNumber = /^\d+$/.test(text.trim())
  if (isNumber === integerTime) return text.trim()
  throw new ToolError(
    'INVALID_ARGUMENT',
    integerTime
      ? `the time column ${quoteName(timeColumn)} counts, so compress_after must be a number`
      : 'compress_after must be a length of time',
    { hint: JSON.stringify({ compress_after: integerTime ? '1000000' : '7 days' }) },
  )
}
