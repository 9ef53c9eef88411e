// Browser sessions by principal, forwarded user and the argument `session`, because gateways open an MCP session for each call. Each session
// runs one call at a time.
import { type Context, monotonicMs, ToolError } from '../../../protocol/index.ts'
import type { EgressPolicy } from '../../kit/network-policy/policy.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { type PlaywrightConfig, storageStates } from '../config.ts'
import type { BrowserKeeper } from './browser-keeper.ts'
import { BrowserSession } from './browser-session.ts'

interface Slot {
  readonly key: string
  /** Principal and forwarded user. */
  readonly owner: string
  /** The argument `session`. */
  readonly name: string
  readonly queue: Semaphore
  lastUsed: number
  session: BrowserSession | undefined
}

type Named = Pick<Slot, 'key' | 'owner' | 'name'>

const maxWaiting = 8
const maxRemembered = 100
const checkMs = 1_000

/** @throws Error for the operator */
export function openSessions(config: PlaywrightConfig, policy: EgressPolicy, keeper: BrowserKeeper) {
  const states = storageStates(config.PLAYWRIGHT_STORAGE_STATE_FILE)
  const slots = new Map<string, Slot>()
  /** Why each closed session ended, by its key, so that the next call can say so. */
  const lost = new Map<string, string>()
  let lastUsed = monotonicMs()

  const slotsWhere = (holds: (slot: Slot) => boolean): Slot[] => [...slots.values()].filter(holds)

  const nothingOpen = ({ key, owner, name }: Named): ToolError => {
    const why = lost.get(key)
    const others = slotsWhere((slot) => slot.owner === owner && slot.session !== undefined)
    const open = others.length === 0 ? '' : `; open are ${others.map((slot) => `"${slot.name}"`).join(', ')}`
    return noPage(name, `${why === undefined ? '' : `: ${why}`}${open}`)
  }

  const lose = async (slot: Slot, why: string): Promise<void> => {
    const { session, key } = slot
    slot.session = undefined
    if (isIdle(slot)) slots.delete(key)
    if (session === undefined) return
    lost.delete(key)
    lost.set(key, why)
    const [oldest = key] = lost.keys()
    if (lost.size > maxRemembered) lost.delete(oldest)
    await session.close()
  }
  const loseAll = (why: string) => Promise.all([...slots.values()].map((slot) => lose(slot, why)))
  keeper.onCrash = () => void loseAll('the browser crashed')

  /** Adds a session; at the limit, the one that was unused longest is closed. */
  const addSlot = (named: Named): Slot => {
    const limit = config.PLAYWRIGHT_MAX_CONTEXTS
    if (slots.size >= limit) {
      const [oldest] = slotsWhere(isIdle).sort((a, b) => a.lastUsed - b.lastUsed)
      if (oldest === undefined) {
        const hint = 'the same call in a few seconds'
        throw new ToolError('RATE_LIMITED', `all ${limit} browser sessions are running calls`, { hint })
      }
      void lose(oldest, 'other sessions needed its slot')
    }
    const busy = (): string => `${maxWaiting} calls are waiting for session "${named.name}", which runs one at a time`
    const queue = new Semaphore({ limit: 1, maxWaiting, busy, hint: 'the same call with another value of session' })
    const slot = { ...named, queue, lastUsed: monotonicMs(), session: undefined }
    slots.set(named.key, slot)
    return slot
  }

  /** Replaces a browser that is due for it, before a new page is opened and while no other call runs. */
  const recycle = async (): Promise<void> => {
    const running = slotsWhere((slot) => !isIdle(slot)).length
    if (running > 1 || !keeper.recyclable) return
    // The browser ends for all at once: a call that comes while the sessions are being closed must not open one in it.
    await Promise.all([loseAll('the browser was replaced to bound its memory'), keeper.end('recycled')])
  }

  /** Closes sessions, then the browser, that were not used for their time. */
  const endUnused = (): void => {
    const unusedFor = (since: number, seconds: number): boolean => monotonicMs() - since >= seconds * 1_000
    const isExpired = (slot: Slot): boolean => isIdle(slot) && unusedFor(slot.lastUsed, config.PLAYWRIGHT_CONTEXT_TTL_SECONDS)
    for (const slot of slotsWhere(isExpired)) void lose(slot, 'it was unused for too long')
    const idle = slots.size === 0 && unusedFor(lastUsed, config.PLAYWRIGHT_IDLE_SECONDS)
    if (idle && keeper.running !== undefined) void keeper.end('idle')
  }
  const timer = setInterval(endUnused, checkMs).unref()

  return {
    /** Open browser sessions. */
    get count(): number {
      return slotsWhere(({ session }) => session !== undefined).length
    },

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
      const owner = JSON.stringify([caller.principal, caller.user ?? null])
      const named = { key: `${owner} ${name}`, owner, name }
      const slot = slots.get(named.key) ?? (open ? addSlot(named) : undefined)
      if (slot === undefined) throw nothingOpen(named)
      const release = await slot.queue.acquire({ signal })
      try {
        if (open) await recycle()
        for (let attempt = 1; ; attempt++) {
          const notes: string[] = []
          if (slot.session === undefined) {
            if (!open) throw nothingOpen(slot)
            const { browser } = await keeper.get()
            const state = states.get(caller.principal) ?? states.get('')
            slot.session = await BrowserSession.open(browser, policy, config, state)
            const why = lost.get(slot.key)
            if (why !== undefined) notes.push(`an earlier page of this session is lost, with its sign-ins: ${why}`)
            lost.delete(slot.key)
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
        slot.lastUsed = lastUsed = monotonicMs()
        release()
        if (isIdle(slot) && slot.session === undefined) slots.delete(slot.key) // could not be opened, or is lost
      }
    },

    async close(): Promise<void> {
      clearInterval(timer)
      await loseAll('the browser was closed')
      slots.clear()
    },
  }
}

/** No call of it runs. */
function isIdle({ queue }: Slot): boolean {
  return queue.running === 0
}

/** @param more why, and what is open instead */
export function noPage(session: string, more = ''): ToolError {
  return new ToolError('INVALID_ARGUMENT', `no page is open in session "${session}"${more}`, { hint: 'call navigate first' })
}
