// Browser sessions by principal, forwarded user and the argument `session`, because gateways open an MCP session for each call. Each session
// runs one call at a time.
import { type Context, monotonicMs, ToolError } from '../../../protocol/index.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { type PlaywrightConfig, storageStates } from '../config.ts'
import type { BrowserKeeper } from './browser-keeper.ts'
import { BrowserSession } from './browser-session.ts'

interface Slot {
  /** Principal and forwarded user. */
  readonly owner: string
  /** The argument `session`. */
  readonly name: string
  readonly queue: Semaphore
  lastUsed: number
  session: BrowserSession | undefined
}

type Named = Pick<Slot, 'owner' | 'name'>

const maxWaiting = 8
const maxRemembered = 100
const checkMs = 1_000

const lostBecause = {
  crashed: 'the browser crashed',
  recycled: 'the browser was replaced to bound its memory',
  closed: 'the browser was closed',
  evicted: 'other sessions needed its slot',
  expired: 'it was unused for too long',
}

const keyOf = ({ owner, name }: Named): string => `${owner} ${name}`

export class Sessions {
  readonly #config: PlaywrightConfig
  readonly #policy: EgressPolicy
  readonly #keeper: BrowserKeeper
  readonly #storageStates: ReadonlyMap<string, string>
  readonly #slots = new Map<string, Slot>()
  /** Why each closed session ended, by its key, so that the next call can say so. */
  readonly #lost = new Map<string, string>()
  readonly #timer: NodeJS.Timeout
  #lastUsed = monotonicMs()

  /** @throws Error for the operator */
  constructor(config: PlaywrightConfig, policy: EgressPolicy, keeper: BrowserKeeper) {
    this.#config = config
    this.#policy = policy
    this.#keeper = keeper
    this.#storageStates = storageStates(config.PLAYWRIGHT_STORAGE_STATE_FILE)
    keeper.onCrash = () => void this.#loseAll('crashed')
    this.#timer = setInterval(() => this.#endUnused(), checkMs).unref()
  }

  /** Open browser sessions. */
  get count(): number {
    return [...this.#slots.values()].filter(({ session }) => session !== undefined).length
  }

  /**
   * Runs `work` when no other call of this session runs. Its notes say why an earlier page is gone.
   * @param name the argument `session`
   * @param open whether to open a session where there is none, and to start again once when the browser crashes under it
   * @param stop whether to stop what the call has left running in the page when it is given up
   * @throws ToolError INVALID_ARGUMENT when there is no session and none may be opened, RATE_LIMITED when too many wait or none gives way
   */
  async use<T>(
    { caller, signal }: Context,
    { name = 'default', open = false, stop = false }: { name?: string | undefined; open?: boolean; stop?: boolean },
    work: (session: BrowserSession, notes: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const named = { owner: JSON.stringify([caller.principal, caller.user ?? null]), name }
    const slot = this.#slots.get(keyOf(named)) ?? (open ? this.#addSlot(named) : undefined)
    if (slot === undefined) throw this.#nothingOpen(named)
    const release = await slot.queue.acquire({ signal })
    try {
      if (open) await this.#recycle()
      for (let attempt = 1; ; attempt++) {
        const notes: string[] = []
        if (slot.session === undefined) {
          if (!open) throw this.#nothingOpen(slot)
          slot.session = await this.#openSession(caller.principal)
          const lost = this.#lost.get(keyOf(slot))
          if (lost !== undefined) notes.push(`an earlier page of this session is lost, with its sign-ins: ${lost}`)
          this.#lost.delete(keyOf(slot))
        }
        const { session } = slot
        try {
          return await work(session, notes)
        } catch (error) {
          const crashed = slot.session !== session
          const unfinished = signal.aborted || (error instanceof ToolError && error.code === 'TIMEOUT')
          if (!crashed && stop && session.page !== undefined && unfinished) await session.free(session.page)
          if (!crashed || signal.aborted) throw error
          if (open && attempt === 1) continue
          const hint = 'call navigate'
          throw new ToolError('UPSTREAM_ERROR', 'the browser crashed, and the page is lost', { hint, cause: error })
        }
      }
    } finally {
      slot.lastUsed = this.#lastUsed = monotonicMs()
      release()
      if (slot.queue.running === 0 && slot.session === undefined) this.#slots.delete(keyOf(slot)) // could not be opened, or is lost
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#loseAll('closed')
    this.#slots.clear()
  }

  async #openSession(principal: string): Promise<BrowserSession> {
    const storageState = this.#storageStates.get(principal) ?? this.#storageStates.get('')
    const { browser } = await this.#keeper.get()
    return BrowserSession.open(browser, this.#policy, this.#config, storageState)
  }

  /** Adds a session; at the limit, the one that was unused longest is closed. */
  #addSlot({ owner, name }: Named): Slot {
    const limit = this.#config.PLAYWRIGHT_MAX_CONTEXTS
    if (this.#slots.size >= limit) {
      const idle = [...this.#slots.values()].filter(({ queue }) => queue.running === 0)
      const [oldest] = idle.sort((a, b) => a.lastUsed - b.lastUsed)
      if (oldest === undefined) {
        const hint = 'the same call in a few seconds'
        throw new ToolError('RATE_LIMITED', `all ${limit} browser sessions are running calls`, { hint })
      }
      void this.#lose(oldest, 'evicted')
    }
    const busy = (): ToolError =>
      new ToolError('RATE_LIMITED', `${maxWaiting} calls are waiting for session "${name}", which runs one at a time`, {
        hint: 'the same call with another value of session',
      })
    const queue = new Semaphore({ limit: 1, maxWaiting, busy })
    const slot: Slot = { owner, name, queue, lastUsed: monotonicMs(), session: undefined }
    this.#slots.set(keyOf(slot), slot)
    return slot
  }

  #nothingOpen(named: Named): ToolError {
    const lost = this.#lost.get(keyOf(named))
    const others = [...this.#slots.values()].filter(({ owner, session }) => owner === named.owner && session !== undefined)
    const open = others.length === 0 ? '' : `; open are ${others.map(({ name }) => `"${name}"`).join(', ')}`
    return noPage(named.name, `${lost === undefined ? '' : `: ${lost}`}${open}`)
  }

  /** Replaces a browser that is due for it, before a new page is opened and while no other call runs. */
  async #recycle(): Promise<void> {
    const running = [...this.#slots.values()].filter(({ queue }) => queue.running > 0).length
    if (running > 1 || !this.#keeper.recyclable) return
    // The browser ends for all at once: a call that comes while the sessions are being closed must not open one in it.
    await Promise.all([this.#loseAll('recycled'), this.#keeper.end('recycled')])
  }

  async #loseAll(why: keyof typeof lostBecause): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => this.#lose(slot, why)))
  }

  async #lose(slot: Slot, why: keyof typeof lostBecause): Promise<void> {
    const { session } = slot
    const key = keyOf(slot)
    slot.session = undefined
    if (slot.queue.running === 0) this.#slots.delete(key)
    if (session === undefined) return
    this.#lost.delete(key)
    this.#lost.set(key, lostBecause[why])
    const [oldest = key] = this.#lost.keys()
    if (this.#lost.size > maxRemembered) this.#lost.delete(oldest)
    await session.close()
  }

  /** Closes sessions, then the browser, that were not used for their time. */
  #endUnused(): void {
    const unusedFor = (since: number, seconds: number): boolean => monotonicMs() - since >= seconds * 1_000
    for (const slot of [...this.#slots.values()]) {
      const expired = slot.queue.running === 0 && unusedFor(slot.lastUsed, this.#config.PLAYWRIGHT_CONTEXT_TTL_SECONDS)
      if (expired) void this.#lose(slot, 'expired')
    }
    const idle = this.#slots.size === 0 && unusedFor(this.#lastUsed, this.#config.PLAYWRIGHT_IDLE_SECONDS)
    if (idle && this.#keeper.running !== undefined) void this.#keeper.end('idle')
  }
}

/** @param more why, and what is open instead */
export function noPage(session: string, more = ''): ToolError {
  return new ToolError('INVALID_ARGUMENT', `no page is open in session "${session}"${more}`, { hint: 'call navigate first' })
}
