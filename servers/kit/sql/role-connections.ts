// The connections of one role: one limit across all databases, a FIFO queue for waiting callers, a timeout for idle connections. A session is
// lent for one transaction, reset afterwards, and runs SQL of callers only while the role is safe.
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../definition.ts'
import { Semaphore } from '../waiting.ts'
import { toToolError } from './errors.ts'
import { quoteName } from './identifiers.ts'
import { describeUse, type RolePrivileges, readPrivileges, selfTest } from './privileges.ts'
import { resetSession } from './read-only.ts'
import type { SafeRole } from './reader-role.ts'
import { ConnectionError, Session } from './session.ts'
import type { Target } from './target.ts'

export interface ConnectionOptions {
  readonly target: Target
  readonly environment: Environment
  readonly maxConnections: number
  /** Run SQL of callers even though the role could reach files, programs or other sessions. */
  readonly allowUnsafeRole?: boolean
  /** Name of the server, for the log. */
  readonly name: string
  /** Awaited before the first connection is made. */
  readonly started?: (() => Promise<void>) | undefined
}

export interface RoleOptions extends ConnectionOptions {
  /** Before the role's name, such as `the role`. */
  readonly title: string
  readonly safeRole: SafeRole
  /** The server must refuse what the self-test tries. */
  readonly readsOnly: boolean
}

type Work<T> = (session: Session) => Promise<T>

export interface Use {
  /** What a caller wrote, if it is run: the role has to be safe, and the session may keep state that no reset removes. */
  readonly query?: string | undefined
  /** Where all connections are in use, open one above the limit: a probe must not report a busy server as a dead one. */
  readonly probing?: boolean
}

export const connectMs = 3_000
/** Shorter than the five seconds for which CREATE DATABASE … TEMPLATE and DROP DATABASE wait for other sessions to leave. */
const idleMs = 3_000
const maxWaiting = 256
/** Longest time in the queue. */
const maxWaitMs = 10_000
/** How old privileges may be. */
const keptMs = 10_000
const maxDatabases = 200

export class RoleConnections {
  readonly #options: RoleOptions
  /** One slot for each caller that holds a session; idle sessions hold none. */
  readonly #slots: Semaphore
  /** All that are open. */
  readonly #sessions = new Set<Session>()
  /** The timeouts of sessions that nobody holds, the least recently used first. */
  readonly #idle = new Map<Session, NodeJS.Timeout>()
  #closed = false
  /** What the server did not refuse of what the self-test tries; undefined before it. */
  #notRefused: readonly string[] | undefined
  /** Of the database that was opened last. */
  #privileges: RolePrivileges | undefined
  readonly #privilegesOf = new Map<string, { privileges: RolePrivileges; at: number }>()

  constructor(options: RoleOptions) {
    this.#options = options
    const { maxConnections } = options
    this.#slots = new Semaphore({
      limit: maxConnections,
      maxWaiting,
      busy: () => `all ${maxConnections} database connections of this server are busy`,
    })
  }

  get stats(): { open: number; idle: number; waiting: number } {
    return { open: this.#sessions.size, idle: this.#idle.size, waiting: this.#slots.waiting }
  }

  /** What keeps the access read-only, for `/ready`, the log and the tools that describe the server; empty before the first connection. */
  get safety(): Record<string, unknown> {
    const notRefused = this.#notRefused
    if (this.#privileges === undefined || notRefused === undefined) return {}
    const { role, superuser, unsafe, writes, outside } = this.#privileges
    return {
      role,
      superuser,
      role_can: unsafe.length + writes.length === 0 ? 'only read' : [...unsafe, ...writes].join('; '),
      queries: describeUse(this.#privileges, this.#options.allowUnsafeRole),
      ...(outside.length === 0 ? {} : { reaches_outside: outside }),
      ...(notRefused.length === 0 ? { self_test: 'passed' } : { self_test: 'FAILED', not_refused: notRefused }),
    }
  }

  /** Why SQL of callers is not run; undefined when it is. */
  get unsafeRole(): string | undefined {
    return this.#privileges === undefined ? undefined : this.#reasonAgainst(this.#privileges)
  }

  /**
   * Lends a session for one transaction and resets it afterwards, without keeping the caller waiting for that. Where a reused connection turns
   * out to be dead, the work is done once more, on a new one.
   * @throws ToolError RATE_LIMITED when no connection became free, the signal's reason, ToolError FORBIDDEN while the role is not safe for SQL
   *   of callers, and what connecting and the work throw as a ToolError
   */
  async use<T>(database: string, signal: AbortSignal, work: Work<T>, { query, probing = false }: Use = {}): Promise<T> {
    await this.#options.started?.()
    for (let attempt = 1; ; attempt += 1) {
      const isExtra = probing && this.#slots.running >= this.#options.maxConnections
      const { session, reused, free } = await this.#acquire(database, signal, isExtra)
      try {
        if (this.#notRefused?.length) {
          const reason = 'the read-only self-test failed on this database server, so nothing is run. Ask the operator'
          throw new ToolError('FORBIDDEN', reason)
        }
        if (query !== undefined) await this.#refuseUnsafeRole(session, signal)
        return await work(session)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (!(error instanceof ConnectionError)) throw toToolError(error, query)
        for (const idle of [...this.#idle.keys()]) idle.end() // of the same server, and likely to be dead too
        this.#notRefused = undefined // the next server that answers may be another one
        this.#privilegesOf.clear()
        if (!reused || attempt > 1) throw toToolError(error)
      } finally {
        if (isExtra || (query !== undefined && this.#privilegesOf.get(database)?.privileges.keepsState)) session.end()
        void this.#giveBack(session).finally(free)
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#sessions].map((session) => (this.#idle.has(session) ? session.end() : session.cancel())))
  }

  /**
   * The self-test, once for each time the server is found; the role's privileges for every new connection.
   * @param anew read the privileges, however new those that are known are
   */
  async examine(session: Session, signal: AbortSignal, anew = false): Promise<RolePrivileges> {
    const known = this.#privilegesOf.get(session.database)
    if (known !== undefined && !anew && monotonicMs() - known.at < keptMs) return known.privileges
    if (this.#options.readsOnly) this.#notRefused ??= await selfTest(session, signal)
    const privileges = await readPrivileges(session, this.#options.safeRole, signal)
    if (this.#privilegesOf.size >= maxDatabases) this.#privilegesOf.clear()
    this.#privilegesOf.set(session.database, { privileges, at: monotonicMs() })
    this.#privileges = privileges
    if (JSON.stringify(known?.privileges) !== JSON.stringify(privileges)) this.#report(session.database, privileges)
    return privileges
  }

  /** @throws ToolError RATE_LIMITED, the signal's reason, or as a ToolError why there is no connection */
  async #acquire(database: string, signal: AbortSignal, isExtra: boolean) {
    const free = isExtra ? () => {} : await this.#slots.acquire({ signal, waitMs: maxWaitMs })
    try {
      if (this.#closed) throw shuttingDown()
      // The most recently used one, so that those that are not needed reach their timeout.
      const idle = [...this.#idle.keys()].findLast((each) => each.database === database)
      if (idle !== undefined) this.#forgetIdle(idle)
      return { session: idle ?? (await this.#connect(database, signal)), reused: idle !== undefined, free }
    } catch (error) {
      free()
      throw toToolError(error)
    }
  }

  async #connect(database: string, signal: AbortSignal): Promise<Session> {
    const { target, maxConnections } = this.#options
    const [oldest] = this.#idle.keys()
    if (this.#slots.running + this.#idle.size > maxConnections) oldest?.end() // of another database
    const session = await Session.open({ target, database, connectMs, signal })
    this.#sessions.add(session)
    session.onClose = () => {
      this.#forgetIdle(session)
      this.#sessions.delete(session)
    }
    try {
      await this.examine(session, signal)
      if (this.#closed) throw shuttingDown()
    } catch (error) {
      session.destroy()
      throw error
    }
    return session
  }

  /** Makes the session ready for the next transaction; one that cannot be reset is closed. */
  async #giveBack(session: Session): Promise<void> {
    await resetSession(session)
    if (session.closed) return
    if (this.#closed) session.end()
    else this.#idle.set(session, setTimeout(() => session.end(), idleMs).unref())
  }

  #forgetIdle(session: Session): void {
    clearTimeout(this.#idle.get(session))
    this.#idle.delete(session)
  }

  #report(database: string, privileges: RolePrivileges): void {
    const { log } = this.#options.environment
    const sql = privileges.repair.join('\n')
    const fields = { server: this.#options.name, database, ...this.safety, ...(sql === '' ? {} : { sql }) }
    if (this.#notRefused?.length) return log.error('read-only self-test FAILED: this server refuses to work', fields)
    if (sql === '') return log.info('the role is safe', fields)
    const unsafe = this.#reasonAgainst(privileges) ?? 'the role may call functions that reach other systems'
    log.warn(`${unsafe}. Run the statements in "sql" in database ${database}, and use the role that they create, if any`, fields)
  }

  async #refuseUnsafeRole(session: Session, signal: AbortSignal): Promise<void> {
    if (this.#options.allowUnsafeRole === true) return
    if (this.#reasonAgainst(await this.examine(session, signal)) === undefined) return
    const reason = this.#reasonAgainst(await this.examine(session, signal, true)) // the operator may have changed the role since
    if (reason === undefined) return
    throw new ToolError(
      'FORBIDDEN',
      `${reason}. SQL of callers is not run with it; the tools with SQL of their own work. Ask the operator for a safe role: /ready and the log show the statements that create one`,
    )
  }

  #reasonAgainst({ role, unsafe }: RolePrivileges): string | undefined {
    return unsafe.length === 0 ? undefined : `${this.#options.title} ${quoteName(role)} is not safe: ${unsafe.join('; ')}`
  }
}

function shuttingDown(): ConnectionError {
  return new ConnectionError('the server is shutting down')
}
