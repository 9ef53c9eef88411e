// tsdb_database_stats: the state of the whole TimescaleDB database in one answer.
import { defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { orWithoutSizes } from '../../kit/sql/errors.ts'
import { type Named, qualified, quoteName } from '../../kit/sql/identifiers.ts'
import { listing, pairs } from '../../kit/sql/table.ts'
import { clip } from '../../kit/text.ts'
import type { TimescaleBackend } from '../backend.ts'
import { fromRelations, ofUsers, sizeOf } from '../lib/relations.ts'
import type { Features } from '../types.ts'

type Totals = Record<'postgresql' | 'database', string> &
  Record<'size_bytes' | 'hypertables' | 'chunks' | 'compressed_chunks' | 'continuous_aggregates' | 'jobs', number>

const totalsQuery = `
  SELECT current_setting('server_version') AS postgresql, current_database() AS database, pg_database_size(current_database()) AS size_bytes,
    (SELECT count(*) FROM timescaledb_information.hypertables) AS hypertables, (SELECT count(*) FROM timescaledb_information.chunks) AS chunks,
    (SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed) AS compressed_chunks,
    (SELECT count(*) FROM timescaledb_information.continuous_aggregates) AS continuous_aggregates,
    (SELECT count(*) FROM timescaledb_information.jobs WHERE job_id >= 1000) AS jobs`

const largestQuery = (features: Features): string => `
  SELECT n.nspname AS schema, c.relname AS name, h.num_chunks AS chunks, coalesce((${sizeOf(features)})::bigint, 0) AS bytes
  ${fromRelations} ${ofUsers} AND c.relkind IN ('r', 'p', 'm') ORDER BY bytes DESC, 1, 2 LIMIT 10`

const errorsQuery = `
  SELECT count(*) AS failed_runs_24h, (array_agg(proc_name ORDER BY finish_time DESC))[1] AS job, (array_agg(err_message ORDER BY finish_time DESC))[1] AS last_error
  FROM timescaledb_information.job_errors WHERE finish_time > now() - interval '24 hours'`

export function tsdbDatabaseStats(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_database_stats',
    title: 'TimescaleDB overview',
    description:
      'Edition, size, hypertables, chunks, continuous aggregates, largest tables and failed jobs of the TimescaleDB database.',
    inputSchema: parameters([], {}),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async handler(_args, context) {
      const { engine, level, allowDestructive } = backend
      const features = await backend.features(context.signal)
      const ask = backend.engine.asker(context.signal)
      const [totals] = (await ask<Totals>(totalsQuery)) as [Totals]
      const { rows, sized } = await orWithoutSizes(async (withSizes) =>
        withSizes ? ask<Named & { chunks: number | null; bytes: number }>(largestQuery(features)) : [],
      )
      const largest = rows.map(({ schema, name, ...table }) => ({ table: qualified({ schema, name }), ...table }))
      const cells = largest.map(({ table, chunks, bytes }) => [table, chunks, formatBytes(bytes)])
      const [errors] = await ask<{ failed_runs_24h: number; job: string | null; last_error: string | null }>(errorsQuery)
      const { failed_runs_24h = 0, job, last_error = null } = errors ?? {}
      const percent = totals.chunks === 0 ? 0 : Math.round((totals.compressed_chunks / totals.chunks) * 100)
      const { safety, unsafeRole } = engine.connections
      const { reaches_outside: _outside, ...privileges } = safety
      return report(context, {
        summary: `TimescaleDB ${features.version} (${features.apache ? 'Apache' : 'Community'} edition) on PostgreSQL ${totals.postgresql}; database ${quoteName(totals.database)}, ${formatBytes(totals.size_bytes)}`,
        body: [
          `hypertables: ${totals.hypertables}, with ${totals.chunks} chunks, ${percent} % of them compressed; continuous aggregates: ${totals.continuous_aggregates}; policies and other jobs: ${totals.jobs}`,
          `writing: level "${level}"${allowDestructive ? ', DROP and TRUNCATE allowed' : ''}`,
          `reading: ${pairs(privileges)}`,
        ].join('\n'),
        untrusted: [
          listing(['largest tables', 'chunks', 'size'], cells),
          ...(failed_runs_24h > 0
            ? [`failed job runs in 24 hours: ${failed_runs_24h}; the last one, ${job}: ${clip(last_error ?? '', 300)}`]
            : []),
        ].join('\n'),
        notes: [
          unsafeRole && `${unsafeRole}. Tell the operator to use a role that only reads`,
          !sized && 'sizes are left out, because a chunk is locked or may not be read by this role',
          features.apache && 'compression, continuous aggregates and policies need the Community edition',
        ],
        rows: largest.length,
        structured: {
          version: features.version,
          license: features.apache ? 'apache' : 'timescale',
          ...totals,
          ...{ failed_runs_24h, last_error, largest, write_level: level, safety },
        },
      })
    },
  })
}
