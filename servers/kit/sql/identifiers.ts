// Names and array literals as SQL text.

/** The keywords that cannot be the name of a column, or of a table behind its schema (kwlist.h: reserved, and types or functions). */
const keywords = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
  concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp
  current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having
  ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not
  notnull null offset on only or order outer overlaps placing primary references returning right select session_user similar
  some symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when where window
  with`.split(/\s+/),
)

/** As it has to be written in SQL, as the name of a column or behind a dot. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !keywords.has(name) ? name : quoteAlways(name)
}

export function quoteAlways(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A table, view or the like. */
export interface Named {
  readonly schema: string
  readonly name: string
}

export function qualified({ schema, name }: Named): string {
  return `${quoteName(schema)}.${quoteName(name)}`
}

/** As PostgreSQL folds what is not quoted: ASCII only where the encoding has several bytes to a character. */
export function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** A text[] parameter. */
export function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
