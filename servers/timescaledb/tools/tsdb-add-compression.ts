// tsdb_add_compression: enables compression (the columnstore) of a hypertable, and the policy that compresses its old chunks.
import { type Context, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { visibleJson } from '../../kit/text.ts'
import { requireCommunity, requireLevel } from '../errors.ts'
import { columnsOf, findColumn, quoteLiteral, resolveHypertable } from '../lib/relations.ts'
import type { Column, Features, Hypertable, TimescaleBackend, Transaction } from '../types.ts'

const inputSchema = {
  type: 'object',
  properties: {
    hypertable: { type: 'string', maxLength: 140 },
    compress_after: { type: 'string', default: '7 days' },
    segment_by: {
      type: 'array',
      maxItems: 10,
      items: { type: 'string' },
      description: 'Columns queries filter by; default: TimescaleDB chooses',
    },
    order_by: { type: 'string', examples: ['time DESC'] },
    if_not_exists: { type: 'boolean', default: true },
    dry_run: { type: 'boolean', default: false, description: 'Try and roll back' },
  },
  required: ['hypertable'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

interface Settings {
  readonly segmentBy: string | undefined
  readonly orderBy: string | undefined
}

const timeoutMs = 30_000

// Columns with few values, each of many rows: what segments are made of. Known after ANALYZE.
const suggestQuery = `
  SELECT s.attname, s.n_distinct::int FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass($1) AND a.attname = s.attname
  WHERE s.schemaname = $2 AND s.tablename = $3 AND s.n_distinct BETWEEN 2 AND 10000 AND s.attname <> $4
    AND a.atttypid = ANY ('{int2,int4,int8,text,varchar,bpchar,uuid,name}'::regtype[]) ORDER BY s.inherited DESC, s.n_distinct DESC LIMIT 3`

export function tsdbAddCompression(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_add_compression',
    title: 'Add compression',
    description: 'Enable compression (columnstore) of a hypertable and the policy that compresses old chunks.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    handler: (args, context) => addCompression(backend, args, context),
  })
}

async function addCompression(backend: TimescaleBackend, args: Arguments, context: Context) {
  requireLevel(backend.level, 'policy', 'tsdb_add_compression')
  const { engine, writer } = backend
  const { signal } = context
  const features = await backend.features(signal)
  requireCommunity(features, 'compression')
  const done = await writer.transaction(
    { timeoutMs: engine.limitTimeout(timeoutMs), signal },
    (transaction) => enable(transaction, features, args),
    () => !args.dry_run,
  )
  const { hypertable, settings } = done
  const existed = done.job === undefined
  return report(context, {
    summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}${hypertable.sql} ${hypertable.compression ? 'has' : 'now has'} compression; ${
      existed
        ? 'it had a compression policy already, which stays as it is'
        : `job ${done.job} compresses chunks older than ${args.compress_after}`
    }`,
    notes: [
      `segmented by ${settings.segmentBy ?? 'what TimescaleDB chooses when it compresses'}; ordered by ${settings.orderBy ?? 'what TimescaleDB chooses'}`,
      ...done.suggestions.map(
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

async function enable(transaction: Transaction, features: Features, args: Arguments) {
  const { ask } = transaction
  const hypertable = await resolveHypertable(ask, args.hypertable)
  requireIntegerNow(hypertable)
  const columns = await columnsOf(ask, hypertable)
  const segmentBy = args.segment_by?.map((column) => quoteName(segmentColumn(columns, column, hypertable))).join(', ')
  const orderBy = args.order_by === undefined ? undefined : orderColumns(columns, args.order_by, hypertable)
  const after = checkAfter(args.compress_after, hypertable)
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
  const values = [hypertable.sql, after, String(args.if_not_exists)]
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
  const settings = await readSettings(transaction, features, hypertable, { segmentBy, orderBy })
  const suggestions =
    settings.segmentBy !== undefined || hypertable.compression
      ? []
      : await ask(suggestQuery, [hypertable.sql, hypertable.schema, hypertable.name, hypertable.timeColumn])
  return {
    hypertable,
    settings,
    suggestions,
    job: made ? Number(job) : undefined,
    nextStart: nextStart ?? null,
    notices: transaction.notices,
  }
}

/** As TimescaleDB has stored them, with its own choice for what was not given; as given where it has no view for them (before 2.14). */
async function readSettings(
  transaction: Transaction,
  features: Features,
  { sql }: Hypertable,
  given: Settings,
): Promise<Settings> {
  if (!features.hasColumn('hypertable_compression_settings', 'segmentby')) return given
  const [segmentBy, orderBy] = await transaction.row(
    'SELECT segmentby, orderby FROM timescaledb_information.hypertable_compression_settings WHERE hypertable = $1::regclass',
    [sql],
  )
  return { segmentBy: segmentBy ?? undefined, orderBy: orderBy ?? undefined }
}

/** The policy computes "older than" from the current value of an integer time column: without that function every run fails. */
export function requireIntegerNow({ integerTime, integerNow, sql, timeColumn, timeType }: Hypertable): void {
  if (!integerTime || integerNow !== undefined) return
  throw new ToolError(
    'INVALID_ARGUMENT',
    `the time column ${quoteName(timeColumn)} of ${sql} is an integer, and no function says what "now" is in its units, so that the policy could only fail`,
    {
      hint: `ask the operator for a STABLE function without arguments that returns ${timeType}, then call tsdb_execute with ${visibleJson({ command: `SELECT set_integer_now_func(${quoteLiteral(sql)}, 'that_function')` })}`,
    },
  )
}

function segmentColumn(columns: readonly Column[], text: string, hypertable: Hypertable): string {
  const { name } = findColumn(columns, text, hypertable)
  if (name !== hypertable.timeColumn) return name
  throw new ToolError(
    'INVALID_ARGUMENT',
    `${quoteName(name)} is the time column; rows are ordered by it and cannot be segmented by it`,
  )
}

/** `time DESC, device ASC NULLS LAST`, each column looked up and quoted anew. */
function orderColumns(columns: readonly Column[], text: string, hypertable: Hypertable): string {
  const parts = text.split(',').map((part) => {
    const match = /^\s*("(?:[^"]|"")+"|[^\s"]+)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i.exec(part)
    if (match === null) {
      throw new ToolError(
        'INVALID_ARGUMENT',
        `"order_by" must be columns with ASC or DESC, got ${visibleJson(part.slice(0, 80))}`,
        {
          hint: visibleJson({ order_by: `${quoteName(hypertable.timeColumn)} DESC` }),
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
      ? `the time column ${quoteName(timeColumn)} is an integer, so compress_after must be a number`
      : 'compress_after must be an interval',
    { hint: visibleJson({ compress_after: integerTime ? '1000000' : '7 days' }) },
  )
}
