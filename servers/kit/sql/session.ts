// One session of PostgreSQL: statements are run on it, cancelled in the server, and the connection is closed with them.
import type { Step } from './messages.ts'
import { type Notice, type OpenOptions, PgConnection } from './pg-adapter.ts'
import type { Cell } from './protocol-guard.ts'
import { type Fetch, type Outcome, PortalStatement, SimpleStatement } from './statement.ts'
import type { Target } from './target.ts'

/** Rows came until the limit of bytes; the connection is closed, what was read is here. */
export class FloodError extends Error {
  override readonly name = 'FloodError'
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('the statement sent more bytes than are read')
    this.outcome = outcome
  }
}

/** The connection could not be made, or ended under a statement. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  /** SQLSTATE of the server, or the code of Node's error. */
  readonly code: string | undefined

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = (options?.cause as { code?: string } | undefined)?.code
  }
}

/** Settings that make text unambiguous, both what is sent and what comes back. */
const dialect = {
  standard_conforming_strings: 'on',
  datestyle: 'ISO', // how dates are written; the order in which others are read stays the database's own
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
}

const noActiveTransaction = '25P01'
const maxNotices = 50

export class Session {
  readonly database: string
  readonly target: Target
  notices: Notice[] = []
  /** Settings that every transaction must make, because this session's defaults differ from ours. Mostly none. */
  dialect: Readonly<Record<string, string>> = {}
  /** Calls that this session has served. */
  uses = 0
  /** The transaction of the last statement is over and has left nothing: no reset is needed. */
  clean = false
  closed = false
  #connection!: PgConnection
  #current: PortalStatement | undefined
  #onClose: () => void = () => {}

  private constructor({ database, target }: OpenOptions) {
    this.database = database
    this.target = target
  }

  /** @throws ConnectionError, or the signal's reason */
  static async open(options: OpenOptions): Promise<Session> {
    const session = new Session(options)
    try {
      session.#connection = await PgConnection.open(options, {
        flood: (cells) => session.#stopFlood(cells),
        ended: () => session.#ended(),
        notice: (notice) => {
          // "There is no transaction in progress" is about our own ROLLBACK behind a COMMIT; no caller's statement holds one.
          if (notice.code !== noActiveTransaction && session.notices.length < maxNotices) session.notices.push(notice)
        },
      })
    } catch (error) {
      options.signal?.throwIfAborted()
      throw new ConnectionError((error as Error).message, { cause: error })
    }
    const text = `SELECT ${Object.keys(dialect)
      .map((name) => `pg_catalog.current_setting('${name}')`)
      .join(', ')}`
    const [row = []] = await session.simple(text)
    session.dialect = Object.fromEntries(Object.entries(dialect).filter(([, value], i) => !String(row[i]).startsWith(value)))
    return session
  }

  /** Of the server process, as in pg_stat_activity. */
  get processId(): number {
    return this.#connection.processId
  }

  /** Called once, whoever closes it. */
  set onClose(listener: () => void) {
    this.#onClose = listener
  }

  /**
   * Runs `before`, then `step`, in one round trip; the rows of `step` are kept as `fetch` says.
   * @param after run behind it, unless it fails
   */
  async run(before: readonly Step[], step: Step | undefined, fetch: Fetch, after: readonly Step[] = []): Promise<Outcome> {
    const statement = new PortalStatement(before, step, fetch, after)
    this.#current = statement
    if (step !== undefined) this.#connection.reader.reset()
    this.#connection.submit(statement)
    try {
      await statement.done
      return statement.outcome
    } catch (error) {
      throw error instanceof FloodError ? error : this.#explain(error as Error)
    } finally {
      if (this.#current === statement) this.#current = undefined
    }
  }

  /** Several statements of our own, by the simple protocol. */
  async simple(text: string): Promise<Cell[][]> {
    const statement = new SimpleStatement(text)
    this.#connection.submit(statement)
    try {
      await statement.done
    } catch (error) {
      throw this.#explain(error as Error)
    }
    return statement.rows
  }

  /**
   * Cancels the statement in the server, then closes this connection. The order matters: a server process does not notice that its client
   * has left until it writes to it.
   */
  async cancel(): Promise<void> {
    if (this.closed) return
    try {
      await this.#connection.cancel()
    } catch {
      // The server cannot be asked any more; closing the connection is what is left.
    }
    this.destroy()
  }

  destroy(): void {
    this.#connection.destroy()
    this.#ended()
  }

  end(): void {
    this.#connection.end()
    this.#ended()
  }

  #stopFlood(cells: Cell[]): void {
    const statement = this.#current
    if (statement === undefined) return
    if (cells.length > 0) statement.handleDataRow({ fields: cells })
    statement.handleError(new FloodError(statement.outcome))
    void this.cancel()
  }

  /** An error of the statement itself stays the server's; one that ends the connection, or is not the server's at all, is the connection's. */
  #explain(error: Error & { severity?: string }): Error {
    if (error instanceof ConnectionError || (error.severity !== undefined && !this.#connection.fatal)) return error
    return new ConnectionError(error.message, { cause: error })
  }

  #ended(): void {
    if (this.closed) return
    this.closed = true
    this.#onClose()
  }
}
