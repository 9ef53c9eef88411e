// One session of PostgreSQL: statements are run on it, cancelled in the server, and the connection is closed with them. The only file that
// loads `pg`. It uses private members of pg, so package.json names its exact version and test/session.test.ts checks each of them: Connection
// (`stream` option and member, attachListeners, connect, requestSsl, cancel, the events of messages, and what `Wire` names), Client
// (`connection` option, getStartupConf, processID, secretKey, query with an object that has `submit`).
import { EventEmitter, once } from 'node:events'
import { Socket } from 'node:net'
import { sleep, withDeadline } from '../waiting.ts'
import { createWireReader, type WireReader } from './protocol-guard.ts'
import { createStatement, type Outcome, type Run, type Statement, type Wire } from './statement.ts'
import type { Target } from './target.ts'

/** The connection could not be made, or ended under a statement, which may succeed on another one. Never what SQL itself raised. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  /** SQLSTATE of the server, or the code of Node's error. */
  readonly code: string | undefined

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = (options?.cause as { code?: string } | undefined)?.code
  }
}

export interface Notice {
  readonly severity: string
  readonly message: string
  readonly code?: string | undefined
}

export interface OpenOptions {
  readonly target: Target
  readonly database: string
  readonly connectMs: number
  readonly signal?: AbortSignal | undefined
}

/** Settings that make text unambiguous, both what is sent and what comes back. */
const dialect = {
  standard_conforming_strings: 'on',
  datestyle: 'ISO', // how dates are written; the order in which others are read stays the database's own
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
}

const cancelMs = 1_000
/** A cancel request that arrives between two messages of a statement has no effect, so it is repeated while the statement runs. */
const maxCancels = 5
const cancelPauseMs = 100
const readBytes = 65_536
const errorResponse = 0x45
const noActiveTransaction = '25P01'
const maxNotices = 50

interface RawConnection extends Wire, EventEmitter {
  stream: Socket
  attachListeners(stream: unknown): void
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
}

interface RawClient extends EventEmitter {
  processID: number
  secretKey: number
  connect(): Promise<void>
  end(): Promise<void>
  getStartupConf(): object
  query(statement: { submit(wire: Wire): void }): void
}

export class Session {
  readonly database: string
  notices: Notice[] = []
  /** Settings that every transaction must make, because this session's defaults differ from ours. Mostly none. */
  dialect: Readonly<Record<string, string>> = {}
  /** The transaction of the last statement is over and has left nothing: no reset is needed. */
  clean = true
  closed = false
  /** The cancellation in progress, if any. Nothing else may run then: a statement behind the ROLLBACK would be committed by itself. */
  cancelling: Promise<void> | undefined
  /** Called once, whoever closes it. */
  onClose: () => void = () => {}
  readonly #target: Target
  readonly #ssl: object | undefined
  readonly #reader: WireReader
  readonly #connection: RawConnection
  readonly #client: RawClient
  /** The last one that was submitted. */
  #current: Statement | undefined
  /** The server has sent an error after which it closes the connection. */
  #fatal = false

  /** @throws ConnectionError, or the signal's reason */
  static async open(options: OpenOptions): Promise<Session> {
    const { target, signal } = options
    signal?.throwIfAborted()
    const session = new Session((await import('pg')).default, options)
    const abort = (): void => void session.#connection.stream.destroy(new Error('aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await session.#start()
      return session
    } catch (error) {
      session.destroy()
      signal?.throwIfAborted()
      // libpq's `prefer`: without TLS if the server has none.
      if (target.sslMode === 'prefer' && /does not support SSL/.test((error as Error).message)) {
        return Session.open({ ...options, target: { ...target, sslMode: 'disable' } })
      }
      throw asLoss(error as Error)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  private constructor(pg: typeof import('pg')['default'], { target, database, connectMs }: OpenOptions) {
    this.database = database
    this.#target = target
    this.#ssl = target.sslMode === 'disable' ? undefined : tlsOptions(target)
    const ssl = this.#ssl ?? false
    const read = (chunk: Buffer): void => this.#reader.read(chunk)
    const plain = ssl === false ? socketInto(read) : undefined
    const connection = new pg.Connection({ ssl, keepAlive: true, stream: plain } as never) as unknown as RawConnection
    this.#connection = connection
    const passed = new EventEmitter()
    this.#reader = createWireReader({
      pass: (bytes) => {
        // The severity is not localised in field V (protocol-error-fields); a value cannot hold a NUL character.
        if (bytes[0] === errorResponse && (bytes.includes('\0VFATAL\0') || bytes.includes('\0VPANIC\0'))) this.#fatal = true
        passed.emit('data', bytes)
      },
      row: (cells) => connection.emit('dataRow', { fields: cells }),
      flood: (cells) => this.#current?.stopFlood(cells),
      broken: (error) => connection.stream.destroy(error),
    })
    const attach = connection.attachListeners.bind(connection)
    connection.attachListeners = (stream) => {
      attach(passed)
      if (plain === undefined) (stream as Socket).on('data', read)
      ;(stream as Socket).on('end', () => passed.emit('end'))
    }
    const { host, port, user, password, applicationName } = target
    this.#client = new pg.Client({
      connection,
      host,
      port,
      user,
      database,
      ssl,
      // A function, because an absent password would be looked for in PGPASSWORD, which may belong to another server of this process.
      password: () => password ?? '',
      // An explicit value, or pg takes it from the process's environment.
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
    } as never) as unknown as RawClient
    // Nothing else, in particular no `options`: pg would add what PGOPTIONS and PGREPLICATION say, and PgBouncer refuses them.
    this.#client.getStartupConf = () => ({ user, database, application_name: applicationName })
    this.#client.on('error', () => {}) // reported by `end`; without a listener it would end the process
    this.#client.on('end', () => this.#ended())
  }

  async #start(): Promise<void> {
    await this.#client.connect()
    this.#client.on('notice', (notice: Notice) => {
      // "There is no transaction in progress" is about our own ROLLBACK behind a COMMIT; no caller's statement holds one.
      if (notice.code !== noActiveTransaction && this.notices.length < maxNotices) this.notices.push(notice)
    })
    const names = Object.keys(dialect).map((name) => `pg_catalog.current_setting('${name}')`)
    const step = { text: `SELECT ${names.join(', ')}` }
    const [row = []] = (await this.run({ step, keepRows: 1, keepBytes: 1_000 })).rows
    this.clean = true
    this.dialect = Object.fromEntries(Object.entries(dialect).filter(([, value], i) => !String(row[i]).startsWith(value)))
  }

  /** One round trip. @throws the server's error, or ConnectionError */
  async run(run: Run): Promise<Outcome> {
    if (this.cancelling !== undefined) throw new ConnectionError('the statement was cancelled')
    this.clean = false
    if (run.outcome === undefined) this.#reader.reset(run.cellBytes)
    try {
      const outcome = await new Promise<Outcome>((resolve, reject) => {
        this.#current = createStatement(run, resolve, reject)
        this.submit(this.#current)
      })
      if (outcome.cut === 'flood') await this.cancel() // the rest is not read
      return outcome
    } catch (error) {
      // An error of the statement itself stays the server's; one that ends the connection, or is not the server's at all, is the connection's.
      if (!this.#fatal && (error as { severity?: string }).severity !== undefined) throw error
      throw asLoss(error as Error)
    }
  }

  /** Hands pg an object that sends its own messages; pg calls its handlers with the answers. */
  submit(statement: { submit(wire: Wire): void }): void {
    this.#client.query(statement)
  }

  /**
   * Cancels the statement in the server, then closes this connection. The order matters: a server process does not notice that its client
   * has left until it writes to it.
   * @param running settles when the statement has ended; without it the server is asked once
   */
  cancel(running?: Promise<unknown>): Promise<void> {
    this.cancelling ??= this.#cancel(running)
    return this.cancelling
  }

  async #cancel(running: Promise<unknown> | undefined): Promise<void> {
    const ended = Promise.allSettled([running])
    for (let i = 0; i < maxCancels && !this.closed; i++) {
      // Where the server cannot be asked any more, closing the connection is what is left.
      const [asked] = await Promise.allSettled([this.#sendCancel()])
      if (asked.status === 'rejected' || (await Promise.race([ended, sleep(cancelPauseMs)]))) break
    }
    this.destroy()
  }

  destroy(): void {
    this.#connection.stream.destroy()
    this.#ended()
  }

  /** Sends Terminate, so that the server closes the connection. */
  end(): void {
    this.#client.end().catch(() => {})
    this.#ended()
  }

  #ended(): void {
    if (this.closed) return
    this.closed = true
    this.onClose()
  }

  /** Over a connection of its own (protocol-flow, Canceling Requests in Progress). @throws when the server does not answer */
  async #sendCancel(): Promise<void> {
    const pg = (await import('pg')).default
    const { host, port } = this.#target
    const connection = new pg.Connection({ ssl: this.#ssl ?? false } as never) as unknown as RawConnection
    const send = (): void => connection.cancel(this.#client.processID, this.#client.secretKey)
    try {
      await withDeadline({ ms: cancelMs, late: () => new Error('no answer to the cancel request') }, () => {
        connection.on('connect', () => (this.#ssl === undefined ? send() : connection.requestSsl()))
        connection.on('sslconnect', () => connection.stream.once('secureConnect', send))
        if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
        else connection.connect(port, host)
        return once(connection, 'end') // the server closes the connection after it has passed the request on
      })
    } finally {
      connection.on('error', () => {})
      connection.stream.destroy()
    }
  }
}

function asLoss(error: Error): ConnectionError {
  return error instanceof ConnectionError ? error : new ConnectionError(error.message, { cause: error })
}

/**
 * A socket that always reads into the same buffer: a value of 200 MB would otherwise leave thousands of 64 KiB buffers to the garbage
 * collector. Node has no such option for TLS over a socket that exists.
 */
function socketInto(read: (chunk: Buffer) => void): Socket {
  const callback = (length: number, buffer: Buffer): boolean => {
    read(buffer.subarray(0, length))
    return true
  }
  return new Socket({ onread: { buffer: Buffer.allocUnsafeSlow(readBytes), callback } } as never)
}

function tlsOptions({ sslMode, ca }: Target): object {
  const verify = ca !== undefined
  return {
    rejectUnauthorized: verify,
    ...(verify ? { ca: [...ca] } : {}),
    ...(verify && sslMode !== 'verify-full' ? { checkServerIdentity: () => undefined } : {}),
  }
}
