// The read-only engine of one server: finds the database, runs statements of callers and queries of our own, and explains what fails.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { Remembered } from '../waiting.ts'
import { isConnectionLoss, isServerError, toToolError } from './errors.ts'
import { explainMissing, type Lookup } from './hints.ts'
import { arrayLiteral, quoteName } from './identifiers.ts'
import type { Step } from './messages.ts'
import { asJson, fromJson, type ReadResult, readAll, readOnly, readOwn } from './read-only.ts'
import { safeReader } from './reader-role.ts'
import { type ConnectionOptions, connectMs, RoleConnections } from './role-connections.ts'
import type { Session } from './session.ts'
import type { Outcome } from './statement.ts'
import { requireReading, requireSql, type ShellCommand } from './statement-filter.ts'
import { describeTarget } from './target.ts'
import { type TypeInfo, TypeNames } from './type-names.ts'

export interface EngineOptions extends ConnectionOptions {
  /** Databases that may be queried; empty for all. */
  readonly allowedDatabases: readonly string[]
  /** The call that answers what a command of psql or MySQL asks for. */
  readonly instead?: (command: Pick<ShellCommand, 'wants' | 'table'>) => string
}

export interface Query {
  readonly text: string
  readonly values?: Values
  readonly database?: string | undefined
  readonly maxRows: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface QueryResult extends ReadResult {
  readonly database: string
  readonly columns: ResultColumn[]
}

export interface ResultColumn extends TypeInfo {
  readonly name: string
}

export interface AskOptions {
  readonly database?: string | undefined
  /** Names resolve as the role's statements resolve them. */
  readonly searchPath?: 'role'
}

/** The cells of a row. */
export type Row = (string | null)[]
export type Values = readonly (string | null)[]

const catalogueMs = 10_000
const lookupMs = 1_500
/** How old the list of databases may be. */
const keptMs = 10_000

export class SqlEngine {
  readonly upstream: string
  readonly connections: RoleConnections
  readonly #options: EngineOptions
  #ownDatabase: string | undefined
  readonly #databases: Remembered<string[]>
  readonly #types = new TypeNames()

  constructor(options: EngineOptions) {
    this.#options = options
    this.upstream = describeTarget(options.target)
    this.#databases = new Remembered({ keepMs: keptMs, maxEntries: 1 }, (_, signal) => this.#readDatabases(signal))
    this.connections = new RoleConnections(options, { title: 'the role', safeRole: safeReader, readsOnly: true })
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
    const text = requireSql(written, (command) => this.#instead(command))
    requireReading(text)
    const name = await this.resolveDatabase(database, signal)
    const limits = {
      timeoutMs: this.limitTimeout(timeoutMs),
      maxRows,
      keepBytes: 4 * this.#options.environment.maxResultChars,
      signal,
    }
    try {
      const read = (session: Session) => readOnly(session, { text, values }, limits)
      const result = await this.connections.use(name, signal, read, { callers: true })
      const fields = result.fields ?? []
      await this.#types.learn(name, fields, this.lookup(name, signal))
      const columns = fields.map((field) => ({ name: field.name, ...this.#types.of(name, field.dataTypeID) }))
      return { ...result, database: name, columns }
    } catch (error) {
      throw await this.explain(error, text, name, signal)
    }
  }

  /**
   * Runs one of our own queries, whose columns become the members of objects.
   * @param options `database` default: the server's own; `searchPath` default: pg_catalog alone
   * @throws ToolError
   */
  async ask<T>(text: string, values: Values, signal: AbortSignal, options: AskOptions = {}): Promise<T[]> {
    return fromJson<T>(await this.#readAll(asJson(text, values), signal, options))
  }

  /** Rows of cells, for queries whose columns have no names. @throws ToolError */
  async catalogue(database: string, text: string, values: Values, signal: AbortSignal): Promise<Row[]> {
    const { rows } = await this.#readAll({ text, values }, signal, { database })
    return rows.map((row) => row.map((cell) => (typeof cell === 'object' && cell !== null ? cell.head : cell)))
  }

  /** Short queries that help to explain a result or an error: without an answer it is reported as it is. */
  lookup(database: string, signal: AbortSignal): Lookup {
    return <T>(text: string, values: Values = []) =>
      this.connections
        .use(database, signal, (session) => readOwn<T>(session, { text, values }, { timeoutMs: lookupMs, signal }))
        .catch(() => undefined)
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
      { retry: { database: near ?? own } },
    )
  }

  /** Names of the databases that may be queried, at most ten seconds old. */
  databases(signal: AbortSignal): Promise<string[]> {
    return this.#databases.get('', signal)
  }

  /** Asks the server, and reads the role's privileges anew; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    try {
      const own = await this.#own(signal, true)
      return await this.connections.use(
        own,
        signal,
        async (session) => {
          const text = "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby"
          const limits = { timeoutMs: connectMs, signal, searchPath: 'pg_catalog' }
          const [found] = await readOwn<{ version: string; standby: boolean }>(session, { text }, limits)
          const { repair } = await this.connections.examine(session, signal, true)
          return {
            database: own,
            version: found?.version,
            ...(found?.standby ? { standby: true } : {}),
            connections: this.connections.pool.stats,
            safety: this.connections.safety,
            ...(repair.length === 0 ? {} : { sql_for_the_operator: repair }),
          }
        },
        { reserve: true },
      )
    } catch (error) {
      if (isConnectionLoss(error)) this.connections.pool.dropIdle()
      throw toToolError(error)
    }
  }

  close(): Promise<void> {
    return this.connections.close()
  }

  /** An error as a ToolError, with the nearest real names where one is missing. */
  async explain(error: unknown, query: string, database: string, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return signal.reason
    if (isServerError(error)) {
      const listTables = this.#instead({ wants: 'tables' })
      const found = await explainMissing(error, query, this.lookup(database, signal), listTables)
      if (found !== undefined) return found
    }
    return toToolError(error, query)
  }

  async #readAll(step: Step, signal: AbortSignal, { database, searchPath }: AskOptions): Promise<Outcome> {
    const path = searchPath === undefined ? 'pg_catalog' : undefined
    const limits = { timeoutMs: this.limitTimeout(catalogueMs), signal, searchPath: path }
    try {
      const name = database ?? (await this.#own(signal))
      return await this.connections.use(name, signal, (session) => readAll(session, step, limits))
    } catch (error) {
      throw toToolError(error)
    }
  }

  #instead(command: Pick<ShellCommand, 'wants' | 'table'>): string {
    return this.#options.instead?.(command) ?? 'SQL of PostgreSQL'
  }

  /** The database that is used without a name: the configured one, or of two candidates the one that exists. */
  async #own(signal: AbortSignal, reserve = false): Promise<string> {
    if (this.#ownDatabase !== undefined) return this.#ownDatabase
    const { databases } = this.#options.target
    for (const [i, name] of databases.entries()) {
      try {
        await this.connections.use(name, signal, async () => {}, { reserve })
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
  async #readDatabases(signal: AbortSignal): Promise<string[]> {
    const text = `SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
      AND ($1::text[] = '{}' OR datname = ANY ($1::text[])) ORDER BY 1`
    return (await this.ask<{ name: string }>(text, [this.allowedDatabasesLiteral], signal)).map(({ name }) => name)
  }
}
