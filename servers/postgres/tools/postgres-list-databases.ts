// postgres_list_databases: the databases of the server.
import { type AnyTool, defineTool } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { counted, formatBytes, report } from '../../kit/report.ts'
import { listed, size, totalSize } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'
import { sizeOfDatabase } from '../lib/database-size.ts'

interface Database {
  name: string
  owner: string
  encoding: string
  size_bytes: number | null
  connectable: boolean
  comment: string | null
  template: boolean
}

const databasesQuery = `
  SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding, ${sizeOfDatabase} AS size_bytes,
    d.datallowconn AND has_database_privilege(d.oid, 'CONNECT') AS connectable, left(shobj_description(d.oid, 'pg_database'), 300) AS comment,
    d.datistemplate AS template
  FROM pg_database d
  WHERE ($1::boolean OR NOT d.datistemplate) AND ($2::text[] = '{}' OR d.datname = ANY ($2::text[]))
  ORDER BY 1`

export function listDatabasesTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_list_databases',
    title: 'List databases',
    description:
      'List the databases of the PostgreSQL server with owner, encoding, size and comment. Use it first to learn what there is.',
    inputSchema: parameters([], { include_templates: { type: 'boolean', default: false } }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async handler({ include_templates }, context) {
      const { engine, label } = backend
      const { signal } = context
      const own = await engine.resolveDatabase(undefined, signal)
      const values = [String(include_templates), engine.allowedDatabasesLiteral]
      const databases = await engine.asker(signal)<Database>(databasesQuery, values)
      const total = totalSize(databases)
      return report(context, {
        summary: `${label}${counted(databases.length, 'database')}, ${formatBytes(total)} in all; calls without "database" use ${own}`,
        ...listed(
          ['name', 'owner', 'encoding', 'size', 'connectable', 'comment'],
          databases.map(({ name, owner, encoding, size_bytes, connectable, comment }) => [
            ...[name, owner, encoding, size(size_bytes) ?? 'unknown', connectable ? 'yes' : 'no', comment],
          ]),
        ),
        rows: databases.length,
        structured: { databases, total_bytes: total, default_database: own },
      })
    },
  })
}
