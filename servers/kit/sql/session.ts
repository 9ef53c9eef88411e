// One session of PostgreSQL: statements are run on it, cancelled in the server, and the connection is closed with them.
import { type Notice, type OpenOptions, PgConnection } from './pg-adapter.ts'
import { type Outcome, type Run, Statement } from './statement.ts'

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
  notices: Notice[] = []
  /** Settings that every transaction must make, because this session's defaults differ from ours. Mostly none. */
  dialect: Readonly<Record<string, string>> = {}
  /** Opened above the pool's limit: closed when it is given back. */
  spare = false
  /** Calls that this session has served. */
  uses = 0
  /** The transaction of the last statement is over and has left nothing: no reset is needed. */
  clean = true
  closed = false
  #connection!: PgConnection
  #current: Statement | undefined
  #onClose: () => void = () => {}

  private constructor({ database }: OpenOptions) {
    this.database = database
  }

  /** @throws ConnectionError, or the signal's reason */
  static async open(options: OpenOptions): Promise<Session> {
    const session = new Session(options)
    try {
      session.#connection = await PgConnection.open(options, {
        flood: (cells) => session.#current?.stopFlood(cells),
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
    const { rows } = await session.run({ step: { text }, keepRows: 1, keepBytes: 1_000 })
    session.clean = true
    const [row = []] = rows
    session.dialect = Object.fromEntries(Object.entries(dialect).filter(([, value], i) => !String(row[i]).startsWith(value)))
    return session
  }

  /** Called once, whoever closes it. */
  set onClose(listener: () => void) {
    this.#onClose = listener
  }

  /** One round trip. @throws the server's error, or ConnectionError */
  async run(run: Run): Promise<Outcome> {
    const statement = new Statement(run)
    this.#current = statement
    this.clean = false
    if (run.outcome === undefined) this.#connection.reader.reset(run.cellBytes)
    this.#connection.submit(statement)
    try {
      await statement.done
      if (statement.outcome.cut === 'flood') await this.cancel() // the rest is not read
      return statement.outcome
    } catch (error) {
      throw this.#explain(error as Error)
    } finally {
      if (this.#current === statement) this.#current = undefined
    }
  }

  /**
   * Cancels the statement in the server, then closes this connection. The order matters: a server process does not notice that its client
   * has left until it writes to it.
   */
  async cancel(): Promise<void> {
    if (this.closed) return
    await this.#connection.cancel().catch(() => {}) // the server cannot be asked any more: closing the connection is what is left
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
