// How long the event loop is busy without a pause.
import { readFileSync } from 'node:fs'

/** Processor time of this thread in milliseconds (proc(5): nanoseconds). Clock time would also count what other programs take on a busy machine. */
function threadMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6
  } catch {
    return performance.now() // not Linux
  }
}

export class LongestTurn {
  #longestMs = 0
  #last = threadMs()
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => this.#measure(), 5).unref()
  }

  /** Milliseconds of the longest turn since the start or the last `reset()`. */
  get ms(): number {
    this.#measure()
    return this.#longestMs
  }

  reset(): void {
    this.#longestMs = 0
    this.#last = threadMs()
  }

  stop(): number {
    clearInterval(this.#timer)
    return this.ms
  }

  #measure(): void {
    const now = threadMs()
    this.#longestMs = Math.max(this.#longestMs, now - this.#last)
    this.#last = now
  }
}
