// The environment of the timescaledb server. Never DATABASE_URL, POSTGRES_* or PG*: a server that can write must not take over the
// database of the one that only reads.
import { type Config, type ConfigSchema, choice, flag, integer, secret, text } from '../kit/definition.ts'
import { portSchema, sslModeSchema, sslRootCertSchema } from '../kit/sql/target.ts'

export const writeLevels = ['off', 'policy', 'dml', 'ddl'] as const
export type WriteLevel = (typeof writeLevels)[number]

export const config = {
  type: 'object',
  properties: {
    TSDB_URL: secret(
      'The database as `postgresql://user:password@host:5432/database`; the reading tools use it',
      'TIMESCALE_URL',
    ),
    TSDB_WRITE_URL: secret(
      'The same database with a role that may write, for the four writing tools; without it they use TSDB_URL',
      'TIMESCALE_WRITE_URL',
    ),
    TSDB_HOST: text('Host name, or folder of the Unix socket', 'TIMESCALE_HOST'),
    TSDB_PORT: { ...portSchema, 'x-aliases': ['TIMESCALE_PORT'] },
    TSDB_USER: text('Role', 'TIMESCALE_USER'),
    TSDB_PASSWORD: secret('Password of the role', 'TIMESCALE_PASSWORD'),
    TSDB_DATABASE: text(
      'Database; without it the one named like the role, or `postgres`',
      'TSDB_DB',
      'TIMESCALE_DATABASE',
      'TIMESCALE_DB',
    ),
    TSDB_SSLMODE: { ...sslModeSchema, 'x-aliases': ['TIMESCALE_SSLMODE'] },
    TSDB_SSLROOTCERT: sslRootCertSchema,
    TSDB_WRITE_LEVEL: choice(
      writeLevels,
      'ddl',
      '`off`; `policy`: hypertables, compression and continuous aggregates; `dml`: INSERT, UPDATE, DELETE and MERGE too, with functions that are not volatile; `ddl`: CREATE, ALTER, COMMENT and other functions too',
    ),
    TSDB_ALLOW_DESTRUCTIVE: flag(
      false,
      'true also admits, at write level `ddl`, what destroys data: DROP, TRUNCATE, dropped columns and changed types, drop_chunks, retention and other jobs, and volatile functions of PostgreSQL and extensions that are not listed in the README',
    ),
    TSDB_MAX_CONNECTIONS: integer(
      5,
      [1, 100],
      'Connections for reading; one more writes, and one more is used for `/ready` when they are all busy',
    ),
    TSDB_ALLOW_UNSAFE_ROLE: flag(
      false,
      'true runs tsdb_query, tsdb_execute and tsdb_continuous_aggregate with a role that can reach files, programs or other sessions: a superuser, or a member of pg_read_server_files, pg_write_server_files, pg_execute_server_program or pg_signal_backend',
    ),
  },
} as const satisfies ConfigSchema

export type TimescaleConfig = Config<typeof config>
