#!/bin/sh
# Run once by the timescaledb image in a new database: a hypertable to ask about, and the two roles of mcp-timescaledb: one owns the data and
# is used by the writing tools alone, the other may only read.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v pw="$(cat /run/octet/timescaledb/writer-password)" <<'SQL'
CREATE ROLE mcp_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'pw';
GRANT CREATE, USAGE ON SCHEMA public TO mcp_writer;
CREATE TABLE conditions (time timestamptz NOT NULL, device text NOT NULL, temperature double precision);
SELECT create_hypertable('conditions', 'time', chunk_time_interval => interval '1 day');
INSERT INTO conditions
  SELECT t, 'device ' || d, 20 + 5 * sin(extract(epoch FROM t) / 7200) + d
  FROM generate_series(now() - interval '7 days', now(), interval '5 minutes') AS t, generate_series(1, 4) AS d;
ALTER TABLE conditions OWNER TO mcp_writer;
SQL
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v owner=mcp_writer -v pw="$(cat /run/octet/timescaledb/reader-password)" \
  -f /octet/readonly-role.sql
