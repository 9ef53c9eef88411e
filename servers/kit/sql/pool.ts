// The connections of one server: one cap for all databases together, a line for those who wait, and a goodbye to those that idle.
import { ToolError } from '../../../protocol/index.ts'
import { ConnectionError, Session } from './session.ts'
import type { Target } from './target.ts'

export interface PoolOptions {
  readonly target: Target
  readonly maxConnections: number
  readonly connectMs: number
  readonly idleMs: number
  /** Called with every new connection before it is used; when it rejects, the connection is closed. */
  readonly onOpen?: ((session: Session, signal: AbortSignal | undefined) => Promise<void>) | undefined
}

export interface Wait {
  readonly signal?: AbortSignal | undefined
  /** How long to stand in line. Default: the connect limit. */
  readonly waitMs?: number | undefined
  /** May go beyond the cap by one: for the probe, which must not report a busy server as a dead one. */
  readonly reserve?: boolean | undefined
}

interface Waiter {
  readonly database: string
  readonly enter: (session: Session | undefined) => void
}

interface Idle {
  readonly session: Session
  readonly timer: NodeJS.Timeout
}

const maxWaiting = 256

export class Pool {
  readonly #options: PoolOptions
  /** Least recently used first. */
  #idle: Idle[] = []
  readonly #waiting: Waiter[] = []
  readonly #open = new Set<Session>()
  /** Open connections, and those being made. */
  #count = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get stats(): { open: number; idle: number; waiting: number } {
    return { open: this.#count, idle: this.#idle.length, waiting: this.#waiting.length }
  }

  /** @throws ToolError RATE_LIMITED when no connection became free, the signal's reason, or what connecting threw */
  async acquire(database: string, wait: Wait = {}): Promise<Session> {
    const { signal, reserve = false } = wait
    signal?.throwIfAborted()
    if (this.#closed) throw new ConnectionError('the server is shutting down')
    const found = this.#takeIdle(database)
    if (found !== undefined) return found
    const cap = this.#options.maxConnections + (reserve ? 1 : 0)
    if (this.#count >= cap) this.#closeLeastRecentlyUsed()
    if (this.#count >= cap) {
      const session = await this.#stand(database, wait)
      if (session !== undefined) return session
      // A place became free, but with no connection to this database in it; it is counted as ours already.
    } else {
      this.#count += 1
    }
    return this.#connect(database, signal)
  }

  /** Gives a session back, ready for the next statement. */
  release(session: Session): void {
    if (session.closed) return
    // The place beyond the cap was lent to a probe, and is nobody's to inherit.
    if (this.#closed || this.#count > this.#options.maxConnections) return session.end()
    const index = this.#waiting.findIndex(({ database }) => database === session.database)
    if (index !== -1) {
      const [waiter] = this.#waiting.splice(index, 1)
      waiter?.enter(session)
      return
    }
    if (this.#waiting.length > 0) return session.end() // its place goes to someone who wants another database
    const timer = setTimeout(() => this.#drop(session), this.#options.idleMs)
    timer.unref()
    this.#idle.push({ session, timer })
  }

  /** Closes every idle connection: after one has failed, the others of the same server are likely to be dead too. */
  dropIdle(): void {
    for (const { session } of [...this.#idle]) this.#drop(session)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter.enter(undefined)
    this.dropIdle()
    await Promise.all([...this.#open].map((session) => session.cancel()))
  }

  #takeIdle(database: string): Session | undefined {
    // The most recently used one, so that those that are not needed grow old.
    for (let i = this.#idle.length - 1; i >= 0; i -= 1) {
      const entry = this.#idle[i] as Idle
      if (entry.session.database !== database) continue
      this.#idle.splice(i, 1)
      clearTimeout(entry.timer)
      return entry.session
    }
    return undefined
  }

  #closeLeastRecentlyUsed(): void {
    const [oldest] = this.#idle
    if (oldest !== undefined) this.#drop(oldest.session)
  }

  #drop(session: Session): void {
    this.#forget(session)
    session.end()
  }

  #forget(session: Session): void {
    const index = this.#idle.findIndex((entry) => entry.session === session)
    if (index === -1) return
    clearTimeout(this.#idle[index]?.timer)
    this.#idle.splice(index, 1)
  }

  /** Waits in line. Resolves with a session, or with undefined when the place of one that was closed is passed on. */
  #stand(database: string, { signal, waitMs = this.#options.connectMs }: Wait): Promise<Session | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (error: unknown): void => {
        const index = this.#waiting.indexOf(waiter)
        if (index !== -1) this.#waiting.splice(index, 1)
        settle()
        reject(error)
      }
      const abort = (): void => leave(signal?.reason)
      const busy = (): void =>
        leave(
          new ToolError('RATE_LIMITED', `all ${this.#options.maxConnections} database connections of this server are busy`, {
            hint: 'the same call again in a few seconds',
          }),
        )
      const timer = setTimeout(busy, waitMs)
      const settle = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const waiter: Waiter = {
        database,
        enter: (session) => {
          settle()
          if (this.#closed) reject(new ConnectionError('the server is shutting down'))
          else resolve(session)
        },
      }
      if (this.#waiting.length >= maxWaiting) return busy()
      this.#waiting.push(waiter)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** The place is counted already. */
  async #connect(database: string, signal: AbortSignal | undefined): Promise<Session> {
    const { target, connectMs, onOpen } = this.#options
    let session: Session
    try {
      session = await Session.open({ target, database, connectMs, signal })
    } catch (error) {
      this.#vacate()
      throw error
    }
    this.#open.add(session)
    session.onClose = () => {
      this.#open.delete(session)
      this.#forget(session)
      this.#vacate()
    }
    if (session.closed) this.#vacate()
    try {
      await onOpen?.(session, signal)
    } catch (error) {
      session.destroy()
      throw error
    }
    if (this.#closed) {
      session.end()
      throw new ConnectionError('the server is shutting down')
    }
    return session
  }

  /** A connection is gone: its place passes to the first in line, or becomes free, as one beyond the cap always does. */
  #vacate(): void {
    const first = this.#count > this.#options.maxConnections ? undefined : this.#waiting.shift()
    if (first === undefined) this.#count -= 1
    else first.enter(undefined)
  }
}
