// One connection to PostgreSQL: opened with a limit, guarded by WireReader, cancelled and destroyed together. The only file that loads `pg`.
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import type { Client } from 'pg'
import { type Cell, type WireLimits, WireReader } from './protocol-guard.ts'
import { type Fetch, type Outcome, PortalStatement, SimpleStatement, type Step, type Wire } from './statement.ts'
import type { SslMode, Target } from './target.ts'

export const wireLimits: WireLimits = {
  // 1,000 characters of a cell are shown, at most 4 bytes each in UTF-8.
  cellBytes: 4_096,
  fieldBytes: 8_192,
  messageBytes: 1_048_576,
  floodBytes: 268_435_456,
}

export interface SessionOptions {
  readonly target: Target
  readonly database: string
  readonly connectMs: number
  readonly signal?: AbortSignal | undefined
}

export interface Notice {
  readonly severity: string
  readonly message: string
  readonly code?: string | undefined
}

/** Rows came until the limit of bytes; the connection is closed, what was read is here. */
export class FloodError extends Error {
  override readonly name = 'FloodError'
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('the statement sent more bytes than are read')
    this.outcome = outcome
  }
}

/** The connection ended under a statement, or could not be made. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** What makes text unambiguous: to us, who lex and parse it, and to whoever reads the result. */
const dialect = {
  standard_conforming_strings: 'on',
  datestyle: 'ISO', // how dates are written; the order in which others are read stays the database's own
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
}

const noActiveTransaction = '25P01'
const maxNotices = 50
const cancelMs = 1_000
const readBytes = 65_536

interface RawConnection extends Wire, EventEmitter {
  stream: Socket
  ssl: unknown
  attachListeners(stream: unknown): void
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
}

interface RawClient extends EventEmitter {
  connection: RawConnection
  processID: number
  secretKey: number
  connect(): Promise<void>
  getStartupConf(): object
  query(statement: object): void
}

export class Session {
  readonly database: string
  readonly target: Target
  /** Of the server process, as in pg_stat_activity. */
  readonly processId: number
  notices: Notice[] = []
  /** Settings that every transaction must make, because this session's defaults differ from ours. Mostly none. */
  dialect: Readonly<Record<string, string>> = {}
  /** Calls that this session has served. */
  uses = 0
  /** The transaction of the last statement is over and nothing of it is left: no scrub is needed. */
  clean = false
  closed = false
  readonly #client: RawClient
  readonly #reader: WireReader
  readonly #encrypted: boolean
  #current: PortalStatement | undefined
  #onClose: () => void = () => {}

  private constructor(client: RawClient, reader: WireReader, options: SessionOptions, encrypted: boolean) {
    this.#client = client
    this.#reader = reader
    this.#encrypted = encrypted
    this.database = options.database
    this.target = options.target
    this.processId = client.processID
  }

  /** @throws the server's error, or ConnectionError */
  static async open(options: SessionOptions): Promise<Session> {
    const { target } = options
    if (target.sslMode === 'disable') return Session.#open(options, undefined)
    try {
      return await Session.#open(options, tlsOptions(target))
    } catch (error) {
      // libpq's `prefer`: without TLS if the server has none.
      if (target.sslMode === 'prefer' && /does not support SSL/.test((error as Error).message))
        return Session.#open(options, undefined)
      throw error
    }
  }

  static async #open(options: SessionOptions, ssl: object | undefined): Promise<Session> {
    const { target, database, connectMs, signal } = options
    signal?.throwIfAborted()
    const pg = (await import('pg')).default
    let session: Session | undefined
    const plain = ssl === undefined ? plainSocket() : undefined
    const connection = new pg.Connection({
      ssl: ssl ?? false,
      keepAlive: true,
      stream: plain?.socket,
    } as never) as unknown as RawConnection
    const passed = new EventEmitter()
    const reader = new WireReader(
      {
        pass: (bytes) => passed.emit('data', bytes),
        row: (cells) => connection.emit('dataRow', { fields: cells }),
        flood: (cells) => session?.stopFlood(cells),
        broken: (error) => connection.stream.destroy(error),
      },
      wireLimits,
    )
    const attach = connection.attachListeners.bind(connection)
    connection.attachListeners = (stream) => {
      attach(passed)
      const socket = stream as Socket
      const read = (chunk: Buffer): void => reader.read(chunk)
      if (plain === undefined) socket.on('data', read)
      else plain.onChunk(read)
      socket.on('end', () => passed.emit('end'))
    }
    const client = new pg.Client({
      connection,
      host: target.host,
      port: target.port,
      user: target.user,
      // A function, because an absent password would be looked for in PGPASSWORD, which may belong to another server of this process.
      password: () => target.password ?? '',
      database,
      ssl: ssl ?? false,
      // An explicit value, or node-postgres takes it from the process's environment.
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
    } as never) as Client as unknown as RawClient
    // Nothing else, above all no `options`: node-postgres would add what PGOPTIONS and PGREPLICATION say, and PgBouncer refuses them.
    const { user, applicationName } = target
    client.getStartupConf = () => ({ user, database, application_name: applicationName })
    client.on('error', () => {}) // told by `end`; without a listener it would end the process
    const abort = (): void => void connection.stream.destroy(new Error('aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await client.connect()
    } catch (error) {
      connection.stream.destroy()
      signal?.throwIfAborted()
      throw toConnectionError(error as Error)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    const opened = new Session(client, reader, options, ssl !== undefined)
    session = opened
    client.on('end', () => opened.#ended())
    client.on('notice', (notice: Notice) => {
      // "There is no transaction in progress" is about our own ROLLBACK behind a COMMIT; no caller's statement holds one.
      if (notice.code !== noActiveTransaction && opened.notices.length < maxNotices) opened.notices.push(notice)
    })
    const text = `SELECT ${Object.keys(dialect)
      .map((name) => `pg_catalog.current_setting('${name}')`)
      .join(', ')}`
    const [row = []] = await opened.simple(text)
    opened.dialect = Object.fromEntries(Object.entries(dialect).filter(([, value], i) => !String(row[i]).startsWith(value)))
    return opened
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
    if (step !== undefined) this.#reader.reset()
    this.#client.query(statement)
    try {
      await statement.done
      return statement.outcome
    } catch (error) {
      if (error instanceof FloodError) throw error
      throw toConnectionError(error as Error)
    } finally {
      if (this.#current === statement) this.#current = undefined
    }
  }

  /** Several statements of our own, by the simple protocol. */
  async simple(text: string): Promise<Cell[][]> {
    const statement = new SimpleStatement(text)
    this.#client.query(statement)
    try {
      await statement.done
    } catch (error) {
      throw toConnectionError(error as Error)
    }
    return statement.rows
  }

  stopFlood(cells: Cell[]): void {
    const statement = this.#current
    if (statement === undefined) return
    if (cells.length > 0) statement.handleDataRow({ fields: cells })
    statement.handleError(new FloodError(statement.outcome))
    void this.cancel()
  }

  /**
   * Ends the statement in the server, then this connection. The order matters: a server process does not notice that its client has left
   * until it writes to it.
   */
  async cancel(): Promise<void> {
    if (this.closed) return
    try {
      await this.#sendCancel()
    } catch {
      // The server cannot be asked any more; closing the connection is what is left.
    }
    this.destroy()
  }

  destroy(): void {
    this.#client.connection.stream.destroy()
    this.#ended()
  }

  /** Says goodbye to the server. */
  end(): void {
    ;(this.#client as unknown as { end(): Promise<void> }).end().catch(() => {})
    this.#ended()
  }

  async #sendCancel(): Promise<void> {
    const pg = (await import('pg')).default
    const { target } = this
    const ssl = this.#encrypted ? tlsOptions(target) : false
    const connection = new pg.Connection({ ssl } as never) as unknown as RawConnection
    const send = (): void => connection.cancel(this.#client.processID, this.#client.secretKey)
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => connection.stream.destroy(new Error('no answer to the cancel request')), cancelMs)
      connection.on('connect', () => (this.#encrypted ? connection.requestSsl() : send()))
      connection.on('sslconnect', () => connection.stream.once('secureConnect', send))
      connection.on('error', (error: Error) => {
        clearTimeout(timer)
        connection.stream.destroy()
        reject(error)
      })
      // The server answers a cancel request by closing the connection, after it has passed it on.
      connection.on('end', () => {
        clearTimeout(timer)
        resolve()
      })
      if (target.host.startsWith('/')) connection.connect(`${target.host}/.s.PGSQL.${target.port}`)
      else connection.connect(target.port, target.host)
    })
  }

  #ended(): void {
    if (this.closed) return
    this.closed = true
    this.#onClose()
  }
}

/**
 * A socket that reads into one buffer, again and again: a value of 200 MB would otherwise leave thousands of 64 KiB buffers to the
 * garbage collector, which is in no hurry. Node has no such thing for TLS over a socket that exists.
 */
function plainSocket(): { socket: Socket; onChunk(listener: (chunk: Buffer) => void): void } {
  let listener: (chunk: Buffer) => void = () => {}
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const callback = (length: number): boolean => {
    listener(buffer.subarray(0, length))
    return true
  }
  return {
    socket: new Socket({ onread: { buffer, callback } } as never),
    onChunk: (given) => {
      listener = given
    },
  }
}

function tlsOptions({ sslMode, ca }: Target): object {
  const verify = ca !== undefined
  return {
    rejectUnauthorized: verify,
    ...(verify ? { ca: [...ca] } : {}),
    ...(verify && sslMode !== 'verify-full' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** The server's own errors have a five-character code; everything else that can happen here is the connection's. */
function toConnectionError(error: Error & { code?: string; severity?: string }): Error {
  if (error.severity !== undefined || error instanceof ConnectionError) return error
  return new ConnectionError(error.message, { cause: error })
}

export type { SslMode }
