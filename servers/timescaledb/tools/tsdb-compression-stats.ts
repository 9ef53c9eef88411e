// tsdb_compression_stats: what compression has saved, and what it waits for when it has saved nothing yet.
import { type Context, defineTool } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { describePolicy, readPolicies } from '../lib/policies.ts'
import { resolveHypertable } from '../lib/relations.ts'
import type { Policy, TimescaleBackend } from '../types.ts'

const maxTables = 200

export function tsdbCompressionStats(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_compression_stats',
    title: 'Compression statistics',
    description:
      'For one or all hypertables: whether compression is on, compressed of all chunks, bytes before and after, and what the policy waits for.',
    inputSchema: {
      type: 'object',
      properties: { hypertable: { type: 'string', maxLength: 140 } },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    handler: (args, context) => compressionStats(backend, args.hypertable, context),
  })
}

async function compressionStats(backend: TimescaleBackend, hypertable: string | undefined, context: Context) {
  const { signal } = context
  const features = await backend.features(signal)
  const one = hypertable === undefined ? undefined : await resolveHypertable(backend.asker(signal), hypertable)
  // The columnstore name exists since 2.18; the older one is an alias of it ever since.
  const stats = features.fn(
    features.has('hypertable_compression_stats') ? 'hypertable_compression_stats' : 'hypertable_columnstore_stats',
  )
  const rows = await backend.catalogue(
    `SELECT h.hypertable_schema, h.hypertable_name, h.compression_enabled, h.num_chunks, s.number_compressed_chunks,
        s.before_compression_total_bytes, s.after_compression_total_bytes
      FROM timescaledb_information.hypertables h
      LEFT JOIN LATERAL ${stats}(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) s ON h.compression_enabled
      WHERE $1 = '' OR (h.hypertable_schema = $1 AND h.hypertable_name = $2)
      ORDER BY s.before_compression_total_bytes DESC NULLS LAST, 1, 2 LIMIT ${maxTables + 1}`,
    [one?.schema ?? '', one?.name ?? ''],
    signal,
  )
  const policies = await readPolicies(backend, signal)
  const apache = features.license === 'apache'
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
      last_error: policy?.last_error ?? null,
    }
    return { ...table, state: stateOf(table, policy, apache) }
  })
  const lines = tables.map((table) =>
    [
      quoteCell(table.hypertable),
      `${table.compressed_chunks} of ${table.total_chunks}`,
      table.before_bytes === 0 ? '-' : formatBytes(table.before_bytes),
      table.after_bytes === 0 ? '-' : formatBytes(table.after_bytes),
      table.ratio === null ? '-' : `${table.ratio}x (saves ${table.saved_percent} %)`,
      quoteCell(table.state),
    ].join('\t'),
  )
  const [before, after, chunks, compressed] = (['before_bytes', 'after_bytes', 'total_chunks', 'compressed_chunks'] as const).map(
    (field) => tables.reduce((sum, table) => sum + table[field], 0),
  ) as [number, number, number, number]
  const sum =
    before === 0
      ? 'nothing is compressed yet'
      : `${formatBytes(before)} became ${formatBytes(after)}, ${(before / after).toFixed(1)} times smaller`
  const [only] = tables
  return report(context, {
    summary:
      one !== undefined && only !== undefined
        ? `${only.hypertable}: ${only.enabled ? 'enabled' : 'not enabled'}, ${compressed} of ${chunks} chunks compressed; ${sum}`
        : `hypertables: ${tables.length}; ${compressed} of ${chunks} chunks compressed; ${sum}`,
    ...(lines.length === 0
      ? {}
      : {
          untrusted: [['hypertable', 'compressed chunks', 'before', 'after', 'ratio', 'state'].join('\t'), ...lines].join('\n'),
        }),
    notes: apache ? ['this is the Apache edition of TimescaleDB, which cannot compress'] : [],
    truncated: rows.length > maxTables,
    rows: tables.length,
    structured: { hypertables: tables, before_bytes: before, after_bytes: after },
  })
}

/** "The policy exists but nothing is compressed" is the usual question: the answer is when it runs, and why it failed. */
function stateOf(table: { enabled: boolean }, policy: Policy | undefined, apache: boolean): string {
  if (!table.enabled) return apache ? 'not enabled' : 'not enabled (tsdb_add_compression enables it)'
  return policy === undefined
    ? 'enabled, without a policy: chunks are only compressed by hand'
    : `enabled; ${describePolicy(policy)}`
}
