// Reads from the catalogue what this TimescaleDB can do: names were added and replaced in many versions, and the Apache edition lacks half of
// them, so that the version alone does not say it.
import { ToolError } from '../../../protocol/index.ts'
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { Features } from '../types.ts'

const featuresQuery = `
  SELECT e.extversion, n.nspname, current_setting('timescaledb.license', true),
    (SELECT string_agg(DISTINCT p.proname, ',') FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
      WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
      AND p.pronamespace = e.extnamespace),
    (SELECT string_agg(c.relname || '.' || a.attname, ',') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      WHERE c.relnamespace = to_regnamespace('timescaledb_information'))
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'`

export async function readFeatures(engine: SqlEngine, signal: AbortSignal): Promise<Features> {
  const database = await engine.resolveDatabase(undefined, signal)
  const [row] = await engine.catalogue(database, featuresQuery, [], signal)
  if (row === undefined) {
    throw new ToolError(
      'UPSTREAM_ERROR',
      `the extension timescaledb is not installed in database ${quoteName(database)}. Ask the operator to run CREATE EXTENSION timescaledb there`,
    )
  }
  const [version, schema, license, functions, columns] = row
  const names = new Set((functions ?? '').split(','))
  const known = new Set((columns ?? '').split(','))
  return {
    version: version ?? '',
    license: license ?? 'unknown',
    has: (name) => names.has(name),
    fn: (name) => `${quoteName(schema ?? 'public')}.${name}`,
    hasColumn: (view, column) => known.has(`${view}.${column}`),
  }
}
