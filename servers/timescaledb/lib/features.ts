// Reads from the catalogue which TimescaleDB this is: its version, its edition, and the schema of its functions.
import { ToolError } from '../../../protocol/index.ts'
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { Features } from '../types.ts'

const featuresQuery = `
  SELECT e.extversion AS version, n.nspname AS schema, current_setting('timescaledb.license', true) AS license
  FROM pg_namespace n JOIN pg_extension e ON n.oid = e.extnamespace AND e.extname = 'timescaledb'`

export async function readFeatures(engine: SqlEngine, signal: AbortSignal): Promise<Features> {
  const [row] = await engine.asker(signal)<{ version: string; schema: string; license: string | null }>(featuresQuery)
  if (row === undefined) {
    throw new ToolError(
      'UPSTREAM_ERROR',
      `the extension timescaledb is not installed in database ${quoteName(await engine.resolveDatabase(undefined, signal))}. Ask the operator to run CREATE EXTENSION timescaledb there`,
    )
  }
  const schema = quoteName(row.schema)
  return { version: row.version, apache: row.license === 'apache', fn: (name) => `${schema}.${name}` }
}
