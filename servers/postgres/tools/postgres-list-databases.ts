// postgres_list_databases: what there is on this server.
import type { Context } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import type { PostgresBackend } from '../backend.ts'

// A size needs CONNECT on the database, or pg_read_all_stats; without it PostgreSQL fails the whole statement.
const databasesQuery = `
  SELECT d.datname, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding),
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER') THEN pg_database_size(d.oid) END,
    d.datallowconn AND has_database_privilege(d.oid, 'CONNECT'), shobj_description(d.oid, 'pg_database'), d.datistemplate
  FROM pg_database d
  WHERE ($1::boolean OR NOT d.datistemplate) AND ($2::text[] = '{}' OR d.datname = ANY ($2::text[]))
  ORDER BY 1`

export async function listDatabases(backend: PostgresBackend, args: { include_templates: boolean }, context: Context) {
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
    summary: `${label}${databases.length} database${databases.length === 1 ? '' : 's'}; calls without "database" use ${own}`,
    untrusted: [['name', 'owner', 'encoding', 'size', 'connectable', 'comment'].join('\t'), ...lines].join('\n'),
    rows: databases.length,
    structured: { databases, default_database: own },
  })
}
