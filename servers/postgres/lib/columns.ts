// The columns of listed tables: type, NOT NULL, primary key, foreign keys, default, comment.
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { arrayLiteral, quoteName } from '../../kit/sql/hints.ts'
import { quoteCell } from '../../kit/sql/table.ts'

export interface Column {
  name: string
  type: string
  nullable: boolean
  primary_key: boolean
  references: string | null
  default: string | null
  comment: string | null
}

const columnsQuery = `
  SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(a.attnum = ANY (pk.conkey), false),
    (SELECT string_agg(fn.nspname || '.' || fc.relname || '(' || fa.attname || ')', ', ')
      FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
      JOIN pg_attribute fa ON fa.attrelid = f.confrelid AND fa.attnum = f.confkey[array_position(f.conkey, a.attnum)]
      WHERE f.contype = 'f' AND f.conrelid = a.attrelid AND a.attnum = ANY (f.conkey)),
    CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated: ' || pg_get_expr(d.adbin, d.adrelid)
      ELSE pg_get_expr(d.adbin, d.adrelid) END,
    col_description(a.attrelid, a.attnum)
  FROM pg_attribute a
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_constraint pk ON pk.conrelid = a.attrelid AND pk.contype = 'p'
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`

/** Tables of one query: their columns together stay below the rows that a catalogue query keeps. */
const tablesAtOnce = 40

export async function listColumns(
  engine: SqlEngine,
  database: string,
  tables: readonly { oid: string; columns?: Column[] }[],
  signal: AbortSignal,
): Promise<void> {
  for (let i = 0; i < tables.length; i += tablesAtOnce) {
    const page = tables.slice(i, i + tablesAtOnce)
    const byOid = new Map(page.map((table) => [table.oid, table]))
    const rows = await engine.catalogue(database, columnsQuery, [arrayLiteral([...byOid.keys()])], signal)
    for (const [oid, name, type, notNull, primaryKey, references, initial, comment] of rows) {
      const table = byOid.get(oid ?? '')
      if (table === undefined) continue
      table.columns ??= []
      table.columns.push({
        name: name ?? '',
        type: type ?? '',
        nullable: notNull !== 't',
        primary_key: primaryKey === 't',
        references: references ?? null,
        default: initial ?? null,
        comment: comment ?? null,
      })
    }
  }
}

export function describeColumn({ name, type, nullable, primary_key, references, default: initial, comment }: Column): string {
  return [
    quoteCell(quoteName(name)),
    type,
    primary_key ? 'PK' : nullable ? '' : 'not null',
    references === null ? '' : `-> ${references}`,
    initial === null ? '' : `default ${oneLine(initial, 100)}`,
    comment === null ? '' : `-- ${oneLine(comment, 200)}`,
  ]
    .filter((part) => part !== '')
    .join(' ')
}

function oneLine(text: string, maxChars: number): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > maxChars ? `${line.slice(0, maxChars)}…` : line
}
