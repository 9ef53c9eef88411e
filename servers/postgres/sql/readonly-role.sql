-- A role that can read and nothing else: the boundary on which the read-only promise of mcp-postgres and mcp-timescaledb rests.
-- Run by an administrator, with psql:
--
--   psql -d shop -v pw='a long random password' -v owner=app_owner -f readonly-role.sql     the first database: makes the role, grants
--   psql -d crm  -v owner=crm_owner -f readonly-role.sql                                    every further one: grants only
--   … -v schema=sales                                                                       a schema other than public: once for each
--
-- `owner` is the role that makes the tables: what it makes later becomes readable too.
-- Not pg_read_all_data: that also reads the password hashes in pg_authid.

\if :{?schema}
\else
  \set schema public
\endif

\if :{?pw}
  CREATE ROLE mcp_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 6 PASSWORD :'pw';
  -- Defaults that a session can change: the missing grants are the boundary, these only make mistakes less likely.
  ALTER ROLE mcp_reader SET default_transaction_read_only = on;
  ALTER ROLE mcp_reader SET statement_timeout = '60s';
  -- Optional: sizes of databases it may not connect to, and other sessions' activity.
  GRANT pg_read_all_stats TO mcp_reader;
\endif

SELECT current_database() AS db \gset
GRANT CONNECT ON DATABASE :"db" TO mcp_reader;
GRANT USAGE ON SCHEMA :"schema" TO mcp_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema" TO mcp_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"schema" GRANT SELECT ON TABLES TO mcp_reader;
-- Before PostgreSQL 15 everyone may create tables in public:
REVOKE CREATE ON SCHEMA :"schema" FROM PUBLIC;
