// Waiting with limits: deadlines, abortable waits, a FIFO semaphore, and values that are remembered for some seconds.
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMs, ToolError } from '../../protocol/index.ts'
// AbortSignal.any and AbortSignal.timeout are not used here, where a source may be long-lived: on Node 20 it keeps every derived signal
// reachable. With sources that end with one call, AbortSignal.any may be used.

export interface DeadlineOptions {
  /** Milliseconds until the work is given up. */
  readonly ms: number
  /** Aborts the work earlier, with its own reason. */
  readonly signal?: AbortSignal | undefined
  /** What to reject with when the time is over. */
  readonly late: () => unknown
}

/**
 * Runs `work` with a signal that aborts at the deadline or with `options.signal`. Rejects at that moment even if the work ignores its signal;
 * what the work does afterwards is ignored.
 * @throws the value of `late`, the signal's reason, or what the work threw
 */
export async function withDeadline<T>(options: DeadlineOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { ms, signal, late } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(late()), ms)
  const follow = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', follow, { once: true })
  try {
    return await abortable(work(stop.signal), stop.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', follow)
  }
}

/**
 * Waits for `promise`, but not longer than until the signal aborts. A later result or rejection of the promise is ignored.
 * @throws the signal's reason, or what the promise rejected with
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Resolves after `ms` milliseconds. @throws the signal's reason */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal?.throwIfAborted())
}

/**
 * Lets other work of the process run while a long task goes on.
 * @param ms how long the task runs before others get a turn, in milliseconds
 * @returns what the task awaits between its steps; it returns at once while the turn lasts
 */
export function turnsOf(ms: number): () => Promise<void> {
  let resumedAt = monotonicMs()
  return async () => {
    if (monotonicMs() - resumedAt < ms) return
    await new Promise((resolve) => setImmediate(resolve))
    resumedAt = monotonicMs()
  }
}

export interface SemaphoreOptions {
  /** Holders at once. */
  readonly limit: number
  /** Holders at once with the same key. Default: no limit of its own. */
  readonly limitPerKey?: number
  /** Callers that may wait at once. */
  readonly maxWaiting: number
  /** Why a caller is refused when too many wait, or when its `waitMs` is over. */
  readonly busy: (state: { readonly running: number; readonly waiting: number }) => string
  /** What it may do instead. Default: the same call again in a few seconds. */
  readonly hint?: string
}

export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined
  /** Which of `limitPerKey`'s counters this caller belongs to. */
  readonly key?: string
  /** Longest time in the queue, in milliseconds. Default: until the signal aborts. */
  readonly waitMs?: number
}

interface Waiter {
  readonly key: string
  enter: () => void
}

/** Counting semaphore. First come, first served, except that nobody waits behind a caller whose key is at its own limit. */
export class Semaphore {
  readonly #options: SemaphoreOptions
  /** The key of each holder, where keys have a limit. */
  readonly #heldKeys: string[] = []
  readonly #waiting: Waiter[] = []
  #running = 0

  constructor(options: SemaphoreOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.length
  }

  refusal(): ToolError {
    const { busy, hint = 'the same call again in a few seconds' } = this.#options
    return new ToolError('RATE_LIMITED', busy(this), { hint })
  }

  /** A slot that is free now, without waiting for a promise; undefined when none is. */
  acquireNow(key = ''): (() => void) | undefined {
    return this.#isFree(key) ? this.#take(key) : undefined
  }

  /**
   * Resolves with the function that releases the slot; calling it again does nothing.
   * @throws ToolError RATE_LIMITED when the queue is full or the wait too long, the signal's reason when it aborts
   */
  async acquire({ signal, key = '', waitMs }: AcquireOptions = {}): Promise<() => void> {
    signal?.throwIfAborted()
    const free = this.acquireNow(key)
    if (free !== undefined) return free
    const late = (): ToolError => this.refusal()
    if (this.#waiting.length >= this.#options.maxWaiting) throw late()
    const waiter: Waiter = { key, enter() {} }
    const entered = new Promise<() => void>((resolve) => {
      waiter.enter = () => resolve(this.#take(key))
    })
    this.#waiting.push(waiter)
    try {
      return await (waitMs === undefined ? abortable(entered, signal) : withDeadline({ ms: waitMs, signal, late }, () => entered))
    } catch (error) {
      const at = this.#waiting.indexOf(waiter)
      if (at !== -1) this.#waiting.splice(at, 1)
      else (await entered)() // the slot came in the same moment
      throw error
    }
  }

  /** Holds a slot while `work` runs. @throws like `acquire`, and what the work throws */
  async run<T>(options: AcquireOptions, work: () => Promise<T>): Promise<T> {
    const release = await this.acquire(options)
    try {
      return await work()
    } finally {
      release()
    }
  }

  #isFree(key: string): boolean {
    const { limit, limitPerKey } = this.#options
    if (this.#running >= limit) return false
    return limitPerKey === undefined || this.#heldKeys.filter((each) => each === key).length < limitPerKey
  }

  #take(key: string): () => void {
    const { limitPerKey } = this.#options
    this.#running += 1
    if (limitPerKey !== undefined) this.#heldKeys.push(key)
    let released = false
    return () => {
      if (released) return
      released = true
      this.#running -= 1
      if (limitPerKey !== undefined) this.#heldKeys.splice(this.#heldKeys.indexOf(key), 1)
      const next = this.#waiting.findIndex((waiter) => this.#isFree(waiter.key))
      if (next !== -1) this.#waiting.splice(next, 1)[0]?.enter()
    }
  }
}

export interface RememberedOptions<T> {
  /** How long a value is used, in milliseconds after it was loaded. */
  readonly keepMs: number | ((value: T) => number)
  /** Most values at once; the least recently used is forgotten first. */
  readonly maxEntries: number
  /** Most bytes of all values together; a value that is larger alone is not remembered. Default: no limit. */
  readonly maxBytes?: number
  /** Bytes of a value, for `maxBytes`. */
  readonly sizeOf?: (value: T) => number
}

interface Entry<T> {
  readonly value: Promise<T>
  readonly stop: AbortController
  /** monotonicMs() from which on it is loaded again; Infinity while it is loading. */
  until: number
  bytes: number
  callers: number
}

/**
 * Values by key that are loaded at most once in `keepMs`. Callers of one key share a load; it is aborted when all of them have left.
 * A load that fails is not remembered.
 */
export class Remembered<T> {
  readonly #options: RememberedOptions<T>
  readonly #load: (key: string, signal: AbortSignal) => Promise<T>
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry<T>>()

  constructor(options: RememberedOptions<T>, load: (key: string, signal: AbortSignal) => Promise<T>) {
    this.#options = options
    this.#load = load
  }

  /** Of the values, without those that are loading. */
  get size(): { entries: number; bytes: number } {
    const loaded = [...this.#entries.values()].filter(isLoaded)
    return { entries: loaded.length, bytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  /** @throws the signal's reason, or what the load rejected with */
  async get(key: string, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const known = this.#entries.get(key)
    const entry = known === undefined || known.until <= monotonicMs() ? this.#start(key) : known
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.callers += 1
    try {
      return await abortable(entry.value, signal)
    } finally {
      entry.callers -= 1
      if (entry.callers === 0 && !isLoaded(entry)) {
        this.#remove(key, entry)
        entry.stop.abort(signal?.reason)
      }
    }
  }

  /** The next `get` loads again. Without a key: for all keys. */
  forget(key?: string): void {
    if (key === undefined) this.#entries.clear()
    else this.#entries.delete(key)
  }

  #start(key: string): Entry<T> {
    const { keepMs, maxBytes = Number.POSITIVE_INFINITY, sizeOf = () => 0 } = this.#options
    const stop = new AbortController()
    const entry: Entry<T> = { value: this.#load(key, stop.signal), stop, until: Number.POSITIVE_INFINITY, bytes: 0, callers: 0 }
    entry.value.then(
      (value) => {
        entry.until = monotonicMs() + (typeof keepMs === 'number' ? keepMs : keepMs(value))
        entry.bytes = sizeOf(value)
        if (entry.bytes > maxBytes) this.#remove(key, entry)
        this.#trim(maxBytes)
      },
      () => this.#remove(key, entry),
    )
    return entry
  }

  #trim(maxBytes: number): void {
    for (const [key, entry] of this.#entries) {
      const { entries, bytes } = this.size
      if (entries <= this.#options.maxEntries && bytes <= maxBytes) return
      if (isLoaded(entry)) this.#entries.delete(key)
    }
  }

  #remove(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }
}

function isLoaded({ until }: Entry<unknown>): boolean {
  return until !== Number.POSITIVE_INFINITY
}
