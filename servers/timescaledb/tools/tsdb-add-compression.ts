// tsdb_add_compression: enables compression (the columnstore) of a hypertable, and the policy that compresses its old chunks.
import { defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { quoteLiteral, quoteName } from '../../kit/sql/identifiers.ts'
import { visibleJson } from '../../kit/text.ts'
import type { TimescaleBackend } from '../backend.ts'
import { requireCommunity, requireLevel } from '../errors.ts'
import { findColumn, inTimeUnits, resolveHypertable } from '../lib/relations.ts'
import type { Transaction } from '../lib/writer.ts'
import type { Features, Hypertable } from '../types.ts'

const inputSchema = parameters(['hypertable'], {
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
})

type Arguments = FromSchema<typeof inputSchema>

const timeoutMs = 30_000

const settingsQuery = `
  SELECT segmentby AS segment_by, orderby AS order_by FROM timescaledb_information.hypertable_compression_settings WHERE hypertable = $1::regclass`

export function tsdbAddCompression(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_add_compression',
    title: 'Add compression',
    description: 'Enable compression (columnstore) of a hypertable and the policy that compresses old chunks.',
    inputSchema,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    lookUp: 'tsdb_show_hypertables {}',
    async handler(args, context) {
      requireLevel(backend.level, 'policy', 'tsdb_add_compression')
      const { engine, writer } = backend
      const { signal } = context
      const features = await backend.features(signal)
      requireCommunity(features, 'compression')
      const limits = { timeoutMs: engine.limitTimeout(timeoutMs), signal, dryRun: args.dry_run }
      const done = await writer.transaction(limits, (transaction) => enable(transaction, features, args))
      const { hypertable, settings, job, notices } = done
      const policy =
        job === undefined
          ? 'it had a compression policy already, which stays as it is'
          : `job ${job.job_id} compresses chunks older than ${args.compress_after}`
      return report(context, {
        summary: `${args.dry_run ? 'dry run, rolled back: ' : ''}${hypertable.sql} ${hypertable.compression ? 'has' : 'now has'} compression; ${policy}`,
        notes: [
          `segmented by ${settings.segment_by ?? 'what TimescaleDB chooses when it compresses'}; ordered by ${settings.order_by ?? 'what TimescaleDB chooses'}`,
          job !== undefined &&
            !args.dry_run &&
            'the job runs in the background; tsdb_compression_stats shows what it has done, and compresses nothing younger than compress_after',
          ...notices,
        ],
        structured: {
          hypertable: hypertable.sql,
          enabled: true,
          ...settings,
          job_id: job?.job_id ?? null,
          next_start: job?.next_start ?? null,
          committed: !args.dry_run,
        },
      })
    },
  })
}

async function enable(transaction: Transaction, { fn }: Features, args: Arguments) {
  const { ask } = transaction
  const hypertable = await resolveHypertable(ask, args.hypertable)
  requireIntegerNow(hypertable)
  const segmentBy = args.segment_by?.map((column) => quoteName(segmentColumn(hypertable, column))).join(', ')
  const orderBy = args.order_by === undefined ? undefined : orderColumns(hypertable, args.order_by)
  const after = inTimeUnits('compress_after', args.compress_after, hypertable.integerTime, hypertable.timeColumn)
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
  const [policy] = await ask<{ job_id: number }>(
    `SELECT ${fn('add_compression_policy')}($1::regclass, compress_after => $2::${cast}, if_not_exists => $3::boolean) AS job_id`,
    [hypertable.sql, after, String(args.if_not_exists)],
  )
  // None for -1: there is a policy already.
  const [job] = await ask<{ job_id: number; next_start: string | null }>(
    'SELECT job_id, next_start::text FROM timescaledb_information.jobs WHERE job_id = $1::int',
    [String(policy?.job_id)],
  )
  // As TimescaleDB has stored them, with its own choice for what was not given.
  const [settings] = await ask<{ segment_by: string | null; order_by: string | null }>(settingsQuery, [hypertable.sql])
  return { hypertable, settings: settings ?? { segment_by: null, order_by: null }, job, notices: transaction.notices }
}

/** The policy computes "older than" from the current value of an integer time column: without that function every run fails. */
export function requireIntegerNow({ integerTime, integerNow, sql, timeColumn, timeType }: Hypertable): void {
  if (!integerTime || integerNow !== null) return
  throw new ToolError(
    'INVALID_ARGUMENT',
    `the time column ${quoteName(timeColumn)} of ${sql} is an integer, and no function says what "now" is in its units, so that the policy could only fail`,
    {
      hint: `ask the operator for a STABLE function without arguments that returns ${timeType}, then call tsdb_execute with ${visibleJson({ command: `SELECT set_integer_now_func(${quoteLiteral(sql)}, 'that_function')` })}`,
    },
  )
}

function segmentColumn(hypertable: Hypertable, text: string): string {
  const { name } = findColumn(hypertable, text, (near) => ({ segment_by: [quoteName(near)] }))
  if (name !== hypertable.timeColumn) return name
  throw new ToolError(
    'INVALID_ARGUMENT',
    `${quoteName(name)} is the time column; rows are ordered by it and cannot be segmented by it`,
  )
}

/** `time DESC, device ASC NULLS LAST`, each column looked up and quoted anew. */
function orderColumns(hypertable: Hypertable, text: string): string {
  const parts = text.split(',').map((part) => {
    const match = /^\s*("(?:[^"]|"")+"|[^\s"]+)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i.exec(part)
    if (match === null) {
      throw new ToolError(
        'INVALID_ARGUMENT',
        `"order_by" must be columns with ASC or DESC, got ${visibleJson(part.slice(0, 80))}`,
        { retry: { order_by: `${quoteName(hypertable.timeColumn)} DESC` } },
      )
    }
    const [, column = '', direction, nulls] = match
    const { name } = findColumn(hypertable, column, (near) => ({ order_by: text.replace(column, quoteName(near)) }))
    return [quoteName(name), direction?.toUpperCase(), nulls === undefined ? undefined : `NULLS ${nulls.toUpperCase()}`]
      .filter((word) => word !== undefined)
      .join(' ')
  })
  return parts.join(', ')
}
