// The timescaledb server: five tools that read a TimescaleDB database, four that change it.
import { defineServer } from '../kit/definition.ts'
import { openTimescale } from './backend.ts'
import { config } from './config.ts'
import { tsdbAddCompression } from './tools/tsdb-add-compression.ts'
import { tsdbCompressionStats } from './tools/tsdb-compression-stats.ts'
import { tsdbContinuousAggregate } from './tools/tsdb-continuous-aggregate.ts'
import { tsdbCreateHypertable } from './tools/tsdb-create-hypertable.ts'
import { tsdbDatabaseStats } from './tools/tsdb-database-stats.ts'
import { tsdbExecute } from './tools/tsdb-execute.ts'
import { tsdbQuery } from './tools/tsdb-query.ts'
import { tsdbShowChunks } from './tools/tsdb-show-chunks.ts'
import { tsdbShowHypertables } from './tools/tsdb-show-hypertables.ts'

export const timescaledb = defineServer({
  name: 'timescaledb',
  title: 'TimescaleDB',
  instructions:
    'Reads and, where the operator allows it, changes a TimescaleDB database. Start with tsdb_show_hypertables; write SQL with time_bucket for tsdb_query, and use dry_run before UPDATE and DELETE.',
  config,
  missing: ({ TSDB_URL, TSDB_HOST }) =>
    TSDB_URL === undefined && TSDB_HOST === undefined
      ? 'set TSDB_URL, or TSDB_HOST with TSDB_USER, TSDB_PASSWORD and TSDB_DATABASE'
      : undefined,
  open: openTimescale,
  tools: (backend) => [
    tsdbQuery(backend),
    tsdbExecute(backend),
    tsdbCreateHypertable(backend),
    tsdbShowHypertables(backend),
    tsdbShowChunks(backend),
    tsdbCompressionStats(backend),
    tsdbAddCompression(backend),
    tsdbContinuousAggregate(backend),
    tsdbDatabaseStats(backend),
  ],
})
