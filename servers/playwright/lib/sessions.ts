// Browser sessions by principal, forwarded user and the argument `session`, because gateways open an MCP session for each call. Each session
// runs one call at a time.
import { type Context, ToolError } from '../../../protocol/index.ts'
import type { Log } from '../../kit/definition.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import type { BrowserKeeper, EndReason } from './browser-keeper.ts'
import { BrowserSession } from './browser-session.ts'

interface SessionsOptions {
  readonly keeper: BrowserKeeper
  readonly policy: EgressPolicy
  readonly maxSessions: number
  /** Without a call for so long, a session ends. */
  readonly ttlMs: number
  /** Without a session for so long, the browser ends. */
  readonly idleMs: number
  readonly ignoreHttpsErrors: boolean
  readonly blockedTypes: ReadonlySet<string>
  /** Storage state files by principal; under an empty name, that of all others. */
  readonly storageStates: ReadonlyMap<string, string>
  readonly log: Log
}

interface Use {
  /** The argument `session`. */
  readonly session: string | undefined
  /** Opens a session where there is none, and starts again once when the browser crashes under it. */
  readonly open?: boolean
  /** Stops what the call has left running in the page when it is given up. */
  readonly stop?: boolean
}

/** What a tool works with. */
export interface Lease {
  readonly session: BrowserSession
  readonly name: string
  /** For the result: why an earlier page is gone. */
  readonly notes: readonly string[]
}

interface Slot {
  readonly key: string
  readonly name: string
  readonly queue: Semaphore
  lastUsed: number
  session: BrowserSession | undefined
}

const maxWaiting = 8
const maxRemembered = 100

const lostBecause: Record<EndReason | 'evicted' | 'expired', string> = {
  crashed: 'the browser crashed',
  recycled: 'the browser was replaced to bound its memory',
  idle: 'the browser was idle',
  closed: 'the browser was closed',
  evicted: 'other sessions needed its slot',
  expired: 'it was unused for too long',
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #slots = new Map<string, Slot>()
  /** Why each closed session ended, by its key, so that the next call can say so. */
  readonly #lost = new Map<string, string>()
  #lastUsed = Date.now()
  #timer: NodeJS.Timeout | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
    options.keeper.onCrash = () => {
      for (const slot of this.#slots.values()) void this.#lose(slot, 'crashed')
    }
  }

  /** Open browser sessions. */
  get count(): number {
    return [...this.#slots.values()].filter(({ session }) => session !== undefined).length
  }

  /**
   * Runs `work` when no other call of this session runs.
   * @throws ToolError INVALID_ARGUMENT when there is no session and none may be opened, RATE_LIMITED when too many wait or none gives way
   */
  async use<T>(
    context: Context,
    { session: given, open = false, stop = false }: Use,
    work: (lease: Lease) => Promise<T>,
  ): Promise<T> {
    const name = given ?? 'default'
    const owner = JSON.stringify([context.caller.principal, context.caller.user ?? null])
    const key = `${owner} ${name}`
    const slot = this.#slots.get(key) ?? (open ? this.#addSlot(key, name) : undefined)
    if (slot === undefined) throw this.#nothingOpen(owner, key, name)
    const release = await slot.queue.acquire({ signal: context.signal })
    try {
      await this.#recycle(open)
      return await this.#work(slot, owner, { open, stop }, context, work)
    } finally {
      slot.lastUsed = this.#lastUsed = Date.now()
      release()
      if (slot.queue.running === 0 && slot.session === undefined) this.#slots.delete(slot.key) // could not be opened, or is lost
    }
  }

  countNavigation(): void {
    this.#options.keeper.countNavigation()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#slots.values()].map((slot) => this.#lose(slot, 'closed')))
    this.#slots.clear()
  }

  async #work<T>(
    slot: Slot,
    owner: string,
    { open, stop }: Omit<Use, 'session'>,
    context: Context,
    work: (lease: Lease) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const notes: string[] = []
      if (slot.session === undefined) {
        if (!open) throw this.#nothingOpen(owner, slot.key, slot.name)
        const lost = this.#lost.get(slot.key)
        if (lost !== undefined) notes.push(`an earlier page of this session is lost, with its sign-ins: ${lost}`)
        slot.session = await this.#openSession(context.caller.principal)
        this.#lost.delete(slot.key)
      }
      const { session } = slot
      try {
        return await work({ session, name: slot.name, notes })
      } catch (error) {
        const crashed = slot.session !== session
        const { page } = session
        const unfinished = context.signal.aborted || (error instanceof ToolError && error.code === 'TIMEOUT')
        if (!crashed && stop && page !== undefined && unfinished) await session.free(page)
        if (!crashed || context.signal.aborted) throw error
        if (open && attempt === 1) continue
        throw new ToolError('UPSTREAM_ERROR', 'the browser crashed, and the page is lost', {
          hint: 'call navigate',
          cause: error,
        })
      }
    }
  }

  async #openSession(principal: string): Promise<BrowserSession> {
    const { keeper, policy, ignoreHttpsErrors, blockedTypes, storageStates } = this.#options
    const storageState = storageStates.get(principal) ?? storageStates.get('')
    const launched = await keeper.get()
    this.#watch()
    return BrowserSession.open({ launched, policy, ignoreHttpsErrors, blockedTypes, storageState })
  }

  /** Adds a session; at the limit, the one that was unused longest is closed. */
  #addSlot(key: string, name: string): Slot {
    if (this.#slots.size >= this.#options.maxSessions) {
      const [oldest] = [...this.#slots.values()]
        .filter(({ queue }) => queue.running === 0)
        .sort((a, b) => a.lastUsed - b.lastUsed)
      if (oldest === undefined) {
        throw new ToolError('RATE_LIMITED', `all ${this.#options.maxSessions} browser sessions are running calls`, {
          hint: 'the same call in a few seconds',
        })
      }
      this.#slots.delete(oldest.key)
      void this.#lose(oldest, 'evicted')
    }
    const busy = (): ToolError =>
      new ToolError('RATE_LIMITED', `${maxWaiting} calls are waiting for session "${name}", which runs one at a time`, {
        hint: 'the same call with another value of session',
      })
    const queue = new Semaphore({ limit: 1, maxWaiting, busy })
    const slot: Slot = { key, name, queue, lastUsed: Date.now(), session: undefined }
    this.#slots.set(key, slot)
    return slot
  }

  #nothingOpen(owner: string, key: string, name: string): ToolError {
    const lost = this.#lost.get(key)
    const others = [...this.#slots.values()].filter((slot) => slot.key.startsWith(`${owner} `) && slot.session !== undefined)
    const open = others.length === 0 ? '' : `; open are ${others.map((slot) => `"${slot.name}"`).join(', ')}`
    const why = lost === undefined ? '' : `: ${lost}`
    return new ToolError('INVALID_ARGUMENT', `no page is open in session "${name.slice(0, 64)}"${why}${open}`, {
      hint: 'call navigate first',
    })
  }

  /** Replaces a browser that is due for it, before a new page is opened and while no other call runs. */
  async #recycle(open: boolean): Promise<void> {
    const { keeper } = this.#options
    const atWork = [...this.#slots.values()].filter(({ queue }) => queue.running > 0).length
    if (!open || atWork > 1 || !keeper.recyclable) return
    await Promise.all([...this.#slots.values()].map((slot) => this.#lose(slot, 'recycled')))
    await keeper.end('recycled')
  }

  async #lose(slot: Slot, why: keyof typeof lostBecause): Promise<void> {
    const { session } = slot
    slot.session = undefined
    if (slot.queue.running === 0) this.#slots.delete(slot.key)
    if (session === undefined) return
    this.#lost.delete(slot.key)
    this.#lost.set(slot.key, lostBecause[why])
    for (const [oldest] of this.#lost) {
      if (this.#lost.size <= maxRemembered) break
      this.#lost.delete(oldest)
    }
    await session.close()
  }

  /** Checks the time limits while a browser runs. */
  #watch(): void {
    const { ttlMs, idleMs, keeper } = this.#options
    this.#timer ??= setInterval(
      () => {
        for (const slot of [...this.#slots.values()]) {
          if (slot.queue.running === 0 && Date.now() - slot.lastUsed >= ttlMs) void this.#lose(slot, 'expired')
        }
        if (this.#slots.size > 0 || Date.now() - this.#lastUsed < idleMs) return
        clearInterval(this.#timer)
        this.#timer = undefined
        void keeper.end('idle')
      },
      Math.min(ttlMs, idleMs, 10_000) / 2,
    ).unref()
  }
}
