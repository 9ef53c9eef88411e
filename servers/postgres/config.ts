// The environment of the postgres server.
import { type Config, type ConfigSchema, flag, integer, list, secret, text } from '../kit/definition.ts'
import { portSchema, sslModeSchema, sslRootCertSchema } from '../kit/sql/target.ts'

export const config = {
  type: 'object',
  properties: {
    DATABASE_URL: secret(
      'The database server as `postgresql://user:password@host:5432/database`; `?sslmode=` and `?sslrootcert=` are read',
      'DATABASE_URI',
      'POSTGRES_URL',
    ),
    PGHOST: text('Host name, or folder of the Unix socket', 'POSTGRES_HOST'),
    PGPORT: { ...portSchema, 'x-aliases': ['POSTGRES_PORT'] },
    PGUSER: text('Role; use one made by `readonly-role.sql`', 'POSTGRES_USER'),
    PGPASSWORD: secret('Password of the role', 'POSTGRES_PASSWORD'),
    PGDATABASE: text(
      'Database to use when a call names none; without it the one named like the role, or `postgres`',
      'POSTGRES_DB',
      'POSTGRES_DATABASE',
    ),
    PGSSLMODE: sslModeSchema,
    PGSSLROOTCERT: sslRootCertSchema,
    PGAPPNAME: text('Name shown in pg_stat_activity; `mcp-postgres/<version>` without one'),
    PG_ALLOWED_DATABASES: list(
      'Only these databases are listed and can be queried; without it every database the role may connect to',
    ),
    PG_MAX_CONNECTIONS: integer(
      5,
      [1, 100],
      'Connections in all, to all databases together; one more is used for `/ready` when they are all busy',
    ),
    PG_ALLOW_UNSAFE_ROLE: flag(
      false,
      'true runs queries with a role that can reach beyond a read-only transaction: a superuser, or a member of pg_read_server_files, pg_write_server_files, pg_execute_server_program or pg_signal_backend',
    ),
    POSTGRES_SAMPLE: flag(
      false,
      'Serve a small sample database of its own. Set by `npm start` when nothing else is set; a demonstration, never a fallback',
    ),
  },
} as const satisfies ConfigSchema

export type PostgresConfig = Config<typeof config>
