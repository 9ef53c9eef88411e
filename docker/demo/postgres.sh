#!/bin/sh
# Run once by the postgres image in a new database: a table to ask about, and the role of mcp-postgres, which may only read.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL, total numeric(10, 2) NOT NULL, placed timestamptz NOT NULL);
INSERT INTO orders (customer, total, placed)
  SELECT 'customer ' || n % 40, (n * 37 % 9000) / 100.0, now() - n * interval '1 hour' FROM generate_series(1, 1000) AS n;
SQL
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v owner="$POSTGRES_USER" -v pw="$(cat /run/octet/postgres/reader-password)" \
  -f /octet/readonly-role.sql
