// The SQL that makes a role for reading, for one database, ready to paste. servers/postgres/sql/readonly-role.sql is the same for psql, with
// variables; a test compares the two.
import { quoteName } from './identifiers.ts'

const readerRole = 'mcp_reader'

/** A role that is safe for its purpose. */
export interface SafeRole {
  readonly name: string
  /** The statements that create it, for one database. */
  sql(options: RoleSqlOptions): string[]
}

export interface RoleSqlOptions {
  readonly database: string
  readonly schemas: readonly SchemaOwners[]
  /** The role exists already: only the grants are needed. */
  readonly exists?: boolean
  /** As an SQL literal. */
  readonly password?: string
}

/** A schema with the roles that own its tables. */
export interface SchemaOwners {
  readonly name: string
  readonly owners: readonly string[]
}

export const safeReader: SafeRole = { name: readerRole, sql: readerRoleSql }

export function readerRoleSql({
  database,
  schemas,
  exists = false,
  password = "'<a long random password>'",
}: RoleSqlOptions): string[] {
  const create = [
    `CREATE ROLE ${readerRole} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 6 PASSWORD ${password};`,
    `ALTER ROLE ${readerRole} SET default_transaction_read_only = on;`,
    `ALTER ROLE ${readerRole} SET statement_timeout = '60s';`,
    `GRANT pg_read_all_stats TO ${readerRole};`,
  ]
  const grants = schemas.flatMap(({ name, owners }) => {
    const schema = quoteName(name)
    return [
      `GRANT USAGE ON SCHEMA ${schema} TO ${readerRole};`,
      `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${readerRole};`,
      ...owners.map(
        (owner) =>
          `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteName(owner)} IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${readerRole};`,
      ),
      `REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC;`,
    ]
  })
  return [...(exists ? [] : create), `GRANT CONNECT ON DATABASE ${quoteName(database)} TO ${readerRole};`, ...grants]
}
