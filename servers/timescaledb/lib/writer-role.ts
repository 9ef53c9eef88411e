// The SQL that creates a role for writing, for one database, ready to paste by the operator.
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { SafeRole } from '../../kit/sql/reader-role.ts'

export const writerRole = 'mcp_writer'

export const safeWriter: SafeRole = {
  name: writerRole,
  sql: ({ database, schemas }) =>
    writerRoleSql(
      database,
      schemas.map(({ name }) => name),
    ),
}

/** @param schemas whose tables the role reads and writes */
export function writerRoleSql(database: string, schemas: readonly string[], password = "'<a long random password>'"): string[] {
  return [
    `CREATE ROLE ${writerRole} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD ${password};`,
    `GRANT CONNECT ON DATABASE ${quoteName(database)} TO ${writerRole};`,
    ...schemas
      .map(quoteName)
      .flatMap((schema) => [
        `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${writerRole};`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${writerRole};`,
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${writerRole};`,
      ]),
    `-- For ALTER, compression and continuous aggregates it must own the table: ALTER TABLE … OWNER TO ${writerRole};`,
  ]
}
