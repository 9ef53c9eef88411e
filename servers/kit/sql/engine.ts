// The read-only engine of one server: finds the database and a connection, runs statements, and explains what fails.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../definition.ts'
import { visibleJson } from '../text.ts'
import { Remembered } from '../waiting.ts'
import { isConnectionLoss, isServerError, toToolError } from './errors.ts'
import { explainMissing, type Lookup } from './hints.ts'
import { arrayLiteral, quoteName } from './identifiers.ts'
import { Pool } from './pool.ts'
import { describeSafety, isEnforced, type RolePrivileges, readPrivileges, type SelfTest, selfTest } from './privileges.ts'
import type { Cell } from './protocol-guard.ts'
import { type ReadResult, readOnly, resetSession } from './read-only.ts'
import type { Session } from './session.ts'
import { bareStatement, requireReading, type ShellCommand, shellCommand } from './statement-filter.ts'
import { describeTarget, type Target } from './target.ts'
import { TypeNames } from './type-names.ts'

export interface EngineOptions {
  readonly target: Target
  readonly environment: Environment
  readonly maxConnections: number
  /** Databases that may be queried; empty for all. */
  readonly allowedDatabases: readonly string[]
  /** Run SQL of callers even though the role could reach beyond a READ ONLY transaction. */
  readonly allowUnsafeRole?: boolean
  /** Name of the server, for the log. */
  readonly name: string
  /** The call that answers what a command of psql or MySQL asks for. Default: SQL on the catalogue. */
  readonly instead?: (command: Pick<ShellCommand, 'wants' | 'table'>) => string
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
  readonly columns: ResultColumn[]
  readonly durationMs: number
}

export interface ResultColumn {
  readonly name: string
  readonly type: string
  /** Between the elements of an array (pg_type.typdelim). */
  readonly delimiter: string
}

export type Row = (string | null)[]

export const connectMs = 3_000
/** Shorter than the five seconds for which CREATE DATABASE … TEMPLATE and DROP DATABASE wait for other sessions to leave. */
const idleMs = 3_000
const catalogueMs = 10_000
const lookupMs = 1_500
/** How old privileges and the list of databases may be. */
const keptMs = 10_000
const maxWaitMs = 10_000
const maxDatabases = 200
const catalogueRows = 5_000
const catalogueBytes = 4_000_000

export class SqlEngine {
  readonly upstream: string
  readonly pool: Pool
  readonly #options: EngineOptions
  #selfTest: SelfTest | undefined
  /** Of the database that was opened last. */
  #privileges: RolePrivileges | undefined
  readonly #privilegesOf = new Map<string, { privileges: RolePrivileges; at: number }>()
  #ownDatabase: string | undefined
  readonly #databases: Remembered<string[]>
  readonly #types = new TypeNames()

  constructor(options: EngineOptions) {
    this.#options = options
    this.upstream = describeTarget(options.target)
    this.#databases = new Remembered({ keepMs: keptMs, maxEntries: 1 }, (own, signal) => this.#readDatabases(own, signal))
    this.pool = new Pool({
      target: options.target,
      maxConnections: options.maxConnections,
      connectMs,
      idleMs,
      onOpen: async (session, signal) => void (await this.#examine(session, signal)),
    })
  }

  /** What keeps the access read-only; empty before the first connection. */
  get safety(): Record<string, unknown> {
    const { allowUnsafeRole = false } = this.#options
    if (this.#privileges === undefined || this.#selfTest === undefined) return {}
    return describeSafety(this.#privileges, this.#selfTest, allowUnsafeRole)
  }

  /** Why SQL of callers is not run; undefined when it is. */
  get unsafeRole(): string | undefined {
    return this.#privileges === undefined ? undefined : reasonAgainst(this.#privileges)
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
  async query({ text: written, values = [], database, maxRows, timeoutMs, signal }: Query): Promise<QueryResult> {
    const text = this.#readableStatement(written)
    const name = await this.resolveDatabase(database, signal)
    const keepBytes = 4 * this.#options.environment.maxResultChars
    const limit = this.limitTimeout(timeoutMs)
    const run = async (session: Session): Promise<QueryResult> => {
      await this.#refuseUnsafeRole(session, signal)
      const started = performance.now()
      const result = await readOnly(session, { text, values }, { timeoutMs: limit, maxRows, keepBytes, signal })
      const durationMs = Math.round(performance.now() - started)
      await this.#types.learn(session, result.fields ?? [], signal)
      const columns = (result.fields ?? []).map((field) => ({ name: field.name, ...this.#types.of(name, field.dataTypeID) }))
      return { ...result, database: name, columns, durationMs }
    }
    try {
      return await this.use(name, signal, run, true)
    } catch (error) {
      throw await this.explain(error, { query: text, maxTimeoutMs: this.limitTimeout(60_000) }, name, signal)
    }
  }

  /** Runs one of our own queries, with only pg_catalog in the search path; the rows and cells are complete. @throws ToolError */
  async catalogue(database: string, text: string, values: readonly (string | null)[], signal: AbortSignal): Promise<Row[]> {
    const limits = {
      timeoutMs: this.limitTimeout(catalogueMs),
      maxRows: catalogueRows,
      keepBytes: catalogueBytes,
      signal,
      settings: { search_path: 'pg_catalog' },
    }
    try {
      const { rows, more } = await this.use(database, signal, (session) => readOnly(session, { text, values }, limits))
      if (more) throw new ToolError('TOO_LARGE', `the catalogue answers with more than ${catalogueRows} rows or 4 MB`)
      return rows.map((row) => row.map(cellText))
    } catch (error) {
      throw toToolError(error)
    }
  }

  /** The database's name, known to exist and allowed; without one, the server's own. @throws ToolError NOT_FOUND with the names */
  async resolveDatabase(database: string | undefined, signal: AbortSignal): Promise<string> {
    const own = await this.#own(signal)
    if (database === undefined || database === own) return own
    if ((await this.databases(signal)).includes(database)) return database
    this.#databases.forget() // it may have been created a second ago
    const names = await this.databases(signal)
    if (names.includes(database)) return database
    const near = nearest(database, names, 1)[0]
    throw new ToolError(
      'NOT_FOUND',
      `database "${database.slice(0, 80)}" does not exist or is not offered here. Databases: ${names.slice(0, 20).map(quoteName).join(', ')}${names.length > 20 ? ', …' : ''}`,
      { hint: visibleJson({ database: near ?? own }) },
    )
  }

  /** Names of the databases that may be queried, at most ten seconds old. */
  async databases(signal: AbortSignal): Promise<string[]> {
    return this.#databases.get(await this.#own(signal), signal)
  }

  /**
   * Lends a session for one transaction and resets it afterwards, without keeping the caller waiting for that. A reading statement whose
   * reused connection turns out to be dead is run once more, on a new one.
   * @param callers it is a caller's statement, which may leave state that no reset removes
   */
  async use<T>(database: string, signal: AbortSignal, work: (session: Session) => Promise<T>, callers = false): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const session = await this.#acquire(database, signal)
      const reused = session.uses > 0
      const done = (): void => {
        if (callers && this.#privilegesOf.get(database)?.privileges.keepsState) session.end()
        void this.#giveBack(session)
      }
      try {
        const result = await work(session)
        done()
        return result
      } catch (error) {
        done()
        if (!isConnectionLoss(error) || signal.aborted) throw error
        this.pool.dropIdle()
        this.#selfTest = undefined // the next server that answers may be another one
        this.#privilegesOf.clear()
        if (!reused || attempt > 1) throw error
      }
    }
  }

  /** Asks the server, and reads the role's privileges anew; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    try {
      const own = await this.#own(signal, true)
      const session = await this.#acquire(own, signal, true)
      try {
        const limits = { timeoutMs: connectMs, maxRows: 1, keepBytes: 10_000, signal }
        const text = "SELECT current_setting('server_version'), pg_is_in_recovery()"
        const { rows } = await readOnly(session, { text }, limits)
        await resetSession(session)
        const { repair } = await this.#examine(session, signal, true)
        const [version, standby] = (rows[0] ?? []) as Row
        return {
          database: own,
          version,
          ...(standby === 't' ? { standby: true } : {}),
          connections: this.pool.stats,
          safety: this.safety,
          ...(repair.length === 0 ? {} : { sql_for_the_operator: repair }),
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
    context: { query: string; timeoutMs?: number; maxTimeoutMs: number },
    database: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (signal.aborted) return signal.reason
    if (isServerError(error)) {
      const found = await explainMissing(error, context.query, this.lookup(database, signal), this.#instead({ wants: 'tables' }))
      if (found !== undefined) return found
    }
    return toToolError(error, context)
  }

  /** Short queries that help to explain a result or an error: without an answer it is reported as it is. */
  lookup(database: string, signal: AbortSignal): Lookup {
    const limits = { timeoutMs: lookupMs, maxRows: catalogueRows, keepBytes: 1_000_000, signal }
    return async (text, values = []) => {
      try {
        const { rows } = await this.use(database, signal, (session) => readOnly(session, { text, values }, limits))
        return rows.map((row) => row.map(cellText))
      } catch {
        return undefined
      }
    }
  }

  /** @throws ToolError unless it is one statement that reads */
  #readableStatement(written: string): string {
    const text = bareStatement(written)
    const command = shellCommand(text)
    if (command !== undefined) {
      throw new ToolError('INVALID_ARGUMENT', `"${command.written}" is not SQL of PostgreSQL`, { hint: this.#instead(command) })
    }
    requireReading(text)
    return text
  }

  #instead(command: Pick<ShellCommand, 'wants' | 'table'>): string {
    if (this.#options.instead !== undefined) return this.#options.instead(command)
    if (command.wants === 'databases') return visibleJson({ query: 'SELECT datname FROM pg_database' })
    const where =
      command.wants === 'columns'
        ? `table_name = '${(command.table ?? '').replace(/^.*\./, '').replaceAll("'", "''")}'`
        : "table_schema NOT IN ('pg_catalog', 'information_schema')"
    const select =
      command.wants === 'columns'
        ? 'column_name, data_type FROM information_schema.columns'
        : 'table_schema, table_name FROM information_schema.tables'
    return visibleJson({ query: `SELECT ${select} WHERE ${where}` })
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
        const explained = toToolError(error)
        const missing = explained instanceof ToolError && explained.detail === '3D000'
        if (!missing || i === databases.length - 1) throw explained
      }
    }
    return databases[0]
  }

  /** Templates are left out: a session in template1 would block CREATE DATABASE. */
  async #readDatabases(own: string, signal: AbortSignal): Promise<string[]> {
    const text = `SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
      AND ($1::text[] = '{}' OR datname = ANY ($1::text[])) ORDER BY 1`
    return (await this.catalogue(own, text, [this.allowedDatabasesLiteral], signal)).map(([name]) => name ?? '')
  }

  async #acquire(database: string, signal: AbortSignal, reserve = false): Promise<Session> {
    await this.#options.started?.()
    const session = await this.pool.acquire(database, { signal, reserve, waitMs: reserve ? connectMs : maxWaitMs })
    if (this.#selfTest === undefined || isEnforced(this.#selfTest)) return session
    this.pool.release(session)
    throw new ToolError(
      'FORBIDDEN',
      'the read-only self-test failed on this database server, so nothing is run. Ask the operator',
    )
  }

  async #giveBack(session: Session): Promise<void> {
    await resetSession(session)
    this.pool.release(session)
  }

  /** The self-test, once for each time the server is found; the role's privileges for every new connection, and for every probe. */
  async #examine(session: Session, signal: AbortSignal | undefined, anew = false): Promise<RolePrivileges> {
    const known = this.#privilegesOf.get(session.database)
    if (known !== undefined && !anew && performance.now() - known.at < keptMs) return known.privileges
    this.#selfTest ??= await selfTest(session, signal)
    const privileges = await readPrivileges(session, signal)
    if (this.#privilegesOf.size >= maxDatabases) this.#privilegesOf.clear()
    this.#privilegesOf.set(session.database, { privileges, at: performance.now() })
    this.#privileges = privileges
    if (JSON.stringify(known?.privileges) !== JSON.stringify(privileges)) this.#report(session.database, privileges)
    return privileges
  }

  #report(database: string, { repair }: RolePrivileges): void {
    const { log } = this.#options.environment
    const fields = { server: this.#options.name, database, ...this.safety }
    const advice = repair.length === 0 ? {} : { sql: repair.join('\n') }
    if (this.#selfTest !== undefined && !isEnforced(this.#selfTest)) {
      log.error('read-only self-test FAILED: this server refuses to work', fields)
    } else if (this.unsafeRole !== undefined) {
      log.warn(`${this.unsafeRole}. Use a role that only reads: run the statements in "sql" in database ${database}`, {
        ...fields,
        ...advice,
      })
    } else if (repair.length > 0) {
      log.warn('read-only self-test passed, but the role may call functions that reach other systems; "sql" revokes them', {
        ...fields,
        ...advice,
      })
    } else {
      log.info('read-only self-test passed', fields)
    }
  }

  /** @throws ToolError FORBIDDEN while the role could reach beyond a READ ONLY transaction */
  async #refuseUnsafeRole(session: Session, signal: AbortSignal): Promise<void> {
    if (this.#options.allowUnsafeRole === true || reasonAgainst(await this.#examine(session, signal)) === undefined) return
    const reason = reasonAgainst(await this.#examine(session, signal, true)) // the operator may have changed the role since
    if (reason === undefined) return
    throw new ToolError(
      'FORBIDDEN',
      `${reason}. SQL is not run with it; the tools that list databases and tables work. Ask the operator to use a role that only reads: /ready and the log show the statements that create one`,
    )
  }
}

function reasonAgainst({ role, unsafe }: RolePrivileges): string | undefined {
  return unsafe.length === 0 ? undefined : `the role ${quoteName(role)} is not safe: ${unsafe.join('; ')}`
}

function cellText(cell: Cell): string | null {
  return typeof cell === 'object' && cell !== null ? `${cell.head}…` : cell
}
