// The only file that loads `pg`. It uses private members of pg, so pg is pinned exactly in package.json and test/pg-adapter.test.ts checks
// each of them: Connection (`stream` option and member, attachListeners, connect, requestSsl, cancel, sendCopyFail, the events of
// messages), Client (`connection` option and member, getStartupConf, processID, secretKey, query with an object that has `submit`).
import { EventEmitter, once } from 'node:events'
import { Socket } from 'node:net'
import type { Client } from 'pg'
import { withDeadline } from '../waiting.ts'
import { type Cell, type WireLimits, WireReader } from './protocol-guard.ts'
import type { Target } from './target.ts'

/** The part of pg's Connection that statements use. */
export interface Wire {
  readonly stream: { write(bytes: Buffer): unknown }
  sendCopyFail(message: string): void
}

/** What pg's Client accepts as a query. */
export interface Submittable {
  submit(wire: Wire): void
  handleRowDescription(message: { fields: readonly Field[] }): void
  handleDataRow(message: { fields: Cell[] }): void
  handleCommandComplete(message: { text: string }): void
  handlePortalSuspended(): void
  handleEmptyQuery(): void
  handleError(error: Error): void
  handleReadyForQuery(): void
  handleCopyInResponse(wire: Wire): void
  handleCopyData(): void
}

export interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly tableID: number
  readonly columnID: number
}

export interface Notice {
  readonly severity: string
  readonly message: string
  readonly code?: string | undefined
}

export interface Listener {
  /** More bytes than `floodBytes` have come; `cells` are those of the row that was being read. */
  flood(cells: Cell[]): void
  notice(notice: Notice): void
  /** The connection is closed. */
  ended(): void
}

export interface OpenOptions {
  readonly target: Target
  readonly database: string
  readonly connectMs: number
  readonly signal?: AbortSignal | undefined
}

export const wireLimits: WireLimits = {
  // 1,000 characters of a cell are shown, at most 4 bytes each in UTF-8.
  cellBytes: 4_096,
  fieldBytes: 8_192,
  messageBytes: 1_048_576,
  floodBytes: 268_435_456,
}

const cancelMs = 1_000
const readBytes = 65_536
const errorResponse = 0x45

interface RawConnection extends Wire, EventEmitter {
  stream: Socket
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
  end(): Promise<void>
  getStartupConf(): object
  query(statement: Submittable): void
}

export class PgConnection {
  readonly reader: WireReader
  /** The server has sent an error after which it closes the connection. */
  fatal = false
  readonly #target: Target
  readonly #ssl: object | undefined
  readonly #connection: RawConnection
  readonly #client: RawClient

  /** @throws the server's error, or what the socket or TLS reports */
  static async open(options: OpenOptions, listener: Listener): Promise<PgConnection> {
    const { target } = options
    try {
      return await PgConnection.#open(options, listener, target.sslMode === 'disable' ? undefined : tlsOptions(target))
    } catch (error) {
      // libpq's `prefer`: without TLS if the server has none.
      if (target.sslMode !== 'prefer' || !/does not support SSL/.test((error as Error).message)) throw error
      return PgConnection.#open(options, listener, undefined)
    }
  }

  static async #open(options: OpenOptions, listener: Listener, ssl: object | undefined): Promise<PgConnection> {
    const { signal } = options
    signal?.throwIfAborted()
    const opened = new PgConnection((await import('pg')).default, options, listener, ssl)
    const abort = (): void => void opened.#connection.stream.destroy(new Error('aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await opened.#client.connect()
    } catch (error) {
      opened.#connection.stream.destroy()
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    opened.#client.on('end', () => listener.ended())
    opened.#client.on('notice', (notice: Notice) => listener.notice(notice))
    return opened
  }

  private constructor(pg: typeof import('pg')['default'], options: OpenOptions, listener: Listener, ssl: object | undefined) {
    const { target, database, connectMs } = options
    this.#target = target
    this.#ssl = ssl
    const read = (chunk: Buffer): void => this.reader.read(chunk)
    const plain = ssl === undefined ? socketInto(read) : undefined
    const config = { ssl: ssl ?? false, keepAlive: true, stream: plain }
    const connection = new pg.Connection(config as never) as unknown as RawConnection
    this.#connection = connection
    const passed = new EventEmitter()
    this.reader = new WireReader(
      {
        pass: (bytes) => {
          // The severity is not localised in field V (protocol-error-fields); a value cannot hold a NUL character.
          if (bytes[0] === errorResponse && (bytes.includes('\0VFATAL\0') || bytes.includes('\0VPANIC\0'))) this.fatal = true
          passed.emit('data', bytes)
        },
        row: (cells) => connection.emit('dataRow', { fields: cells }),
        flood: (cells) => listener.flood(cells),
        broken: (error) => connection.stream.destroy(error),
      },
      wireLimits,
    )
    const attach = connection.attachListeners.bind(connection)
    connection.attachListeners = (stream) => {
      attach(passed)
      if (plain === undefined) (stream as Socket).on('data', read)
      ;(stream as Socket).on('end', () => passed.emit('end'))
    }
    this.#client = new pg.Client({
      connection,
      host: target.host,
      port: target.port,
      user: target.user,
      // A function, because an absent password would be looked for in PGPASSWORD, which may belong to another server of this process.
      password: () => target.password ?? '',
      database,
      ssl: ssl ?? false,
      // An explicit value, or pg takes it from the process's environment.
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
    } as never) as Client as unknown as RawClient
    // Nothing else, in particular no `options`: pg would add what PGOPTIONS and PGREPLICATION say, and PgBouncer refuses them.
    const { user, applicationName } = target
    this.#client.getStartupConf = () => ({ user, database, application_name: applicationName })
    this.#client.on('error', () => {}) // reported by `end`; without a listener it would end the process
  }

  /** Of the server process, as in pg_stat_activity. */
  get processId(): number {
    return this.#client.processID
  }

  submit(statement: Submittable): void {
    this.#client.query(statement)
  }

  /** Asks the server to cancel the running statement. @throws when the server does not answer */
  async cancel(): Promise<void> {
    const pg = (await import('pg')).default
    const { host, port } = this.#target
    const connection = new pg.Connection({ ssl: this.#ssl ?? false } as never) as unknown as RawConnection
    const send = (): void => connection.cancel(this.#client.processID, this.#client.secretKey)
    const late = (): Error => new Error('no answer to the cancel request')
    try {
      await withDeadline({ ms: cancelMs, late }, () => {
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

  destroy(): void {
    this.#connection.stream.destroy()
  }

  /** Sends Terminate, so that the server closes the connection. */
  end(): void {
    this.#client.end().catch(() => {})
  }
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
