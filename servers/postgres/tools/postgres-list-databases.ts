// postgres_list_databases: the databases of the server.
import { type AnyTool, type Context, defineTool } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../types.ts'

// A size needs CONNECT on the database, or pg_read_all_stats; without it PostgreSQL fails the whole statement.
const databasesQuery = `
  SELECT d.datname, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding),
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER') THEN pg_database_size(d.oid) END,
    d.datallowconn AND has_database_privilege(d.oid, 'CONNECT'), shobj_description(d.oid, 'pg_database'), d.datistemplate
  FROM pg_database d
  WHERE ($1::boolean OR NOT d.datistemplate) AND ($2::text[] = '{}' OR d.datname = ANY ($2::text[]))
  ORDER BY 1`

export function listDatabasesTool(backend: PostgresBackend): AnyTool {
  return defineTool({
    name: 'postgres_list_databases',
    title: 'List databases',
    description:
      'List the databases of the PostgreSQL server with owner, encoding, size and comment. Use it first to learn what there is.',
    inputSchema: {
      type: 'object',
      properties: { include_templates: { type: 'boolean', default: false } },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handler: (args, context) => listDatabases(backend, args, context),
  })
}

async function listDatabases(backend: PostgresBackend, args: { include_templates: boolean }, context: Context) {
  const { engine, label } = backend
  const own = await engine.resolveDatabase(undefined, context.signal)
  const rows = await engine.catalogue(
    own,
    databasesQuery,
    [String(args.include_templates), engine.allowedDatabasesLiteral],
    context.signal,
  )
  const databases = rows.map(([name, owner, encoding, size, connectable, comment, template]) => ({
    name: name ?? '',
    owner,
    encoding,
    size_bytes: size === null || size === undefined ? null : Number(size),
    connectable: connectable === 't',
    comment: comment ?? null,
    template: template === 't',
  }))
  const total = databases.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
  const lines = databases.map(({ name, owner, encoding, size_bytes, connectable, comment }) =>
    [
      quoteCell(name),
      quoteCell(owner ?? ''),
      encoding,
      size_bytes === null ? 'unknown' : formatBytes(size_bytes),
      connectable ? 'yes' : 'no',
      comment === null ? '' : quoteCell(comment.slice(0, 300)),
    ].join('\t'),
  )
  return report(context, {
    summary: `${label}${databases.length} database${databases.length === 1 ? '' : 's'}, ${formatBytes(total)} in all; calls without "database" use ${own}`,
    untrusted: [['name', 'owner', 'encoding', 'size', 'connectable', 'comment'].join('\t'), ...lines].join('\n'),
    rows: databases.length,
    structured: { databases, total_bytes: total, default_database: own },
  })
}
