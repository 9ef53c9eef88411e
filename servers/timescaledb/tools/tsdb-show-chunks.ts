// tsdb_show_chunks: the chunks of one hypertable by time, with their sizes.
import { type Context, defineTool, type FromSchema, ToolError } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { resolveHypertable } from '../lib/relations.ts'
import type { Hypertable, TimescaleBackend } from '../types.ts'

const maxLimit = 500

const inputSchema = {
  type: 'object',
  properties: {
    hypertable: { type: 'string', maxLength: 140 },
    older_than: {
      type: 'string',

      description: 'Chunks that end before: "7 days" (ago) or "2026-10-01"',
    },
    newer_than: { type: 'string', description: 'Chunks that start after' },
    order: { enum: ['newest', 'oldest'], default: 'newest' },
    limit: { type: 'integer', minimum: 1, maximum: maxLimit, default: 50 },
  },
  required: ['hypertable'],
  additionalProperties: false,
} as const

type Arguments = FromSchema<typeof inputSchema>

export function tsdbShowChunks(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_show_chunks',
    title: 'List chunks',
    description: 'List the chunks of a hypertable with time range, size and whether compressed.',
    inputSchema,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    handler: (args, context) => showChunks(backend, args, context),
  })
}

async function showChunks(backend: TimescaleBackend, args: Arguments, context: Context) {
  const { signal } = context
  const features = await backend.features(signal)
  const hypertable = await resolveHypertable(backend.asker(signal), args.hypertable)
  const [start, end] = rangeColumns(hypertable)
  const values: string[] = [hypertable.schema, hypertable.name]
  const bound = (text: string | undefined, comparison: string): string => {
    if (text === undefined) return ''
    values.push(text.trim())
    return ` AND ${comparison} ${boundExpression(text.trim(), hypertable, values.length)}`
  }
  const where = `c.hypertable_schema = $1 AND c.hypertable_name = $2${bound(args.older_than, `${end} <=`)}${bound(args.newer_than, `${start} >=`)}`
  const count = `SELECT count(*), count(*) FILTER (WHERE c.is_compressed) FROM timescaledb_information.chunks c WHERE ${where}`
  const [[total = '0', compressed = '0'] = []] = await backend.catalogue(count, values, signal).catch((error: unknown) => {
    throw explainBound(error)
  })
  const direction = args.order === 'newest' ? 'DESC' : 'ASC'
  const rows = await backend.catalogue(
    `SELECT c.chunk_schema, c.chunk_name, c.range_from::text, c.range_to::text, c.is_compressed, s.total_bytes
      FROM (SELECT *, ${start} AS range_from, ${end} AS range_to FROM timescaledb_information.chunks c WHERE ${where}
        ORDER BY ${start} ${direction} LIMIT $${values.length + 1}::int) c
      LEFT JOIN ${features.fn('chunks_detailed_size')}($${values.length + 2}::regclass) s ON s.chunk_schema = c.chunk_schema AND s.chunk_name = c.chunk_name
      ORDER BY c.range_from ${direction}, 2`,
    [...values, String(args.limit), hypertable.sql],
    signal,
  )
  const chunks = rows.map(([schema, name, from, to, isCompressed, bytes]) => ({
    chunk: `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`,
    range_start: from ?? '',
    range_end: to ?? '',
    is_compressed: isCompressed === 't',
    bytes: bytes === null || bytes === undefined ? null : Number(bytes),
  }))
  const more = Number(total) > chunks.length
  const sum = chunks.reduce((bytes, chunk) => bytes + (chunk.bytes ?? 0), 0)
  const lines = chunks.map((chunk) =>
    [
      quoteCell(chunk.chunk),
      chunk.range_start,
      chunk.range_end,
      chunk.is_compressed ? 'compressed' : '-',
      chunk.bytes === null ? '-' : formatBytes(chunk.bytes),
    ].join('\t'),
  )
  const next = more && args.limit < maxLimit ? { ...args, limit: Math.min(maxLimit, Number(total)) } : undefined
  return report(context, {
    summary: `${total} chunk${total === '1' ? '' : 's'} of ${hypertable.sql}, ${compressed} compressed${more ? `; the ${chunks.length} ${args.order} shown` : ''}; ${formatBytes(sum)}${more ? ' in these' : ' in all'}`,
    ...(chunks.length === 0 ? {} : { untrusted: [['chunk', 'from', 'to', 'state', 'size'].join('\t'), ...lines].join('\n') }),
    notes: more && next === undefined ? ['narrow with older_than and newer_than to see the others'] : [],
    truncated: more,
    ...(next === undefined ? {} : { next }),
    rows: chunks.length,
    structured: { hypertable: hypertable.sql, chunks, total_chunks: Number(total), compressed_chunks: Number(compressed) },
  })
}

/** The range in the column's own type: the view shows a `timestamp` or `date` as if it were UTC, in the session's time zone. */
function rangeColumns({ integerTime, timeType }: Hypertable): [start: string, end: string] {
  if (integerTime) return ['c.range_start_integer', 'c.range_end_integer']
  if (timeType === 'timestamp with time zone') return ['c.range_start', 'c.range_end']
  return ["(c.range_start AT TIME ZONE 'UTC')", "(c.range_end AT TIME ZONE 'UTC')"]
}

/** `7 days`, `7 days ago` and `-7 days` count back from now, `2026-10-01` is that time, and a number is for integer columns. */
function boundExpression(bound: string, { integerTime, timeColumn, timeType }: Hypertable, at: number): string {
  const isNumber = /^-?\d+$/.test(bound)
  if (integerTime !== isNumber) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      integerTime
        ? `the time column ${quoteName(timeColumn)} is an integer, so the bound must be a number`
        : 'the bound must be a time or an interval',
      { hint: integerTime ? '"older_than": "100000"' : '"older_than": "7 days", or "2026-10-01"' },
    )
  }
  if (integerTime) return `$${at}::bigint`
  const local = timeType !== 'timestamp with time zone'
  if (/^\d{4}-\d/.test(bound)) return `$${at}::${local ? 'timestamp' : 'timestamptz'}`
  return `${local ? 'localtimestamp' : 'now()'} - greatest($${at}::interval, -$${at}::interval)`
}

/** SQLSTATE class 22 (data exception): PostgreSQL cannot read the text as a time or an interval. */
function explainBound(error: unknown): unknown {
  if (!(error instanceof ToolError) || !String(error.detail).startsWith('22')) return error
  return new ToolError('INVALID_ARGUMENT', `a bound is neither a time nor an interval: ${error.message}`, {
    hint: '"older_than": "7 days", or "2026-10-01"',
    cause: error,
  })
}
