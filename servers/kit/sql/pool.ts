// Connection pool: one limit across all databases, a FIFO queue for waiting callers, a timeout for idle connections.
import { ToolError } from '../../../protocol/index.ts'
import { Semaphore } from '../waiting.ts'
import { ConnectionError, Session } from './session.ts'
import type { Target } from './target.ts'

export interface PoolOptions {
  readonly target: Target
  readonly maxConnections: number
  /** Called with every new connection before it is used; when it rejects, the connection is closed. */
  readonly onOpen?: ((session: Session, signal: AbortSignal | undefined) => Promise<void>) | undefined
}

export const connectMs = 3_000
/** Shorter than the five seconds for which CREATE DATABASE … TEMPLATE and DROP DATABASE wait for other sessions to leave. */
const idleMs = 3_000
const maxWaiting = 256
/** Longest time in the queue. */
const maxWaitMs = 10_000

export class Pool {
  readonly #options: PoolOptions
  /** One slot for each caller that holds a session; idle sessions hold none. */
  readonly #slots: Semaphore
  readonly #held = new Map<Session, () => void>()
  /** The timeouts of sessions that nobody holds, the least recently used first. */
  readonly #idle = new Map<Session, NodeJS.Timeout>()
  /** Open connections, and those being made. */
  #count = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    const { maxConnections } = options
    this.#slots = new Semaphore({
      limit: maxConnections,
      maxWaiting,
      busy: () =>
        new ToolError('RATE_LIMITED', `all ${maxConnections} database connections of this server are busy`, {
          hint: 'the same call again in a few seconds',
        }),
    })
  }

  get stats(): { open: number; idle: number; waiting: number } {
    return { open: this.#count, idle: this.#idle.size, waiting: this.#slots.waiting }
  }

  /**
   * @param reserve the limit may be exceeded by one connection: for the probe, which must not report a busy server as a dead one
   * @throws ToolError RATE_LIMITED when no connection became free, the signal's reason, or what connecting threw
   */
  async acquire(database: string, signal?: AbortSignal, reserve = false): Promise<Session> {
    const full = this.#slots.running >= this.#options.maxConnections
    const free = reserve && full ? () => {} : await this.#slots.acquire({ signal, waitMs: reserve ? connectMs : maxWaitMs })
    try {
      if (this.#closed) throw new ConnectionError('the server is shutting down')
      const session = this.#takeIdle(database) ?? (await this.#connect(database, signal, reserve))
      this.#held.set(session, free)
      return session
    } catch (error) {
      free()
      throw error
    }
  }

  /** Gives a session back, ready for the next statement. */
  release(session: Session): void {
    const free = this.#held.get(session)
    this.#held.delete(session)
    session.uses += 1
    if (!session.closed) {
      if (this.#closed || session.spare) session.end()
      else this.#idle.set(session, setTimeout(() => session.end(), idleMs).unref())
    }
    free?.()
  }

  /** Closes every idle connection: after one has failed, the others of the same server are likely to be dead too. */
  dropIdle(): void {
    for (const session of [...this.#idle.keys()]) session.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.dropIdle()
    await Promise.all([...this.#held.keys()].map((session) => session.cancel()))
  }

  /** The most recently used one, so that those that are not needed reach their timeout. */
  #takeIdle(database: string): Session | undefined {
    const session = [...this.#idle.keys()].findLast((each) => each.database === database)
    if (session !== undefined) this.#forget(session)
    return session
  }

  #forget(session: Session): void {
    clearTimeout(this.#idle.get(session))
    this.#idle.delete(session)
  }

  async #connect(database: string, signal: AbortSignal | undefined, reserve: boolean): Promise<Session> {
    const { target, onOpen, maxConnections } = this.#options
    const full = this.#count >= maxConnections
    const [oldest] = this.#idle.keys()
    if (full && !reserve) oldest?.end() // of another database
    this.#count += 1
    const session = await Session.open({ target, database, connectMs, signal }).catch((error: unknown) => {
      this.#count -= 1
      throw error
    })
    session.spare = full && reserve
    session.onClose = () => {
      this.#forget(session)
      this.#count -= 1
    }
    try {
      await onOpen?.(session, signal)
      if (this.#closed) throw new ConnectionError('the server is shutting down')
    } catch (error) {
      session.destroy()
      throw error
    }
    return session
  }
}
