// Runs writing statements: over one connection, in one transaction for each call that is committed only when the call asks for it.
import { ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import type { Row, SqlEngine } from '../../kit/sql/engine.ts'
import { isConnectionLoss, isServerError, toToolError } from '../../kit/sql/errors.ts'
import type { Notice } from '../../kit/sql/pg-adapter.ts'
import { Pool } from '../../kit/sql/pool.ts'
import type { Cell } from '../../kit/sql/protocol-guard.ts'
import { guarded, LateError, resetSession, transactionSettings } from '../../kit/sql/read-only.ts'
import type { Session } from '../../kit/sql/session.ts'
import type { Outcome } from '../../kit/sql/statement.ts'
import type { Target } from '../../kit/sql/target.ts'
import type { Transaction, TransactionRunner, WriteLimits } from '../types.ts'

export interface WriterOptions {
  readonly target: Target
  readonly environment: Environment
  /** Looks up names for error messages, and knows which database is meant. */
  readonly engine: SqlEngine
}

const connectMs = 3_000
const idleMs = 30_000
const lockMs = 5_000
const waitMs = 10_000
const maxConnections = 1
const askedRows = 5_000
const askedBytes = 4_000_000

export class Writer implements TransactionRunner {
  readonly #options: WriterOptions
  readonly #pool: Pool

  constructor(options: WriterOptions) {
    this.#options = options
    this.#pool = new Pool({ target: options.target, maxConnections, connectMs, idleMs })
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
          throw new ToolError(
            'UPSTREAM_ERROR',
            'the commit was sent but not confirmed: it is not known whether the change was made',
            {
              hint: 'check with tsdb_query before you repeat it',
              cause: error,
            },
          )
        }
        throw error
      }
    })
  }

  async alone(
    limits: WriteLimits,
    text: string,
    values: readonly (string | null)[] = [],
  ): Promise<Outcome & { notices: readonly Notice[] }> {
    return this.#use(limits, (session) =>
      guarded(session, limits.timeoutMs, limits.signal, async () => {
        await session.simple(
          `SET standard_conforming_strings = on; SET statement_timeout = ${limits.timeoutMs}; SET lock_timeout = ${Math.min(lockMs, limits.timeoutMs)}`,
        )
        const outcome = await session.run([], { text, values }, { rows: 0, keepRows: 20, keepBytes: 40_000 })
        return { ...outcome, notices: session.notices }
      }),
    )
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
          return await work(session)
        } catch (error) {
          // Without a COMMIT nothing has happened, so a reused connection that was dead is no reason to fail.
          if (!reused || attempt > 1 || signal.aborted || !isConnectionLoss(error)) throw error
        } finally {
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
      return session.notices.map(({ severity, message }) => `${severity}: ${message}`)
    },
  }
}

function textOf(cell: Cell): string | null {
  return typeof cell === 'object' && cell !== null ? `${cell.head}…` : cell
}
