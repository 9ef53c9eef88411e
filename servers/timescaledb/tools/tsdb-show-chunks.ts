// tsdb_show_chunks: the chunks of one hypertable by time, with their sizes.
import { defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { counted, formatBytes, report } from '../../kit/report.ts'
import { listed, size, totalSize } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { inTimeUnits, resolveHypertable } from '../lib/relations.ts'
import type { Hypertable } from '../types.ts'

const maxLimit = 500

export function tsdbShowChunks(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_show_chunks',
    title: 'List chunks',
    description: 'List the chunks of a hypertable with time range, size and whether compressed.',
    inputSchema: parameters(['hypertable'], {
      hypertable: { type: 'string', maxLength: 140 },
      older_than: { type: 'string', description: 'Chunks that end before: "7 days" (ago) or "2026-10-01"' },
      newer_than: { type: 'string', description: 'Chunks that start after' },
      order: { enum: ['newest', 'oldest'], default: 'newest' },
      limit: { type: 'integer', minimum: 1, maximum: maxLimit, default: 50 },
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    lookUp: 'tsdb_show_hypertables {}',
    async handler(args, context) {
      const { signal } = context
      const { fn } = await backend.features(signal)
      const hypertable = await resolveHypertable(backend.engine.asker(signal, { searchPath: 'role' }), args.hypertable)
      const [start, end] = rangeColumns(hypertable)
      const values: string[] = [hypertable.schema, hypertable.name]
      const bound = (argument: 'older_than' | 'newer_than', comparison: string): string => {
        const text = args[argument]
        if (text === undefined) return ''
        values.push(text.trim())
        return ` AND ${comparison} ${boundExpression(argument, text, hypertable, values.length)}`
      }
      const where = `c.hypertable_schema = $1 AND c.hypertable_name = $2${bound('older_than', `${end} <=`)}${bound('newer_than', `${start} >=`)}`
      const direction = args.order === 'newest' ? 'DESC' : 'ASC'
      const chunks = `
        SELECT format('%I.%I', c.chunk_schema, c.chunk_name) AS chunk, c.range_from::text AS range_start, c.range_to::text AS range_end, c.is_compressed,
          s.total_bytes AS size_bytes, c.total, c.compressed
        FROM (SELECT *, ${start} AS range_from, ${end} AS range_to, count(*) OVER () AS total, count(*) FILTER (WHERE c.is_compressed) OVER () AS compressed
          FROM timescaledb_information.chunks c WHERE ${where} ORDER BY ${start} ${direction} LIMIT $${values.length + 1}::int) c
        LEFT JOIN ${fn('chunks_detailed_size')}($${values.length + 2}::regclass) s ON s.chunk_schema = c.chunk_schema AND s.chunk_name = c.chunk_name
        ORDER BY c.range_from ${direction}, 1`
      const rows = await backend.engine.asker(signal)<Chunk>(chunks, [...values, String(args.limit), hypertable.sql])
      const { total = 0, compressed = 0 } = rows[0] ?? {}
      const more = total > rows.length
      const next = more && args.limit < maxLimit ? { ...args, limit: Math.min(maxLimit, total) } : undefined
      return report(context, {
        summary: `${counted(total, 'chunk')} of ${hypertable.sql}, ${compressed} compressed${more ? `; the ${rows.length} ${args.order} shown` : ''}; ${formatBytes(totalSize(rows))}${more ? ' in these' : ' in all'}`,
        ...listed(
          ['chunk', 'from', 'to', 'state', 'size'],
          rows.map(({ chunk, range_start, range_end, is_compressed, size_bytes }) => [
            ...[chunk, range_start, range_end, is_compressed ? 'compressed' : null, size(size_bytes)],
          ]),
        ),
        notes: more && next === undefined ? ['narrow with older_than and newer_than to see the others'] : [],
        truncated: more,
        next,
        rows: rows.length,
        structured: {
          hypertable: hypertable.sql,
          chunks: rows.map(({ size_bytes, total: _total, compressed: _compressed, ...chunk }) => ({
            ...chunk,
            bytes: size_bytes,
          })),
          total_chunks: total,
          compressed_chunks: compressed,
        },
      })
    },
  })
}

/** A chunk, and the counts of all that were asked for. */
interface Chunk {
  chunk: string
  range_start: string
  range_end: string
  is_compressed: boolean
  size_bytes: number | null
  total: number
  compressed: number
}

/** The range in the column's own type: the view shows a `timestamp` or `date` as if it were UTC, in the session's time zone. */
function rangeColumns({ integerTime, timeType }: Hypertable): [start: string, end: string] {
  if (integerTime) return ['c.range_start_integer', 'c.range_end_integer']
  if (timeType === 'timestamp with time zone') return ['c.range_start', 'c.range_end']
  return ["(c.range_start AT TIME ZONE 'UTC')", "(c.range_end AT TIME ZONE 'UTC')"]
}

/** `7 days`, `7 days ago` and `-7 days` count back from now, `2026-10-01` is that time, and a number is for integer columns. */
function boundExpression(argument: string, text: string, { integerTime, timeColumn, timeType }: Hypertable, at: number): string {
  const value = inTimeUnits(argument, text, integerTime, timeColumn, 'a time or an interval')
  if (integerTime) return `$${at}::bigint`
  const local = timeType !== 'timestamp with time zone'
  if (/^\d{4}-\d/.test(value)) return `$${at}::${local ? 'timestamp' : 'timestamptz'}`
  return `${local ? 'localtimestamp' : 'now()'} - greatest($${at}::interval, -$${at}::interval)`
}
