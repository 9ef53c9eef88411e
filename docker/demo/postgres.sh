#!/bin/sh
# Run once by the postgres image in a new database: a table to ask about, and the role of mcp-postgres, which may only read.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v pw="$(cat /run/octet/postgres/reader-password)" <<'SQL'
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL, total numeric(10, 2) NOT NULL, placed timestamptz NOT NULL);
INSERT INTO orders (customer, total, placed)
  SELECT 'customer ' || n % 40, (n * 37 % 9000) / 100.0, now() - n * interval '1 hour' FROM generate_series(1, 1000) AS n;
CREATE ROLE mcp_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 6 PASSWORD :'pw';
ALTER ROLE mcp_reader SET default_transaction_read_only = on;
ALTER ROLE mcp_reader SET statement_timeout = '60s';
GRANT USAGE ON SCHEMA public TO mcp_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO mcp_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO mcp_reader;
SQL
