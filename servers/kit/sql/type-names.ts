// Names of types, and what separates the elements of their arrays: asked for once in each database.
import type { Lookup } from './hints.ts'
import type { Field } from './pg-adapter.ts'

export interface TypeInfo {
  readonly type: string
  /** Between the elements of an array (pg_type.typdelim). */
  readonly delimiter: string
}

const maxTypes = 5_000

// The short names, such as int8 and timestamptz, of what is built in.
const typesQuery = `
  SELECT t.oid, CASE WHEN t.oid >= 16384 THEN pg_catalog.format_type(t.oid, NULL) WHEN e.oid IS NULL THEN t.typname ELSE e.typname || '[]' END AS type,
    coalesce(e.typdelim, ',') AS delimiter
  FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid WHERE t.oid = ANY ($1::pg_catalog.oid[])`

export class TypeNames {
  /** By `database/oid`. */
  readonly #types = new Map<string, TypeInfo>()

  of(database: string, oid: number): TypeInfo {
    return this.#types.get(`${database}/${oid}`) ?? { type: `oid ${oid}`, delimiter: ',' }
  }

  async learn(database: string, fields: readonly Field[], lookup: Lookup): Promise<void> {
    const unknown = fields.map(({ dataTypeID }) => dataTypeID).filter((oid) => !this.#types.has(`${database}/${oid}`))
    if (unknown.length === 0) return
    const found = await lookup<TypeInfo & { oid: string }>(typesQuery, [`{${unknown.join(',')}}`])
    if (this.#types.size > maxTypes) this.#types.clear()
    for (const { oid, type, delimiter } of found ?? []) this.#types.set(`${database}/${oid}`, { type, delimiter })
  }
}
