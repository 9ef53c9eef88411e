// tsdb_compression_stats: what compression has saved, and where it stands when it has saved nothing yet.
import type { Context } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/hints.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { resolveHypertable } from '../lib/relations.ts'
import { jobsQuery, type Policy, policiesByTable } from './tsdb-show-hypertables.ts'

const maxTables = 200

export async function compressionStats(backend: TimescaleBackend, args: { hypertable?: string | undefined }, context: Context) {
  const { engine } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const database = await engine.resolveDatabase(undefined, signal)
  const one = args.hypertable === undefined ? undefined : await resolveHypertable(engine, args.hypertable, signal)
  // The columnstore name since 2.18; the older one is an alias of it ever since.
  const stats = features.fn(
    features.has('hypertable_compression_stats') ? 'hypertable_compression_stats' : 'hypertable_columnstore_stats',
  )
  const rows = await engine.catalogue(
    database,
    `SELECT h.hypertable_schema, h.hypertable_name, h.compression_enabled, h.num_chunks, s.number_compressed_chunks,
        s.before_compression_total_bytes, s.after_compression_total_bytes
      FROM timescaledb_information.hypertables h
      LEFT JOIN LATERAL ${stats}(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) s ON h.compression_enabled
      WHERE $1 = '' OR (h.hypertable_schema = $1 AND h.hypertable_name = $2)
      ORDER BY s.before_compression_total_bytes DESC NULLS LAST, 1, 2 LIMIT ${maxTables + 1}`,
    [one?.schema ?? '', one?.name ?? ''],
    signal,
  )
  const policies = policiesByTable(await engine.catalogue(database, jobsQuery, [], signal))
  const tables = rows.slice(0, maxTables).map(([schema, name, enabled, total, compressed, before, after]) => {
    const hypertable = `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`
    const policy = policies.get(hypertable)?.find(({ policy }) => policy === 'compression')
    const table = {
      hypertable,
      enabled: enabled === 't',
      total_chunks: Number(total),
      compressed_chunks: Number(compressed ?? 0),
      before_bytes: Number(before ?? 0),
      after_bytes: Number(after ?? 0),
      ratio: Number(after ?? 0) > 0 ? Math.round((Number(before) / Number(after)) * 10) / 10 : null,
      saved_percent: Number(before ?? 0) > 0 ? Math.round((1 - Number(after) / Number(before)) * 1_000) / 10 : null,
      policy_job: policy?.job_id ?? null,
    }
    return { ...table, state: stateOf(table, policy) }
  })
  const lines = tables.map((table) =>
    [
      quoteCell(table.hypertable),
      `${table.compressed_chunks} of ${table.total_chunks}`,
      table.before_bytes === 0 ? '-' : formatBytes(table.before_bytes),
      table.after_bytes === 0 ? '-' : formatBytes(table.after_bytes),
      table.ratio === null ? '-' : `${table.ratio}x (saves ${table.saved_percent} %)`,
      table.state,
    ].join('\t'),
  )
  const before = tables.reduce((sum, table) => sum + table.before_bytes, 0)
  const after = tables.reduce((sum, table) => sum + table.after_bytes, 0)
  const sum =
    before === 0
      ? 'nothing is compressed yet'
      : `${formatBytes(before)} became ${formatBytes(after)}, ${(before / after).toFixed(1)} times smaller`
  const [only] = tables
  return report(context, {
    summary:
      one !== undefined && only !== undefined
        ? `${only.hypertable}: ${only.state}${before === 0 ? '' : `; ${sum}`}`
        : `${tables.length} hypertables; ${sum}`,
    ...(lines.length === 0
      ? {}
      : {
          untrusted: [['hypertable', 'compressed chunks', 'before', 'after', 'ratio', 'state'].join('\t'), ...lines].join('\n'),
        }),
    notes: features.license === 'apache' ? ['this is the Apache edition of TimescaleDB, which cannot compress'] : [],
    truncated: rows.length > maxTables,
    rows: tables.length,
    structured: { hypertables: tables, before_bytes: before, after_bytes: after },
  })
}

/** "The policy is there but nothing is compressed" is what people ask about: say what it waits for. */
function stateOf(table: { enabled: boolean; compressed_chunks: number }, policy: Policy | undefined): string {
  if (!table.enabled) return 'not enabled (tsdb_add_compression enables it)'
  const job =
    policy === undefined
      ? 'no policy: chunks are only compressed by hand'
      : `job ${policy.job_id} compresses chunks older than ${String(policy.config.compress_after ?? '?')}, ${policy.next_start === null || policy.next_start === '-infinity' ? 'not scheduled yet' : `next at ${policy.next_start}`}${policy.last_status === null ? '' : `, last run ${policy.last_status}`}`
  return table.compressed_chunks === 0 ? `enabled, 0 compressed; ${job}` : `enabled; ${job}`
}
