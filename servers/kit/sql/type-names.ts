// Names of types, and what separates the elements of their arrays: asked for once in each database.
import type { Ask } from './read-only.ts'
import type { Field } from './statement.ts'
import type { Column } from './table.ts'

const maxTypes = 5_000

// The short names, such as int8 and timestamptz, of what is built in.
const typesQuery = `
  SELECT t.oid, CASE WHEN t.oid >= 16384 THEN pg_catalog.format_type(t.oid, NULL) WHEN e.oid IS NULL THEN t.typname ELSE e.typname || '[]' END AS type,
    coalesce(e.typdelim, ',') AS delimiter
  FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid WHERE t.oid = ANY ($1::pg_catalog.oid[])`

export class TypeNames {
  /** By `database/oid`. */
  readonly #types = new Map<string, Pick<Required<Column>, 'type' | 'delimiter'>>()

  /** The columns of a result with the names of their types. */
  async columns(database: string, fields: readonly Field[], lookup: Ask): Promise<Column[]> {
    const unknown = fields.map(({ dataTypeID }) => dataTypeID).filter((oid) => !this.#types.has(`${database}/${oid}`))
    if (unknown.length > 0) {
      const found = await lookup<{ oid: string; type: string; delimiter: string }>(typesQuery, [`{${unknown.join(',')}}`])
      if (this.#types.size > maxTypes) this.#types.clear()
      for (const { oid, type, delimiter } of found) this.#types.set(`${database}/${oid}`, { type, delimiter })
    }
    return fields.map(({ name, dataTypeID }) => {
      const known = this.#types.get(`${database}/${dataTypeID}`) ?? { type: `oid ${dataTypeID}`, delimiter: ',' }
      return { name, ...known }
    })
  }
}
