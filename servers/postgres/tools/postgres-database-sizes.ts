// postgres_database_sizes: size and activity of each database.
import { type AnyTool, defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { counted, formatBytes, report } from '../../kit/report.ts'
import { listed, size, totalSize } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'
import { sizeOfDatabase } from '../lib/database-size.ts'

interface DatabaseActivity
  extends Record<'connections' | 'cache_hit_ratio' | 'commits' | 'rollbacks' | 'deadlocks' | 'temp_bytes', number | null> {
  name: string
  size_bytes: number | null
  stats_reset: string | null
}

const sizesQuery = `
  SELECT d.datname AS name, ${sizeOfDatabase} AS size_bytes, s.numbackends AS connections,
    round(100.0 * s.blks_hit / nullif(s.blks_hit + s.blks_read, 0), 2) AS cache_hit_ratio, s.xact_commit AS commits, s.xact_rollback AS rollbacks,
    s.deadlocks, s.temp_bytes, s.stats_reset::text
  FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid
  WHERE $1::text[] = '{}' OR d.datname = ANY ($1::text[])
  ORDER BY 2 DESC NULLS LAST, 1`

export function databaseSizesTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_database_sizes',
    title: 'Database sizes and activity',
    description:
      'Size, connections, cache hit ratio, commits, deadlocks and temporary files of each PostgreSQL database, largest first.',
    inputSchema: parameters([], { limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 } }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async handler({ limit }, context) {
      const { engine, label } = backend
      const all = await engine.asker(context.signal)<DatabaseActivity>(sizesQuery, [engine.allowedDatabasesLiteral])
      const shown = all.slice(0, limit).map((database) => ({ ...database, size: size(database.size_bytes) }))
      const total = totalSize(all)
      const hidden = all.filter(({ size_bytes }) => size_bytes === null).length
      const more = all.length > shown.length
      return report(context, {
        summary: `${label}${all.length} databases, ${formatBytes(total)} in all, largest first${more ? `; ${shown.length} shown` : ''}`,
        ...listed(
          ['database', 'size', 'connections', 'cache_hit_%', 'commits', 'rollbacks', 'deadlocks', 'temp', 'stats_since'],
          shown.map((each) => [
            ...[each.name, each.size ?? 'unknown', each.connections, each.cache_hit_ratio, each.commits, each.rollbacks],
            ...[each.deadlocks, size(each.temp_bytes), each.stats_reset ?? 'the first start'],
          ]),
        ),
        notes: hidden === 0 ? [] : [`${counted(hidden, 'size')} unknown: the role may not connect to them`],
        next: more ? { limit: Math.min(all.length, 500) } : undefined,
        rows: shown.length,
        structured: { databases: shown, total_bytes: total },
      })
    },
  })
}
