// The SQL that creates a role for writing, for one database, ready to paste by the operator.
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { SafeRole } from '../../kit/sql/reader-role.ts'

/** It reads and writes the tables of the schemas. */
export const safeWriter: SafeRole = {
  name: 'mcp_writer',
  sql: ({ database, schemas, password = "'<a long random password>'" }) => [
    `CREATE ROLE mcp_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD ${password};`,
    `GRANT CONNECT ON DATABASE ${quoteName(database)} TO mcp_writer;`,
    ...schemas
      .map(({ name }) => quoteName(name))
      .flatMap((schema) => [
        `GRANT USAGE, CREATE ON SCHEMA ${schema} TO mcp_writer;`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO mcp_writer;`,
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO mcp_writer;`,
      ]),
    '-- For ALTER, compression and continuous aggregates it must own the table: ALTER TABLE … OWNER TO mcp_writer;',
  ],
}
