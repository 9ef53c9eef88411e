// tsdb_show_chunks: the chunks of one hypertable by time, with their sizes.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { type Hypertable, resolveHypertable } from '../lib/relations.ts'

export interface ShowChunksArguments {
  hypertable: string
  older_than?: string | undefined
  newer_than?: string | undefined
  order: 'newest' | 'oldest'
  limit: number
}

export async function showChunks(backend: TimescaleBackend, args: ShowChunksArguments, context: Context) {
  const { engine } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const hypertable = await resolveHypertable(engine, args.hypertable, signal)
  const database = await engine.resolveDatabase(undefined, signal)
  const suffix = hypertable.integerTime ? '_integer' : ''
  const values: string[] = [hypertable.schema, hypertable.name]
  const bound = (text: string | undefined, column: string, comparison: string): string => {
    if (text === undefined) return ''
    values.push(text.trim())
    return ` AND c.${column}${suffix} ${comparison} ${boundExpression(text.trim(), hypertable, values.length)}`
  }
  const where = `c.hypertable_schema = $1 AND c.hypertable_name = $2${bound(args.older_than, 'range_end', '<=')}${bound(args.newer_than, 'range_start', '>=')}`
  const [[total = '0', compressed = '0'] = []] = await engine.catalogue(
    database,
    `SELECT count(*), count(*) FILTER (WHERE c.is_compressed) FROM timescaledb_information.chunks c WHERE ${where}`,
    values,
    signal,
  )
  const limitAt = values.push(String(args.limit))
  const sizesAt = values.push(hypertable.sql)
  const rows = await engine.catalogue(
    database,
    `SELECT c.chunk_schema, c.chunk_name, c.range_start${suffix}::text, c.range_end${suffix}::text, c.is_compressed, s.total_bytes
      FROM (SELECT * FROM timescaledb_information.chunks c WHERE ${where}
        ORDER BY c.range_start${suffix} ${args.order === 'newest' ? 'DESC' : 'ASC'} LIMIT $${limitAt}::int) c
      LEFT JOIN ${features.fn('chunks_detailed_size')}($${sizesAt}::regclass) s ON s.chunk_schema = c.chunk_schema AND s.chunk_name = c.chunk_name
      ORDER BY c.range_start${suffix} ${args.order === 'newest' ? 'DESC' : 'ASC'}, 2`,
    values,
    signal,
  )
  const chunks = rows.map(([schema, name, start, end, isCompressed, bytes]) => ({
    chunk: `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`,
    range_start: start ?? '',
    range_end: end ?? '',
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
  const next = more && args.limit < 500 ? { ...definedOnly(args), limit: Math.min(500, Number(total)) } : undefined
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

/** `7 days` counts back from now, `2026-10-01` is that time, and a number is one for columns that count. */
function boundExpression(text: string, { integerTime, timeColumn }: Hypertable, at: number): string {
  const isNumber = /^-?\d+$/.test(text)
  if (integerTime !== isNumber) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      integerTime
        ? `the time column ${quoteName(timeColumn)} counts, so the bound must be a number`
        : 'the bound must be a time or a length of time',
      { hint: integerTime ? '"older_than": "100000"' : '"older_than": "7 days", or "2026-10-01"' },
    )
  }
  if (integerTime) return `$${at}::bigint`
  return /^\d{4}-\d/.test(text) ? `$${at}::timestamptz` : `now() - $${at}::interval`
}

function definedOnly(args: ShowChunksArguments): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined))
}
