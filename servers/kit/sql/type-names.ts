// Names of types that are not built in, and what separates the elements of their arrays: asked for once in each database.
import type { Field } from './pg-adapter.ts'
import { readOnly, resetSession } from './read-only.ts'
import type { Session } from './session.ts'
import { builtinTypeName } from './values.ts'

interface TypeInfo {
  readonly type: string
  readonly delimiter: string
}

const maxTypes = 5_000
const lookupMs = 1_500

export class TypeNames {
  /** By `database/oid`. */
  readonly #types = new Map<string, TypeInfo>()

  of(database: string, oid: number): TypeInfo {
    const learnt = this.#types.get(`${database}/${oid}`)
    return learnt ?? { type: builtinTypeName(oid) ?? `oid ${oid}`, delimiter: ',' }
  }

  /** On the session that is at hand. */
  async learn(session: Session, fields: readonly Field[], signal: AbortSignal): Promise<void> {
    const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID))
    for (const oid of unknown) {
      if (builtinTypeName(oid) !== undefined || this.#types.has(`${session.database}/${oid}`)) unknown.delete(oid)
    }
    if (unknown.size === 0) return
    await resetSession(session)
    if (session.closed) return
    const text = `SELECT t.oid, pg_catalog.format_type(t.oid, NULL), (SELECT e.typdelim FROM pg_catalog.pg_type e WHERE e.oid = t.typelem)
      FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::pg_catalog.oid[])`
    const limits = { timeoutMs: lookupMs, maxRows: unknown.size, keepBytes: 100_000, signal }
    const { rows } = await readOnly(session, { text, values: [`{${[...unknown].join(',')}}`] }, limits)
    if (this.#types.size > maxTypes) this.#types.clear()
    for (const [oid, type, delimiter] of rows) {
      this.#types.set(`${session.database}/${oid}`, { type: String(type), delimiter: String(delimiter ?? ',') })
    }
  }
}
