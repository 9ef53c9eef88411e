// Runs writing statements: over one connection, in one transaction for each call that is committed only when the call asks for it.
import { ToolError } from '../../../protocol/index.ts'
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { describeUse } from '../../kit/sql/privileges.ts'
import { type Ask, guarded, runOwn, transactionSettings } from '../../kit/sql/read-only.ts'
import type { SafeRole } from '../../kit/sql/reader-role.ts'
import { RoleConnections } from '../../kit/sql/role-connections.ts'
import { ConnectionError, type Notice, type Session } from '../../kit/sql/session.ts'
import type { Outcome, Step } from '../../kit/sql/statement.ts'
import type { Target } from '../../kit/sql/target.ts'
import { cleanText, clip } from '../../kit/text.ts'

export interface WriteLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What the caller wrote, if it is run. */
  readonly query?: string
}

export interface Transaction {
  /** Runs one statement of the transaction, by the extended protocol. */
  run(text: string, values?: Step['values']): Promise<Outcome>
  /** As the writing role, under its search path. */
  readonly ask: Ask
  /** The server's notices so far, as `SEVERITY: message`. */
  readonly notices: string[]
}

export interface WriterOptions {
  readonly target: Target
  /** Looks up names for error messages, and knows which database is meant. */
  readonly engine: SqlEngine
  /** Run SQL of callers even though the role could reach beyond the rows of this database. */
  readonly allowUnsafeRole: boolean
}

const lockMs = 5_000
/** Of what a statement returns. */
const kept = { keepRows: 20, keepBytes: 100_000 }
const nothing = { keepRows: 0, keepBytes: 0 }

/** It reads and writes the tables of the schemas. The SQL is for one database, for the operator to paste. */
export const safeWriter: SafeRole = {
  name: 'mcp_writer',
  sql: ({ database, schemas, password = "'<a long random password>'" }) => [
    `CREATE ROLE mcp_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD ${password};`,
    `GRANT CONNECT ON DATABASE ${quoteName(database)} TO mcp_writer;`,
    ...schemas
      .map(({ name }) => quoteName(name))
      .flatMap((schema) => [
        `GRANT USAGE, CREATE ON SCHEMA ${schema} TO mcp_writer;`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO mcp_writer;`,
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO mcp_writer;`,
      ]),
    '-- For ALTER, compression and continuous aggregates it must own the table: ALTER TABLE … OWNER TO mcp_writer;',
  ],
}

export class Writer {
  readonly #options: WriterOptions
  readonly #connections: RoleConnections

  constructor(options: WriterOptions) {
    this.#options = options
    this.#connections = new RoleConnections({
      ...{ ...options, environment: options.engine.environment, name: 'timescaledb', maxConnections: 1 },
      ...{ title: 'the writing role', safeRole: safeWriter, readsOnly: false },
    })
  }

  /** Reads the role's privileges; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    const examine = (session: Session) => this.#connections.examine(session, signal, true)
    const privileges = await this.#connections.use(await this.#database(signal), signal, examine, { probing: true })
    const { role, repair } = privileges
    const statements = describeUse(privileges, this.#options.allowUnsafeRole)
    return { role, statements, ...(repair.length === 0 ? {} : { sql_for_the_operator: repair }) }
  }

  /** Runs `work` in a transaction; commits it, or rolls back when `commit` returns false or anything fails. @throws ToolError */
  transaction<T>(
    limits: WriteLimits,
    work: (transaction: Transaction) => Promise<T>,
    commit: (result: T) => boolean = () => true,
  ): Promise<T> {
    return this.#use(limits, async (session) => {
      let committing = false
      try {
        return await guarded(session, limits.timeoutMs, limits.signal, async () => {
          const settings = transactionSettings(session, limits.timeoutMs, lockMs, true)
          await session.run({ before: [{ text: 'BEGIN READ WRITE' }, ...settings], step: { text: 'SELECT 1' }, ...nothing })
          const result = await work({
            ask: (text, values) => runOwn(session, { text, values }),
            run: (text, values) => session.run({ step: { text, values }, ...kept }),
            get notices() {
              return session.notices.map(describeNotice)
            },
          })
          if (!commit(result)) return result // rolled back when the session is reset
          committing = true
          const { tag } = await session.run({ step: { text: 'COMMIT' }, ...nothing })
          if (tag !== 'COMMIT')
            throw new ToolError('UPSTREAM_ERROR', 'the transaction was rolled back by the server; nothing changed')
          return result
        })
      } catch (error) {
        if (committing && (error instanceof ConnectionError || (error as Partial<ToolError>).code === 'TIMEOUT')) {
          throw unconfirmed('the commit was sent but not confirmed', error)
        }
        throw error
      }
    })
  }

  /** One statement that PostgreSQL refuses to run inside a transaction, such as CALL refresh_continuous_aggregate. @throws ToolError */
  alone(limits: WriteLimits, text: string, values: Step['values'] = []): Promise<{ outcome: Outcome; notices: string[] }> {
    return this.#use(limits, async (session) => {
      let sent = false
      try {
        return await guarded(session, limits.timeoutMs, limits.signal, async () => {
          const settings = [
            { text: 'SET standard_conforming_strings = on' },
            { text: `SET statement_timeout = ${limits.timeoutMs}` },
          ]
          const lock = { text: `SET lock_timeout = ${Math.min(lockMs, limits.timeoutMs)}` }
          await session.run({ before: settings, step: lock, ...nothing })
          sent = true
          const outcome = await session.run({ step: { text, values }, ...kept })
          return { outcome, notices: session.notices.map(describeNotice) }
        })
      } catch (error) {
        if (sent && error instanceof ConnectionError) throw unconfirmed('the connection was lost while the procedure ran', error)
        throw error
      }
    })
  }

  close(): Promise<void> {
    return this.#connections.close()
  }

  async #use<T>({ query, signal }: WriteLimits, work: (session: Session) => Promise<T>): Promise<T> {
    const database = await this.#database(signal)
    try {
      return await this.#connections.use(database, signal, work, { query })
    } catch (error) {
      throw query === undefined ? error : await this.#options.engine.explain(error, query, database, signal)
    }
  }

  /** With a database of its own in the URL that one, otherwise the one the reading tools have found. */
  async #database(signal: AbortSignal): Promise<string> {
    const { target, engine } = this.#options
    return target.databases.length === 1 ? target.databases[0] : engine.resolveDatabase(undefined, signal)
  }
}

/** The text is written by triggers and functions of the database, too: cleaned, cut, and on one line. */
function describeNotice({ severity, message }: Notice): string {
  return `${severity}: ${clip(cleanText(message).replace(/\s+/g, ' '), 500)}`
}

/** Not a loss of the connection for the caller of `work`: what may have been committed is not run again. */
function unconfirmed(what: string, cause: unknown): ToolError {
  const hint = 'check with tsdb_query before you repeat it'
  return new ToolError('UPSTREAM_ERROR', `${what}: it is not known whether the change was made`, { hint, cause })
}
