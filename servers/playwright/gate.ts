// One large picture at a time, over all sessions: each takes some 16 bytes of the browser's memory for every pixel while it is made.
import { ToolError } from '../../protocol/index.ts'

const maxWaiting = 16

export class Gate {
  #busy = false
  readonly #waiting: (() => void)[] = []

  /**
   * Waits for the turn, at most `ms` and until the signal aborts; what is given back passes it on.
   * @throws ToolError RATE_LIMITED when it does not come in time, or too many wait
   */
  async enter(ms: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#busy) await this.#turn(ms, signal)
    this.#busy = true
    let left = false
    return () => {
      if (left) return
      left = true
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy = false
      else next() // the turn passes on without becoming free
    }
  }

  async #turn(ms: number, signal: AbortSignal): Promise<void> {
    const late = new ToolError('RATE_LIMITED', 'other sessions are taking large pictures, which are made one at a time', {
      hint: 'the same call in a few seconds, or without full_page',
    })
    if (this.#waiting.length >= maxWaiting) throw late
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
      }
      const enter = (): void => {
        settle()
        resolve()
      }
      const leave = (why: unknown): void => {
        settle()
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(why)
      }
      const abort = (): void => leave(signal.reason)
      const timer = setTimeout(() => leave(late), ms)
      this.#waiting.push(enter)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
