// The read-only engine of one server: finds the database, runs statements of callers and queries of our own, and explains what fails.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../definition.ts'
import { Remembered } from '../waiting.ts'
import { isServerError } from './errors.ts'
import { explainMissing } from './hints.ts'
import { arrayLiteral, quoteName } from './identifiers.ts'
import { type Ask, type OwnLimits, readOnly, readOwn } from './read-only.ts'
import { safeReader } from './reader-role.ts'
import { type ConnectionOptions, connectMs, RoleConnections } from './role-connections.ts'
import type { Session } from './session.ts'
import type { Field, Step } from './statement.ts'
import { type Instead, requireReading, requireSql } from './statement-filter.ts'
import type { Column } from './table.ts'
import { describeTarget } from './target.ts'

export interface EngineOptions extends ConnectionOptions {
  /** Databases that may be queried; empty for all. */
  readonly allowedDatabases: readonly string[]
  readonly instead?: Instead
}

export interface Query {
  readonly text: string
  readonly values?: Step['values']
  readonly database?: string | undefined
  readonly maxRows: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type QueryResult = Awaited<ReturnType<SqlEngine['query']>>

const catalogueMs = 10_000
const lookupMs = 1_500
/** How old the list of databases may be. */
const keptMs = 10_000
const maxTypes = 5_000

// The short names, such as int8 and timestamptz, of what is built in.
const typesQuery = `
  SELECT t.oid, CASE WHEN t.oid >= 16384 THEN pg_catalog.format_type(t.oid, NULL) WHEN e.oid IS NULL THEN t.typname ELSE e.typname || '[]' END AS type,
    coalesce(e.typdelim, ',') AS delimiter
  FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid WHERE t.oid = ANY ($1::pg_catalog.oid[])`

export class SqlEngine {
  readonly upstream: string
  readonly environment: Environment
  readonly connections: RoleConnections
  readonly #options: EngineOptions
  readonly #instead: Instead
  #ownDatabase: string | undefined
  readonly #databases: Remembered<string[]>
  /** Names of types, and what separates the elements of their arrays, by `database/oid`. */
  readonly #types = new Map<string, Pick<Required<Column>, 'type' | 'delimiter'>>()

  constructor(options: EngineOptions) {
    this.#options = options
    this.environment = options.environment
    this.#instead = options.instead ?? (() => 'SQL of PostgreSQL')
    this.upstream = describeTarget(options.target)
    this.#databases = new Remembered({ keepMs: keptMs, maxEntries: 1 }, (_, signal) => this.#readDatabases(signal))
    this.connections = new RoleConnections({ ...options, title: 'the role', safeRole: safeReader, readsOnly: true })
  }

  /** PG_ALLOWED_DATABASES as a text[] parameter; `{}` admits all. */
  get allowedDatabasesLiteral(): string {
    return arrayLiteral(this.#options.allowedDatabases)
  }

  /** The largest `timeout_ms` that can be kept: a call's deadline leaves room for the answer. */
  limitTimeout(timeoutMs: number): number {
    return Math.max(100, Math.min(timeoutMs, this.environment.toolTimeoutMs - 1_000))
  }

  /** Runs what a caller wrote. @throws ToolError */
  async query({ text: written, values, database, maxRows, timeoutMs, signal }: Query) {
    const text = requireSql(written, this.#instead)
    requireReading(text)
    const name = await this.resolveDatabase(database, signal)
    const limits = {
      timeoutMs: this.limitTimeout(timeoutMs),
      maxRows,
      keepBytes: 4 * this.environment.maxResultChars,
      signal,
    }
    const work = (session: Session) => readOnly(session, { text, values }, limits)
    try {
      const result = await this.connections.use(name, signal, work, { query: text })
      return { ...result, database: name, columns: await this.#columns(name, result.fields ?? [], signal) }
    } catch (error) {
      throw await this.explain(error, text, name, signal)
    }
  }

  /** Runs queries of our own, which throw ToolErrors. @param options `database`: default the server's own */
  asker(signal: AbortSignal, options: Partial<Omit<OwnLimits, 'signal'>> & { database?: string } = {}): Ask {
    const { database, searchPath, timeoutMs = this.limitTimeout(catalogueMs) } = options
    const limits = { timeoutMs, signal, searchPath }
    return async <T>(text: string, values?: Step['values']) => {
      const name = database ?? (await this.#own(signal))
      return this.connections.use(name, signal, (session) => readOwn<T>(session, { text, values }, limits))
    }
  }

  /** Short queries that help to explain a result or an error: without an answer it is reported as it is. */
  lookup(database: string, signal: AbortSignal): Ask {
    const ask = this.asker(signal, { database, searchPath: 'role', timeoutMs: lookupMs })
    return <T>(text: string, values?: Step['values']) => ask<T>(text, values).catch(() => [])
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
    const shown = names.slice(0, 20).map(quoteName).join(', ') + (names.length > 20 ? ', …' : '')
    const text = `database "${database.slice(0, 80)}" does not exist or is not offered here. Databases: ${shown}`
    throw new ToolError('NOT_FOUND', text, { retry: { database: near ?? own } })
  }

  /** Names of the databases that may be queried, at most ten seconds old. */
  databases(signal: AbortSignal): Promise<string[]> {
    return this.#databases.get('', signal)
  }

  /** Asks the server, and reads the role's privileges anew; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    const { connections } = this
    const own = await this.#own(signal, true)
    const work = async (session: Session): Promise<Record<string, unknown>> => {
      const text = "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby"
      const [found] = await readOwn<{ version: string; standby: boolean }>(session, { text }, { timeoutMs: connectMs, signal })
      const { repair } = await connections.examine(session, signal, true)
      return {
        database: own,
        version: found?.version,
        ...(found?.standby ? { standby: true } : {}),
        connections: connections.stats,
        safety: connections.safety,
        ...(repair.length === 0 ? {} : { sql_for_the_operator: repair }),
      }
    }
    return connections.use(own, signal, work, { probing: true })
  }

  close(): Promise<void> {
    return this.connections.close()
  }

  /** The error of a caller's statement, with the nearest real names where one is missing. */
  async explain(error: unknown, query: string, database: string, signal: AbortSignal): Promise<unknown> {
    const cause = error instanceof ToolError ? error.cause : undefined
    if (signal.aborted || !isServerError(cause)) return error
    return (await explainMissing(cause, query, this.lookup(database, signal), this.#instead({ wants: 'tables' }))) ?? error
  }

  /** The database that is used without a name: the configured one, or of two candidates the one that exists. */
  async #own(signal: AbortSignal, probing = false): Promise<string> {
    if (this.#ownDatabase !== undefined) return this.#ownDatabase
    const { databases } = this.#options.target
    for (const name of databases) {
      try {
        await this.connections.use(name, signal, async () => {}, { probing })
        this.#ownDatabase = name
        return name
      } catch (error) {
        if (name === databases.at(-1) || !(error instanceof ToolError) || error.detail !== '3D000') throw error
      }
    }
    return databases[0]
  }

  /** The columns of a result; a type is looked up once in each database. */
  async #columns(database: string, fields: readonly Field[], signal: AbortSignal): Promise<Column[]> {
    const unknown = fields.map(({ dataTypeID }) => dataTypeID).filter((oid) => !this.#types.has(`${database}/${oid}`))
    if (unknown.length > 0) {
      const ask = this.lookup(database, signal)
      const found = await ask<{ oid: string; type: string; delimiter: string }>(typesQuery, [`{${unknown.join(',')}}`])
      if (this.#types.size > maxTypes) this.#types.clear()
      for (const { oid, type, delimiter } of found) this.#types.set(`${database}/${oid}`, { type, delimiter })
    }
    return fields.map(({ name, dataTypeID }) => {
      const known = this.#types.get(`${database}/${dataTypeID}`) ?? { type: `oid ${dataTypeID}`, delimiter: ',' }
      return { name, ...known }
    })
  }

  /** Templates are left out: a session in template1 would block CREATE DATABASE. */
  async #readDatabases(signal: AbortSignal): Promise<string[]> {
    const text = `SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
      AND ($1::text[] = '{}' OR datname = ANY ($1::text[])) ORDER BY 1`
    return (await this.asker(signal)<{ name: string }>(text, [this.allowedDatabasesLiteral])).map(({ name }) => name)
  }
}
