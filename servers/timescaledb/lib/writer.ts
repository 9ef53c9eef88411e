// Runs writing statements: over one connection, in one transaction for each call that is committed only when the call asks for it.
import { ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import type { Row, SqlEngine } from '../../kit/sql/engine.ts'
import { isConnectionLoss, isServerError, toToolError } from '../../kit/sql/errors.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import type { Notice } from '../../kit/sql/pg-adapter.ts'
import { Pool } from '../../kit/sql/pool.ts'
import { type RolePrivileges, readPrivileges } from '../../kit/sql/privileges.ts'
import type { Cell } from '../../kit/sql/protocol-guard.ts'
import { guarded, LateError, readOnly, resetSession, transactionSettings } from '../../kit/sql/read-only.ts'
import type { Session } from '../../kit/sql/session.ts'
import type { Outcome } from '../../kit/sql/statement.ts'
import type { Target } from '../../kit/sql/target.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { Transaction, TransactionRunner, WriteLimits } from '../types.ts'
import { writerRoleSql } from './writer-role.ts'

export interface WriterOptions {
  readonly target: Target
  readonly environment: Environment
  /** Looks up names for error messages, and knows which database is meant. */
  readonly engine: SqlEngine
  /** Run SQL of callers even though the role could reach beyond the rows of this database. */
  readonly allowUnsafeRole: boolean
}

const connectMs = 3_000
/** Shorter than the five seconds for which CREATE DATABASE … TEMPLATE and DROP DATABASE wait for other sessions to leave. */
const idleMs = 3_000
const lockMs = 5_000
const waitMs = 10_000
const maxConnections = 1
const schemasQuery = `
  SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^(pg_|_timescaledb|timescaledb_|information_schema$)' ORDER BY 1`
const askedRows = 5_000
const askedBytes = 4_000_000

export class Writer implements TransactionRunner {
  readonly #options: WriterOptions
  readonly #pool: Pool
  #privileges: RolePrivileges | undefined

  constructor(options: WriterOptions) {
    this.#options = options
    const onOpen = (session: Session, signal: AbortSignal | undefined): Promise<void> => this.#examine(session, signal)
    this.#pool = new Pool({ target: options.target, maxConnections, connectMs, idleMs, onOpen })
  }

  /** Reads the role's privileges; the answer is for `/ready`. @throws ToolError */
  async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
    try {
      const known = this.#privileges
      const session = await this.#pool.acquire(await this.#database(signal), { signal, reserve: true })
      try {
        if (this.#privileges === known) await this.#examine(session, signal) // a new connection has read them already
        const { role = '', unsafe = [] } = this.#privileges ?? {}
        const { allowUnsafeRole } = this.#options
        if (unsafe.length === 0) return { role, statements: 'allowed' }
        return {
          role,
          statements: allowUnsafeRole ? 'allowed although the role is unsafe' : `refused: ${unsafe.join('; ')}`,
          sql_for_the_operator: await this.#repair(session, signal),
        }
      } finally {
        await resetSession(session)
        this.#pool.release(session)
      }
    } catch (error) {
      throw toToolError(error)
    }
  }

  async transaction<T>(
    limits: WriteLimits,
    work: (transaction: Transaction) => Promise<T>,
    commit: (result: T) => boolean = () => true,
  ): Promise<T> {
    return this.#use(limits, async (session) => {
      let committing = false
      try {
        return await guarded(session, limits.timeoutMs, limits.signal, async () => {
          const begin = [{ text: 'BEGIN READ WRITE' }]
          const settings = transactionSettings(session, limits.timeoutMs, lockMs, true)
          await session.run([...begin, ...settings], { text: 'SELECT 1' }, { rows: 0, keepRows: 1, keepBytes: 100 })
          const result = await work(transactionOn(session))
          if (!commit(result)) return result // rolled back when the session is reset
          committing = true
          const { tag } = await session.run([], { text: 'COMMIT' }, { rows: 0, keepRows: 0, keepBytes: 0 })
          if (tag !== 'COMMIT')
            throw new ToolError('UPSTREAM_ERROR', 'the transaction was rolled back by the server; nothing changed')
          return result
        })
      } catch (error) {
        if (committing && (error instanceof LateError || isConnectionLoss(error))) {
          throw unconfirmed('the commit was sent but not confirmed', error)
        }
        throw error
      }
    })
  }

  async alone(
    limits: WriteLimits,
    text: string,
    values: readonly (string | null)[] = [],
  ): Promise<Outcome & { notices: string[] }> {
    return this.#use(limits, async (session) => {
      let sent = false
      try {
        return await guarded(session, limits.timeoutMs, limits.signal, async () => {
          await session.simple(
            `SET standard_conforming_strings = on; SET statement_timeout = ${limits.timeoutMs}; SET lock_timeout = ${Math.min(lockMs, limits.timeoutMs)}`,
          )
          sent = true
          const outcome = await session.run([], { text, values }, { rows: 0, keepRows: 20, keepBytes: 40_000 })
          return { ...outcome, notices: session.notices.map(describeNotice) }
        })
      } catch (error) {
        if (sent && isConnectionLoss(error)) throw unconfirmed('the connection was lost while the procedure ran', error)
        throw error
      }
    })
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  async #use<T>(limits: WriteLimits, work: (session: Session) => Promise<T>): Promise<T> {
    const { signal } = limits
    const { engine, target } = this.#options
    try {
      for (let attempt = 1; ; attempt += 1) {
        const session = await this.#pool.acquire(await this.#database(signal), { signal, waitMs })
        const reused = session.uses > 0
        try {
          if (limits.query !== undefined) await this.#refuseUnsafeRole(session, signal)
          return await work(session)
        } catch (error) {
          // Without a COMMIT nothing has happened, so a reused connection that was dead is no reason to fail.
          if (!reused || attempt > 1 || signal.aborted || !isConnectionLoss(error)) throw error
        } finally {
          // What a caller's statement has left there may outlive every reset, such as a connection of dblink.
          if (limits.query !== undefined && this.#privileges?.keepsState === true) session.end()
          await resetSession(session)
          this.#pool.release(session)
        }
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (isServerError(error) && limits.query !== undefined) {
        const context = { query: limits.query, timeoutMs: limits.timeoutMs, maxTimeoutMs: engine.limitTimeout(60_000) }
        throw await engine.explain(error, context, target.databases[0], signal)
      }
      throw toToolError(error, { timeoutMs: limits.timeoutMs })
    }
  }

  async #examine(session: Session, signal: AbortSignal | undefined): Promise<void> {
    const known = this.#privileges
    const found = await readPrivileges(session, signal)
    this.#privileges = found
    if (found.unsafe.length === 0 || known?.unsafe.join() === found.unsafe.join()) return
    this.#options.environment.log.warn(`${this.#unsafeRole()}. Give TSDB_WRITE_URL a role made by the statements in "sql"`, {
      server: 'timescaledb',
      database: session.database,
      sql: (await this.#repair(session, signal)).join('\n'),
    })
  }

  #unsafeRole(): string {
    const { role = '', unsafe = [] } = this.#privileges ?? {}
    return `the writing role ${quoteName(role)} is not safe: ${unsafe.join('; ')}`
  }

  async #repair(session: Session, signal: AbortSignal | undefined): Promise<string[]> {
    const limits = { timeoutMs: connectMs, maxRows: 100, keepBytes: 100_000, signal }
    const { rows } = await readOnly(session, { text: schemasQuery }, limits)
    await resetSession(session)
    return writerRoleSql(
      session.database,
      rows.map(([name = null]) => textOf(name) ?? ''),
    )
  }

  /** @throws ToolError FORBIDDEN while the role could reach files, programs or other sessions */
  async #refuseUnsafeRole(session: Session, signal: AbortSignal): Promise<void> {
    if (this.#options.allowUnsafeRole || this.#privileges?.unsafe.length === 0) return
    await this.#examine(session, signal) // the operator may have changed the role since
    if (this.#privileges?.unsafe.length === 0) return
    throw new ToolError(
      'FORBIDDEN',
      `${this.#unsafeRole()}. Statements are not run with it; tsdb_create_hypertable and tsdb_add_compression work. Ask the operator for a safe role: /ready and the log show the statements that create one`,
    )
  }

  /** With a database of its own in the URL that one, otherwise the one the reading tools have found. */
  async #database(signal: AbortSignal): Promise<string> {
    const { target, engine } = this.#options
    return target.databases.length === 1 ? target.databases[0] : engine.resolveDatabase(undefined, signal)
  }
}

function transactionOn(session: Session): Transaction {
  const ask = async (text: string, values: readonly (string | null)[] = [], keepRows = askedRows): Promise<Row[]> => {
    const { rows } = await session.run([], { text, values }, { rows: 0, keepRows, keepBytes: askedBytes })
    return rows.map((row) => row.map(textOf))
  }
  return {
    ask,
    run: (text, values = [], keepRows = 20) => session.run([], { text, values }, { rows: 0, keepRows, keepBytes: 100_000 }),
    row: async (text, values) => (await ask(text, values, 1))[0] ?? [],
    get notices() {
      return session.notices.map(describeNotice)
    },
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

function textOf(cell: Cell): string | null {
  return typeof cell === 'object' && cell !== null ? `${cell.head}…` : cell
}
