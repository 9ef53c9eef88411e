// postgres_database_sizes: size and activity of each database.
import { type AnyTool, type Context, defineTool } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../types.ts'

const sizesQuery = `
  SELECT d.datname,
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER') THEN pg_database_size(d.oid) END,
    s.numbackends, round(100.0 * s.blks_hit / nullif(s.blks_hit + s.blks_read, 0), 2), s.xact_commit, s.xact_rollback, s.deadlocks,
    s.temp_bytes, s.stats_reset
  FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid
  WHERE $1::text[] = '{}' OR d.datname = ANY ($1::text[])
  ORDER BY 2 DESC NULLS LAST, 1`

export function databaseSizesTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_database_sizes',
    title: 'Database sizes and activity',
    description:
      'Size, connections, cache hit ratio, commits, deadlocks and temporary files of each PostgreSQL database, largest first.',
    inputSchema: {
      type: 'object',
      properties: { limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 } },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handler: (args, context) => databaseSizes(backend, args, context),
  })
}

async function databaseSizes(backend: PostgresBackend, args: { limit: number }, context: Context) {
  const { engine, label } = backend
  const own = await engine.resolveDatabase(undefined, context.signal)
  const rows = await engine.catalogue(own, sizesQuery, [engine.allowedDatabasesLiteral], context.signal)
  const all = rows.map(([name, size, connections, hits, commits, rollbacks, deadlocks, temp, reset]) => ({
    name: name ?? '',
    size_bytes: number(size),
    size: size === null || size === undefined ? null : formatBytes(Number(size)),
    connections: number(connections),
    cache_hit_ratio: number(hits),
    commits: number(commits),
    rollbacks: number(rollbacks),
    deadlocks: number(deadlocks),
    temp_bytes: number(temp),
    stats_reset: reset ?? null,
  }))
  const shown = all.slice(0, args.limit)
  const total = all.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
  const hidden = all.filter(({ size_bytes }) => size_bytes === null).length
  const header = ['database', 'size', 'connections', 'cache_hit_%', 'commits', 'rollbacks', 'deadlocks', 'temp', 'stats_since']
  const lines = shown.map((each) =>
    [
      quoteCell(each.name),
      each.size ?? 'unknown',
      each.connections ?? '-',
      each.cache_hit_ratio ?? '-',
      each.commits ?? '-',
      each.rollbacks ?? '-',
      each.deadlocks ?? '-',
      each.temp_bytes === null ? '-' : formatBytes(each.temp_bytes),
      each.stats_reset ?? 'the first start',
    ].join('\t'),
  )
  const more = all.length > shown.length
  return report(context, {
    summary: `${label}${all.length} databases, ${formatBytes(total)} in all, largest first${more ? `; ${shown.length} shown` : ''}`,
    untrusted: [header.join('\t'), ...lines].join('\n'),
    notes: hidden === 0 ? [] : [`${hidden} size${hidden === 1 ? '' : 's'} unknown: the role may not connect to them`],
    truncated: more,
    ...(more ? { next: { limit: Math.min(all.length, 500) } } : {}),
    rows: shown.length,
    structured: { databases: shown, total_bytes: total },
  })
}

function number(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text)
}
