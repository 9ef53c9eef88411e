// tsdb_show_hypertables: each hypertable with its chunks, size, compression and policies.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { readCursor, writeCursor } from '../../kit/cursor.ts'
import { formatBytes, report } from '../../kit/report.ts'
import type { Row } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import type { Features } from '../lib/features.ts'

export interface ShowHypertablesArguments {
  schema?: string | undefined
  limit: number
  cursor?: string | undefined
}

// Sizes are approximate where that function exists (2.14): the exact one opens every chunk.
const hypertablesQuery = (features: Features, sized: boolean): string => `
  SELECT h.hypertable_schema, h.hypertable_name, d.column_name, d.column_type::text, coalesce(d.time_interval::text, d.integer_interval::text),
    h.num_chunks, ${sized ? `${features.fn(features.has('hypertable_approximate_size') ? 'hypertable_approximate_size' : 'hypertable_size')}(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass)` : 'NULL'},
    h.compression_enabled, h.num_dimensions
  FROM timescaledb_information.hypertables h
  LEFT JOIN timescaledb_information.dimensions d ON d.hypertable_schema = h.hypertable_schema AND d.hypertable_name = h.hypertable_name AND d.dimension_number = 1
  WHERE ($1 = '' OR h.hypertable_schema = $1) AND (h.hypertable_schema, h.hypertable_name) > ($2::name, $3::name)
  ORDER BY 1, 2 LIMIT $4::int`

export const jobsQuery = `
  SELECT j.hypertable_schema, j.hypertable_name, j.job_id, j.proc_name, j.schedule_interval::text, j.config::text,
    coalesce(s.next_start, j.next_start)::timestamptz(0)::text, s.last_run_status, s.last_run_started_at::timestamptz(0)::text, s.total_failures
  FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id
  WHERE j.hypertable_name IS NOT NULL AND j.proc_name LIKE 'policy\\_%' ORDER BY j.job_id`

const policyNames: Readonly<Record<string, string>> = {
  policy_compression: 'compression',
  policy_retention: 'retention',
  policy_refresh_continuous_aggregate: 'refresh',
  policy_reorder: 'reorder',
}

export interface Policy {
  job_id: number
  policy: string
  every: string | null
  config: Record<string, unknown>
  next_start: string | null
  last_status: string | null
  last_start: string | null
}

export async function showHypertables(
  backend: TimescaleBackend,
  maxResultChars: number,
  args: ShowHypertablesArguments,
  context: Context,
) {
  const { engine } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const database = await engine.resolveDatabase(undefined, signal)
  const [afterSchema = '', afterName = ''] = readCursor(args.cursor)
  const values = [args.schema ?? '', afterSchema, afterName, String(args.limit + 1)]
  let sized = true
  const rows = await engine.catalogue(database, hypertablesQuery(features, true), values, signal).catch((error: unknown) => {
    // A chunk that is being altered, or that the role may not see, must not make the whole list fail.
    if (!(error instanceof ToolError) || !/55P03|57014|42501/.test(error.message)) throw error
    sized = false
    return engine.catalogue(database, hypertablesQuery(features, false), values, signal)
  })
  const policies = policiesByTable(await engine.catalogue(database, jobsQuery, [], signal))
  const tables = rows.slice(0, args.limit).map((row) => toHypertable(row, policies))
  const lines = [['hypertable', 'time column', 'chunk interval', 'chunks', 'size', 'compression', 'policies'].join('\t')]
  let chars = 0
  for (const table of tables) {
    const line = describe(table)
    if (lines.length > 1 && chars + line.length > maxResultChars - 1_500) break
    lines.push(line.slice(0, maxResultChars - 1_500))
    chars += line.length + 1
  }
  const shown = lines.length - 1
  const last = tables[shown - 1]
  const more = shown < rows.length && last !== undefined
  const nothing = rows.length === 0 && args.cursor === undefined
  return report(context, {
    summary: `${shown} hypertable${shown === 1 ? '' : 's'}${more ? ' (of more)' : ''}${args.schema === undefined ? '' : ` in schema ${quoteName(args.schema)}`}`,
    ...(nothing ? {} : { untrusted: lines.join('\n') }),
    notes: [
      ...(nothing ? ['tsdb_create_hypertable makes one of an ordinary table'] : []),
      ...(sized ? [] : ['sizes are left out, because one of the chunks is locked or not readable']),
    ],
    ...(more
      ? {
          next: {
            ...(args.schema === undefined ? {} : { schema: args.schema }),
            limit: args.limit,
            cursor: writeCursor(last.schema, last.name),
          },
        }
      : {}),
    rows: shown,
    structured: { hypertables: tables.slice(0, shown) },
  })
}

export function policiesByTable(rows: readonly Row[]): Map<string, Policy[]> {
  const found = new Map<string, Policy[]>()
  for (const [schema, name, job, proc, every, config, nextStart, status, lastStart] of rows) {
    const key = `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`
    const policy: Policy = {
      job_id: Number(job),
      policy: policyNames[proc ?? ''] ?? proc ?? '',
      every: every ?? null,
      config: parseConfig(config ?? null),
      next_start: nextStart ?? null,
      last_status: status ?? null,
      last_start: lastStart ?? null,
    }
    found.set(key, [...(found.get(key) ?? []), policy])
  }
  return found
}

export function describePolicy({ job_id, policy, config, next_start, last_status }: Policy): string {
  const after = config.compress_after ?? config.drop_after ?? config.compress_created_before
  const next = next_start === null || next_start === '-infinity' ? 'not scheduled yet' : `next ${next_start}`
  return `${policy}${after === undefined ? '' : ` after ${String(after)}`} (job ${job_id}, ${next}, ${last_status === null ? 'never ran' : `last ${last_status}`})`
}

function toHypertable(
  [schema, name, column, type, interval, chunks, bytes, compression, dimensions]: Row,
  policies: Map<string, Policy[]>,
) {
  return {
    schema: schema ?? '',
    name: name ?? '',
    time_column: column ?? '',
    time_type: type ?? '',
    chunk_interval: interval ?? null,
    num_chunks: Number(chunks),
    size_bytes: bytes === null || bytes === undefined ? null : Number(bytes),
    compression_enabled: compression === 't',
    dimensions: Number(dimensions),
    policies: policies.get(`${quoteName(schema ?? '')}.${quoteName(name ?? '')}`) ?? [],
  }
}

function describe(table: ReturnType<typeof toHypertable>): string {
  return [
    quoteCell(`${quoteName(table.schema)}.${quoteName(table.name)}`),
    `${quoteName(table.time_column)} ${table.time_type}${table.dimensions > 1 ? ` (+${table.dimensions - 1} more)` : ''}`,
    table.chunk_interval ?? '-',
    table.num_chunks,
    table.size_bytes === null ? '-' : formatBytes(table.size_bytes),
    table.compression_enabled ? 'on' : 'off',
    table.policies.length === 0 ? 'none' : table.policies.map(describePolicy).join('; '),
  ].join('\t')
}

function parseConfig(text: string | null): Record<string, unknown> {
  try {
    return text === null ? {} : (JSON.parse(text) as Record<string, unknown>)
  } catch {
    return {} // a configuration of a job that is none of TimescaleDB's policies
  }
}
