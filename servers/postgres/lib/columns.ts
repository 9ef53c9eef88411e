// The columns of listed tables: type, NOT NULL, primary key, foreign keys, default, comment.
import { quoteName } from '../../kit/sql/identifiers.ts'
import { quoteCell } from '../../kit/sql/table.ts'
import { clip } from '../../kit/text.ts'
import type { Column } from '../types.ts'

/**
 * SQL for an array of `Column`. A foreign key to a partitioned table has one more constraint for each partition, whose conparentid is not 0.
 * @param table an SQL expression for the oid
 */
export const columnsOf = (table: string): string => `(
  SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull,
    'primary_key', coalesce(a.attnum = ANY (pk.conkey), false),
    'references', (SELECT string_agg(quote_ident(fn.nspname) || '.' || quote_ident(fc.relname) || '(' || quote_ident(fa.attname) || ')', ', ')
      FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
      JOIN pg_attribute fa ON fa.attrelid = f.confrelid AND fa.attnum = f.confkey[array_position(f.conkey, a.attnum)]
      WHERE f.contype = 'f' AND f.conparentid = 0 AND f.conrelid = a.attrelid AND a.attnum = ANY (f.conkey)),
    'default', left(CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated: ' || pg_get_expr(d.adbin, d.adrelid)
      ELSE pg_get_expr(d.adbin, d.adrelid) END, 500),
    'comment', left(col_description(a.attrelid, a.attnum), 500)) ORDER BY a.attnum)
  FROM pg_attribute a
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_constraint pk ON pk.conrelid = a.attrelid AND pk.contype = 'p'
  WHERE a.attrelid = ${table} AND a.attnum > 0 AND NOT a.attisdropped)`

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
