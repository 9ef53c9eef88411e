-- Run once by the timescaledb image in a new database: a hypertable to ask about.
CREATE TABLE conditions (time timestamptz NOT NULL, device text NOT NULL, temperature double precision);
SELECT create_hypertable('conditions', 'time', chunk_time_interval => interval '1 day');
INSERT INTO conditions
  SELECT t, 'device ' || d, 20 + 5 * sin(extract(epoch FROM t) / 7200) + d
  FROM generate_series(now() - interval '7 days', now(), interval '5 minutes') AS t, generate_series(1, 4) AS d;
