// The SQL that makes a role for reading, for one database, ready to paste. servers/postgres/sql/readonly-role.sql is the same for psql, with
// variables; a test compares the two.
import { quoteName } from './identifiers.ts'

/** A role that is safe for its purpose. */
export interface SafeRole {
  readonly name: string
  /**
   * The statements that create it, for one database.
   * @param options `exists`: the role exists already, only the grants are needed; `password`: as an SQL literal
   */
  sql(options: { database: string; schemas: readonly SchemaOwners[]; exists?: boolean; password?: string }): string[]
}

/** A schema with the roles that own its tables. */
export interface SchemaOwners {
  readonly name: string
  readonly owners: readonly string[]
}

export const safeReader: SafeRole = {
  name: 'mcp_reader',
  sql({ database, schemas, exists = false, password = "'<a long random password>'" }) {
    const create = [
      `CREATE ROLE mcp_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 6 PASSWORD ${password};`,
      'ALTER ROLE mcp_reader SET default_transaction_read_only = on;',
      "ALTER ROLE mcp_reader SET statement_timeout = '60s';",
      'GRANT pg_read_all_stats TO mcp_reader;',
    ]
    const grants = schemas.flatMap(({ name, owners }) => {
      const schema = quoteName(name)
      return [
        `GRANT USAGE ON SCHEMA ${schema} TO mcp_reader;`,
        `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO mcp_reader;`,
        ...owners.map(
          (owner) =>
            `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteName(owner)} IN SCHEMA ${schema} GRANT SELECT ON TABLES TO mcp_reader;`,
        ),
        `REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC;`,
      ]
    })
    return [...(exists ? [] : create), `GRANT CONNECT ON DATABASE ${quoteName(database)} TO mcp_reader;`, ...grants]
  },
}
