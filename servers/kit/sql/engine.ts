// The read-only engine of one server: which database, which connection, the recipe, and what becomes of a failure.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../definition.ts'
import { isConnectionLoss, isServerError, toToolError } from './errors.ts'
import { arrayLiteral, explainMissing, type Lookup, quoteName } from './hints.ts'
import { Pool } from './pool.ts'
import { examine, type Posture, postureBlock } from './privileges.ts'
import { type ReadResult, readOnly, scrub } from './read-only.ts'
import type { Session } from './session.ts'
import { admitReading, compileDenyList, type DenyFunctions } from './statement-filter.ts'
import { describeTarget, type Target } from './target.ts'
import { builtinTypeName } from './values.ts'

export interface EngineOptions {
  readonly target: Target
  readonly environment: Environment
  readonly maxConnections: number
  /** Names the operator added to the deny-list, or with `!` took from it. */
  readonly denyFunctions: readonly string[]
  /** Databases that may be asked; empty for all. */
  readonly allowedDatabases: readonly string[]
  /** Refuse to work with a role that can do more than read. */
  readonly requireSafeRole: boolean
  /** Name of the server, for the log. */
  readonly name: string
  /** Awaited before the first connection is made. */
  readonly started?: (() => Promise<void>) | undefined
}

export interface Query {
  readonly text: string
  readonly values?: readonly (string | null)[]
  readonly database?: string | undefined
  readonly maxRows: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface QueryResult extends ReadResult {
  readonly database: string
  readonly columns: { name: string; type: string }[]
  readonly durationMs: number
}

export type Row = (string | null)[]

export const connectMs = 3_000
const idleMs = 30_000
const catalogueMs = 10_000
const lookupMs = 1_500
const databasesCachedMs = 10_000
const maxWaitMs = 10_000
const maxTypeNames = 5_000
const catalogueRows = 5_000
const catalogueBytes = 4_000_000

export class SqlEngine {
  readonly upstream: string
  readonly pool: Pool
  readonly denied: DenyFunctions
  readonly #options: EngineOptions
  #posture: Posture | undefined
  #ownDatabase: string | undefined
  #databases: { names: string[]; at: number } | undefined
  /** `database/oid` → name */
  readonly #typeNames = new Map<string, string>()

  constructor(options: EngineOptions) {
    this.#options = options
    this.upstream = describeTarget(options.target)
    this.denied = compileDenyList(options.denyFunctions)
    this.pool = new Pool({
      target: options.target,
      maxConnections: options.maxConnections,
      connectMs,
      idleMs,
      onOpen: (session, signal) => this.#firstLook(session, signal),
    })
  }

  get posture(): Posture | undefined {
    return this.#posture
  }

  /** PG_ALLOWED_DATABASES as a text[] parameter; `{}` admits all. */
  get allowedDatabasesLiteral(): string {
    return arrayLiteral(this.#options.allowedDatabases)
  }

  /** The largest `timeout_ms` that can be kept: a call's deadline leaves room for the answer. */
  limitTimeout(timeoutMs: number): number {
    return Math.max(100, Math.min(timeoutMs, this.#options.environment.toolTimeoutMs - 1_000))
  }

  /** Runs what a caller wrote. @throws ToolError */
  async query({ text, values = [], database, maxRows, timeoutMs, signal }: Query): Promise<QueryResult> {
    admitReading(text, this.denied)
    const name = await this.resolveDatabase(database, signal)
    const keepBytes = 4 * this.#options.environment.maxResultChars
    const limit = this.limitTimeout(timeoutMs)
    try {
      return await this.use(name, signal, async (session) => {
        const started = performance.now()
        const result = await readOnly(session, { text, values }, { timeoutMs: limit, maxRows, keepBytes, signal })
        const durationMs = Math.round(performance.now() - started)
        await this.#learnTypes(session, result, signal)
        const columns = (result.fields ?? []).map((field) => ({ name: field.name, type: this.#typeName(name, field.dataTypeID) }))
        return { ...result, database: name, columns, durationMs }
      })
    } catch (error) {
      throw await this.explain(error, { query: text, timeoutMs: limit, maxTimeoutMs: this.limitTimeout(60_000) }, name, signal)
    }
  }

  /** Runs one of our own queries, with nothing but pg_catalog in the search path; cells come whole. @throws ToolError */
  async catalogue(database: string, text: string, values: readonly (string | null)[], signal: AbortSignal): Promise<Row[]> {
    const limits = {
      timeoutMs: this.limitTimeout(catalogueMs),
      maxRows: catalogueRows,
      keepBytes: catalogueBytes,
      signal,
      settings: { search_path: 'pg_catalog' },
    }
    try {
      const { rows } = await this.use(database, signal, (session) => readOnly(session, { text, values }, limits))
      return rows.map((row) => row.map((cell) => (typeof cell === 'object' && cell !== null ? `${cell.head}…` : cell)))
    } catch (error) {
      throw toToolError(error)
    }
  }

  /** The database's name, known to exist and allowed; without one, the server's own. @throws ToolError NOT_FOUND with the names */
  async resolveDatabase(database: string | undefined, signal: AbortSignal): Promise<string> {
    const own = await this.#own(signal)
    if (database === undefined || database === own) return own
    const { allowedDatabases } = this.#options
    const names = (await this.databases(signal)).filter(
      (name) => allowedDatabases.length === 0 || allowedDatabases.includes(name),
    )
    if (names.includes(database)) return database
    const near = nearest(database, names, 1)[0]
    throw new ToolError(
      'NOT_FOUND',
      `database "${database.slice(0, 80)}" does not exist or is not offered here. Databases: ${names.slice(0, 20).map(quoteName).join(', ')}${names.length > 20 ? ', …' : ''}`,
      { hint: JSON.stringify({ database: near ?? own }) },
    )
  }

  /** Names of the databases that accept connections, at most ten seconds old. */
  async databases(signal: AbortSignal): Promise<string[]> {
    if (this.#databases !== undefined && Date.now() - this.#databases.at < databasesCachedMs) return this.#databases.names
    const own = await this.#own(signal)
    const rows = await this.catalogue(own, 'SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1', [], signal)
    this.#databases = { names: rows.map(([name]) => name ?? ''), at: Date.now() }
    return this.#databases.names
  }

  /**
   * Lends a session for one transaction and scrubs it afterwards, without keeping the caller waiting for that. A reading statement whose
   * reused connection turns out to be dead is run once more, on a new one.
   */
  async use<T>(database: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const session = await this.#acquire(database, signal)
      const reused = session.uses > 0
      try {
        const result = await work(session)
        void this.#giveBack(session)
        return result
      } catch (error) {
        void this.#giveBack(session)
        if (!isConnectionLoss(error) || signal.aborted) throw error
        this.pool.dropIdle()
        this.#posture = undefined // whoever answers next may be another server
        if (!reused || attempt > 1) throw error
      }
    }
  }

  /** Asks the server; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    try {
      const own = await this.#own(signal, true)
      const session = await this.#acquire(own, signal, true)
      try {
        const limits = { timeoutMs: connectMs, maxRows: 1, keepBytes: 10_000, signal }
        const { rows } = await readOnly(
          session,
          { text: "SELECT current_setting('server_version'), pg_is_in_recovery()" },
          limits,
        )
        const [version, standby] = (rows[0] ?? []) as Row
        return {
          database: own,
          version,
          ...(standby === 't' ? { standby: true } : {}),
          connections: this.pool.stats,
          ...(this.#posture === undefined ? {} : { safety: postureBlock(this.#posture) }),
        }
      } finally {
        await this.#giveBack(session)
      }
    } catch (error) {
      if (isConnectionLoss(error)) this.pool.dropIdle()
      throw toToolError(error)
    }
  }

  close(): Promise<void> {
    return this.pool.close()
  }

  /** An error as a ToolError, with the nearest real names where one is missing. */
  async explain(
    error: unknown,
    context: { query: string; timeoutMs: number; maxTimeoutMs: number },
    database: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (signal.aborted) return signal.reason
    if (isServerError(error)) {
      const found = await explainMissing(error, context.query, this.#lookup(database, signal))
      if (found !== undefined) return found
    }
    return toToolError(error, context)
  }

  #lookup(database: string, signal: AbortSignal): Lookup {
    const limits = {
      timeoutMs: lookupMs,
      maxRows: catalogueRows,
      keepBytes: 1_000_000,
      signal,
      settings: { search_path: 'pg_catalog' },
    }
    return async (text, values = []) => {
      try {
        const { rows } = await this.use(database, signal, (session) => readOnly(session, { text, values }, limits))
        return rows.map((row) => row.map((cell) => (typeof cell === 'object' && cell !== null ? cell.head : cell)))
      } catch {
        return undefined // the candidates are a help, not the answer: the error itself is reported without them
      }
    }
  }

  /** The database that is used without a name: the configured one, or of two candidates the one that exists. */
  async #own(signal: AbortSignal, reserve = false): Promise<string> {
    if (this.#ownDatabase !== undefined) return this.#ownDatabase
    const { databases } = this.#options.target
    for (const [i, name] of databases.entries()) {
      try {
        const session = await this.#acquire(name, signal, reserve)
        this.pool.release(session)
        this.#ownDatabase = name
        return name
      } catch (error) {
        const missing = isServerError(error) && error.code === '3D000'
        if (!missing || i === databases.length - 1) throw toToolError(error)
      }
    }
    return databases[0]
  }

  async #acquire(database: string, signal: AbortSignal, reserve = false): Promise<Session> {
    await this.#options.started?.()
    const session = await this.pool.acquire(database, { signal, reserve, waitMs: reserve ? connectMs : maxWaitMs })
    const refusal = this.#refusal()
    if (refusal === undefined) return session
    this.pool.release(session)
    throw refusal
  }

  async #giveBack(session: Session): Promise<void> {
    await scrub(session)
    this.pool.release(session)
  }

  /** The self-test, once for each time the server is found. */
  async #firstLook(session: Session, signal: AbortSignal | undefined): Promise<void> {
    if (this.#posture !== undefined) return
    const posture = await examine(session, signal)
    this.#posture = posture
    const { log } = this.#options.environment
    const fields = { server: this.#options.name, database: session.database, ...postureBlock(posture) }
    if (!posture.enforced) log.error('read-only self-test FAILED: this server refuses to work', fields)
    else if (posture.superuser) {
      log.warn(
        'the database role is a SUPERUSER: only the statement gate and the READ ONLY transaction protect the data; use readonly-role.sql',
        fields,
      )
    } else if (posture.powers.length > 0)
      log.warn('read-only self-test passed, but the database role can do more than read', fields)
    else log.info('read-only self-test passed', fields)
  }

  #refusal(): ToolError | undefined {
    const posture = this.#posture
    if (posture === undefined) return undefined
    if (!posture.enforced)
      return new ToolError(
        'FORBIDDEN',
        'the read-only self-test failed on this database server, so nothing is run. Ask the operator',
      )
    if (this.#options.requireSafeRole && posture.powers.length > 0) {
      return new ToolError(
        'FORBIDDEN',
        'the database role of this server can do more than read, which its configuration does not allow. Ask the operator',
      )
    }
    return undefined
  }

  #typeName(database: string, oid: number): string {
    return builtinTypeName(oid) ?? this.#typeNames.get(`${database}/${oid}`) ?? `oid ${oid}`
  }

  /** Asks for the names of types that are not built in, on the session that is at hand. */
  async #learnTypes(session: Session, { fields = [] }: ReadResult, signal: AbortSignal): Promise<void> {
    const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID))
    for (const oid of unknown) {
      if (builtinTypeName(oid) !== undefined || this.#typeNames.has(`${session.database}/${oid}`)) unknown.delete(oid)
    }
    if (unknown.size === 0) return
    await scrub(session)
    if (session.closed) return
    const text =
      'SELECT t.oid, pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::pg_catalog.oid[])'
    const limits = { timeoutMs: lookupMs, maxRows: unknown.size, keepBytes: 100_000, signal }
    const { rows } = await readOnly(session, { text, values: [`{${[...unknown].join(',')}}`] }, limits)
    if (this.#typeNames.size > maxTypeNames) this.#typeNames.clear()
    for (const [oid, name] of rows) this.#typeNames.set(`${session.database}/${oid}`, String(name))
  }
}
