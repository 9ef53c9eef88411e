// One text/event-stream response: encoding, a bounded queue, keep-alive comments, and a limit for clients that do not read.

import type { ServerResponse } from 'node:http'
import { monotonicMs } from '../clock.ts'
import { awaitClient, maxWaitingBytes } from './slow-clients.ts'

export interface EventStreamLimits {
  keepAliveMs: number
  stallMs: number
  maxBufferedBytes: number
}

/** no-transform and X-Accel-Buffering keep proxies from compressing or collecting events, which would delay them. */
const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

export class EventStream implements TickTarget {
  readonly #res: ServerResponse
  readonly #limits: EventStreamLimits
  /** On the clock of monotonicMs(), like every time here: the system clock may be set back. */
  #lastWrite = monotonicMs()
  /** Bytes are waiting for the client. */
  #waiting = false
  #open = true
  #dropped = false

  /** Sends the head at once. `onClosed` is called once, when the client has left, was dropped, or the stream was ended. */
  constructor(res: ServerResponse, limits: EventStreamLimits, onClosed: (dropped: boolean) => void) {
    this.#res = res
    this.#limits = limits
    res.writeHead(200, headers)
    res.flushHeaders()
    res.on('drain', () => {
      this.#waiting = false
      res.setTimeout(0)
    })
    res.on('timeout', () => this.#drop())
    res.on('error', () => {}) // 'close' follows
    res.once('close', () => {
      this.#open = false
      onClosed(this.#dropped)
    })
  }

  /**
   * One `write` for one event. `data` must be free of line breaks, as JSON.stringify's output is. The `event` field is always sent, and
   * lines end in LF: lone CR and a byte order mark break clients (docs/clients.md).
   */
  send(event: string, data: string): void {
    this.#write(`event: ${event}\ndata: ${data}\n\n`)
  }

  comment(): void {
    this.#write(': ping\n\n')
  }

  /** To be called at least every third of `keepAliveMs`: sends the keep-alive comment if it would be late at the next call. */
  tick(now: number): void {
    if (now - this.#lastWrite >= (this.#limits.keepAliveMs * 2) / 3) this.comment()
  }

  /** Sends what is queued, then ends the response. */
  end(): void {
    if (!this.#open) return
    this.#open = false
    this.#res.end()
  }

  #write(text: string): void {
    if (!this.#open) return
    this.#lastWrite = monotonicMs()
    // What waits is kept as bytes, outside of the heap, whose limit ends the process.
    if (this.#res.write(this.#waiting ? Buffer.from(text) : text)) return
    // Node restarts its socket timeout as long as bytes of a write go out, however slowly, so only a full buffer needs one.
    if (!this.#waiting) this.#res.setTimeout(this.#limits.stallMs)
    this.#waiting = true
    const { maxBufferedBytes } = this.#limits
    if (this.#res.writableLength > maxBufferedBytes) this.#drop()
    else awaitClient(this.#res, () => this.#drop(), Math.max(maxWaitingBytes, 2 * maxBufferedBytes))
  }

  #drop(): void {
    this.#dropped = true
    this.#open = false
    this.#res.req.socket.destroy() // `res.destroy()` waits for the answers before it on its connection
  }
}

export interface TickTarget {
  tick(now: number): void
}

/**
 * A timer that runs only while there is something to tick, so that an idle process does not wake up. Its targets are in an array: a Set, which
 * every request would enter and leave, allocates more than the request itself.
 */
export class Ticker {
  readonly targets: TickTarget[] = []
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  add(target: TickTarget): void {
    this.targets.push(target)
    this.#timer ??= setInterval(() => this.#tick(), this.#ms).unref()
  }

  delete(target: TickTarget): void {
    const place = this.targets.lastIndexOf(target) // from the end, because most leave soon
    const last = place === -1 ? undefined : this.targets.pop()
    if (last !== undefined && last !== target) this.targets[place] = last
  }

  #tick(): void {
    const now = monotonicMs()
    // From the end, because a target that leaves is replaced by the last.
    for (let i = this.targets.length - 1; i >= 0; i--) this.targets[i]?.tick(now)
    if (this.targets.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
