// The postgres server: five tools that read any database of one PostgreSQL server.

import { defineServer } from '../kit/definition.ts'
import { openPostgres } from './backend.ts'
import { config } from './config.ts'
import { loadSample } from './lib/sample-file.ts'
import { databaseSizesTool } from './tools/postgres-database-sizes.ts'
import { listDatabasesTool } from './tools/postgres-list-databases.ts'
import { listTablesTool } from './tools/postgres-list-tables.ts'
import { queryTool } from './tools/postgres-query.ts'
import { serverInfoTool } from './tools/postgres-server-info.ts'

export const postgres = defineServer({
  name: 'postgres',
  title: 'PostgreSQL',
  instructions:
    'Reads PostgreSQL databases; it can change nothing. Start with postgres_list_databases and postgres_list_tables, then write SQL for postgres_query.',
  config,
  missing: ({ DATABASE_URL, PGHOST, POSTGRES_SAMPLE }) =>
    DATABASE_URL === undefined && PGHOST === undefined && !POSTGRES_SAMPLE
      ? 'set DATABASE_URL, or PGHOST with PGUSER, PGPASSWORD and PGDATABASE'
      : undefined,
  open: openPostgres,
  tools: (backend) => [
    queryTool(backend),
    listDatabasesTool(backend),
    listTablesTool(backend),
    serverInfoTool(backend),
    databaseSizesTool(backend),
  ],
  demo: () => (loadSample()?.sampleBin() === undefined ? undefined : { POSTGRES_SAMPLE: 'true' }),
})
