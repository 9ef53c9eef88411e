// The columns of listed tables: type, NOT NULL, primary key, foreign keys, default, comment.
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { arrayLiteral, quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { clip } from '../../kit/text.ts'
import type { Column } from '../types.ts'

// A foreign key to a partitioned table has one more constraint for each partition, whose conparentid is not 0.
const columnsQuery = `
  SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(a.attnum = ANY (pk.conkey), false),
    (SELECT string_agg(quote_ident(fn.nspname) || '.' || quote_ident(fc.relname) || '(' || quote_ident(fa.attname) || ')', ', ')
      FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
      JOIN pg_attribute fa ON fa.attrelid = f.confrelid AND fa.attnum = f.confkey[array_position(f.conkey, a.attnum)]
      WHERE f.contype = 'f' AND f.conparentid = 0 AND f.conrelid = a.attrelid AND a.attnum = ANY (f.conkey)),
    left(CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated: ' || pg_get_expr(d.adbin, d.adrelid)
      ELSE pg_get_expr(d.adbin, d.adrelid) END, 500),
    left(col_description(a.attrelid, a.attnum), 500)
  FROM pg_attribute a
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_constraint pk ON pk.conrelid = a.attrelid AND pk.contype = 'p'
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`

/** The columns of each table, by its oid. @param oids together with at most 4,000 columns, so that the answer is complete */
export async function listColumns(
  engine: SqlEngine,
  database: string,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Column[]>> {
  const columns = new Map<string, Column[]>(oids.map((oid) => [oid, []]))
  const rows = await engine.catalogue(database, columnsQuery, [arrayLiteral(oids)], signal)
  for (const [oid, name, type, notNull, primaryKey, references, initial, comment] of rows) {
    columns.get(oid ?? '')?.push({
      name: name ?? '',
      type: type ?? '',
      nullable: notNull !== 't',
      primary_key: primaryKey === 't',
      references: references ?? null,
      default: initial ?? null,
      comment: comment ?? null,
    })
  }
  return columns
}

export function describeColumn({ name, type, nullable, primary_key, references, default: initial, comment }: Column): string {
  return [
    quoteCell(quoteName(name)),
    type,
    primary_key ? 'PK' : nullable ? '' : 'not null',
    references === null ? '' : `-> ${references}`,
    initial === null ? '' : `default ${clip(initial.replace(/\s+/g, ' '), 100)}`,
    comment === null ? '' : `-- ${clip(comment.replace(/\s+/g, ' '), 200)}`,
  ]
    .filter((part) => part !== '')
    .join(' ')
}
