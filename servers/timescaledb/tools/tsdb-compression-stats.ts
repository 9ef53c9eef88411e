// tsdb_compression_stats: what compression has saved, and what it waits for when it has saved nothing yet.
import { defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { type Named, qualified } from '../../kit/sql/identifiers.ts'
import { listed } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { describePolicy, withPolicies } from '../lib/policies.ts'
import { resolveHypertable } from '../lib/relations.ts'
import type { Features, Policy } from '../types.ts'

const maxTables = 200

const statsQuery = ({ fn }: Features): string => `
  SELECT h.hypertable_schema AS schema, h.hypertable_name AS name, h.compression_enabled AS enabled, h.num_chunks AS total_chunks,
    coalesce(s.number_compressed_chunks, 0) AS compressed_chunks, coalesce(s.before_compression_total_bytes, 0) AS before_bytes,
    coalesce(s.after_compression_total_bytes, 0) AS after_bytes,
    round(s.before_compression_total_bytes::numeric / nullif(s.after_compression_total_bytes, 0), 1) AS ratio,
    round(100 - 100.0 * s.after_compression_total_bytes / nullif(s.before_compression_total_bytes, 0), 1) AS saved_percent, p.policies
  FROM timescaledb_information.hypertables h ${withPolicies}
  LEFT JOIN LATERAL ${fn('hypertable_compression_stats')}(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) s ON h.compression_enabled
  WHERE $1 = '' OR (h.hypertable_schema = $1 AND h.hypertable_name = $2)
  ORDER BY s.before_compression_total_bytes DESC NULLS LAST, 1, 2 LIMIT ${maxTables + 1}`

interface Row extends Named {
  enabled: boolean
  total_chunks: number
  compressed_chunks: number
  before_bytes: number
  after_bytes: number
  ratio: number | null
  saved_percent: number | null
  policies: Policy[] | null
}

export function tsdbCompressionStats(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_compression_stats',
    title: 'Compression statistics',
    description:
      'For one or all hypertables: whether compression is on, compressed of all chunks, bytes before and after, and what the policy waits for.',
    inputSchema: parameters([], { hypertable: { type: 'string', maxLength: 140 } }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    aliases: { table_name: 'hypertable', hypertable_name: 'hypertable', table: 'hypertable' },
    async handler(args, context) {
      const { signal } = context
      const features = await backend.features(signal)
      const askAsRole = backend.engine.asker(signal, { searchPath: 'role' })
      const one = args.hypertable === undefined ? undefined : await resolveHypertable(askAsRole, args.hypertable)
      const values = [one?.schema ?? '', one?.name ?? '']
      const rows = await backend.engine.asker(signal)<Row>(statsQuery(features), values)
      const tables = rows.slice(0, maxTables).map(({ schema, name, policies, ...counts }) => {
        const policy = policies?.find((each) => each.policy === 'compression')
        return {
          hypertable: qualified({ schema, name }),
          ...counts,
          policy_job: policy?.job_id ?? null,
          last_error: policy?.last_error ?? null,
          state: stateOf(counts.enabled, policy, features.apache),
        }
      })
      const sum = (field: 'before_bytes' | 'after_bytes' | 'total_chunks' | 'compressed_chunks'): number =>
        tables.reduce((total, table) => total + table[field], 0)
      const [before, after] = [sum('before_bytes'), sum('after_bytes')]
      const saved =
        before === 0
          ? 'nothing is compressed yet'
          : `${formatBytes(before)} became ${formatBytes(after)}, ${(before / after).toFixed(1)} times smaller`
      const [only] = tables
      const which =
        one !== undefined && only !== undefined
          ? `${only.hypertable}: ${only.enabled ? 'enabled' : 'not enabled'}, `
          : `hypertables: ${tables.length}; `
      return report(context, {
        summary: `${which}${sum('compressed_chunks')} of ${sum('total_chunks')} chunks compressed; ${saved}`,
        ...listed(
          ['hypertable', 'compressed chunks', 'before', 'after', 'ratio', 'state'],
          tables.map((table) => [
            table.hypertable,
            `${table.compressed_chunks} of ${table.total_chunks}`,
            table.before_bytes === 0 ? null : formatBytes(table.before_bytes),
            table.after_bytes === 0 ? null : formatBytes(table.after_bytes),
            table.ratio === null ? null : `${table.ratio}x (saves ${table.saved_percent} %)`,
            table.state,
          ]),
        ),
        notes: features.apache ? ['this is the Apache edition of TimescaleDB, which cannot compress'] : [],
        truncated: rows.length > maxTables,
        rows: tables.length,
        structured: { hypertables: tables, before_bytes: before, after_bytes: after },
      })
    },
  })
}

/** "The policy exists but nothing is compressed" is the usual question: the answer is when it runs, and why it failed. */
function stateOf(enabled: boolean, policy: Policy | undefined, apache: boolean): string {
  if (!enabled) return apache ? 'not enabled' : 'not enabled (tsdb_add_compression enables it)'
  return policy === undefined
    ? 'enabled, without a policy: chunks are only compressed by hand'
    : `enabled; ${describePolicy(policy)}`
}
