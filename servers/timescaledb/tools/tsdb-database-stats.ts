// tsdb_database_stats: the state of the whole TimescaleDB database in one answer.
import { type Context, defineTool } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { clip } from '../../kit/text.ts'
import { isSizeFailure } from '../errors.ts'
import { sizeOf, userRelations } from '../lib/relations.ts'
import type { Features, TimescaleBackend } from '../types.ts'

const totalsQuery = `
  SELECT current_setting('server_version'), pg_database_size(current_database()),
    (SELECT count(*) FROM timescaledb_information.hypertables), (SELECT count(*) FROM timescaledb_information.chunks),
    (SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed),
    (SELECT count(*) FROM timescaledb_information.continuous_aggregates), (SELECT count(*) FROM timescaledb_information.jobs WHERE job_id >= 1000)`

const largestQuery = (features: Features): string => `
  SELECT n.nspname, c.relname, h.num_chunks, ${sizeOf(features)} AS bytes ${userRelations} AND c.relkind IN ('r', 'p', 'm')
  ORDER BY bytes DESC NULLS LAST, 1, 2 LIMIT 10`

const errorsQuery = `
  SELECT count(*), (array_agg(proc_name ORDER BY finish_time DESC))[1], (array_agg(err_message ORDER BY finish_time DESC))[1]
  FROM timescaledb_information.job_errors WHERE finish_time > now() - interval '24 hours'`

export function tsdbDatabaseStats(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_database_stats',
    title: 'TimescaleDB overview',
    description:
      'Edition, size, hypertables, chunks, continuous aggregates, largest tables and failed jobs of the TimescaleDB database.',
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handler: (_args, context) => databaseStats(backend, context),
  })
}

async function databaseStats(backend: TimescaleBackend, context: Context) {
  const { engine } = backend
  const { signal } = context
  const features = await backend.features(signal)
  const database = await engine.resolveDatabase(undefined, signal)
  const [totals = []] = await backend.catalogue(totalsQuery, [], signal)
  const [version, size, hypertables, chunks, compressed, aggregates, jobs] = totals
  const largest = await backend.catalogue(largestQuery(features), [], signal).catch((error: unknown) => {
    if (isSizeFailure(error)) return undefined
    throw error
  })
  const [failed, failedJob, lastError] = features.hasColumn('job_errors', 'err_message')
    ? ((await backend.catalogue(errorsQuery, [], signal))[0] ?? [])
    : []
  const percent = Number(chunks) === 0 ? 0 : Math.round((Number(compressed) / Number(chunks)) * 100)
  const top = (largest ?? []).map(([schema, name, count, bytes]) => ({
    table: `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`,
    chunks: count === null || count === undefined ? null : Number(count),
    bytes: Number(bytes ?? 0),
  }))
  const { safety, unsafeRole } = engine
  return report(context, {
    summary: `TimescaleDB ${features.version} (${features.license === 'apache' ? 'Apache edition' : 'Community edition'}) on PostgreSQL ${version}; database ${quoteName(database)}, ${formatBytes(Number(size))}`,
    body: [
      `hypertables: ${hypertables}, with ${chunks} chunks, ${percent} % of them compressed; continuous aggregates: ${aggregates}; policies and other jobs: ${jobs}`,
      `writing: level "${backend.level}"${backend.allowDestructive ? ', DROP and TRUNCATE allowed' : ''}`,
      `reading: ${Object.entries(safety)
        .filter(([, value]) => typeof value !== 'object')
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(', ')}`,
    ].join('\n'),
    untrusted: [
      'largest tables\tchunks\tsize',
      ...top.map(({ table, chunks, bytes }) => [quoteCell(table), chunks ?? '-', formatBytes(bytes)].join('\t')),
      ...(Number(failed) > 0
        ? [`failed job runs in 24 hours: ${failed}; the last one, ${failedJob}: ${clip(lastError ?? '', 300)}`]
        : []),
    ].join('\n'),
    notes: [
      ...(unsafeRole === undefined ? [] : [`${unsafeRole}. Tell the operator to use a role that only reads`]),
      ...(largest === undefined ? ['sizes are left out, because a chunk is locked or may not be read by this role'] : []),
      ...(features.license === 'apache' ? ['compression, continuous aggregates and policies need the Community edition'] : []),
    ],
    rows: top.length,
    structured: {
      version: features.version,
      license: features.license,
      postgresql: version ?? null,
      database,
      size_bytes: Number(size),
      hypertables: Number(hypertables),
      chunks: Number(chunks),
      compressed_chunks: Number(compressed),
      continuous_aggregates: Number(aggregates),
      jobs: Number(jobs),
      failed_runs_24h: Number(failed ?? 0),
      last_error: lastError ?? null,
      largest: top,
      write_level: backend.level,
      safety,
    },
  })
}
