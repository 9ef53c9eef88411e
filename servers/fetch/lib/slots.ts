// Places for work: so many at once, so many of them for each key, and a line of limited length for the rest.
import { ToolError } from '../../../protocol/index.ts'

export interface SlotLimits {
  readonly most: number
  readonly mostPerKey: number
  readonly maxWaiting: number
}

interface Waiting {
  readonly key: string
  enter(): void
}

export class Slots {
  readonly #limits: SlotLimits
  readonly #taken = new Map<string, number>()
  readonly #waiting: Waiting[] = []
  #running = 0

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running
  }

  /**
   * Runs `work` when there is a place. First come first served, except that nobody waits behind another key's limit.
   * @throws ToolError RATE_LIMITED when the line is full; the signal's reason when it aborts in line
   */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#mayEnter(key)) this.#enter(key)
    else await this.#wait(key, signal)
    try {
      return await work()
    } finally {
      this.#leave(key)
    }
  }

  #wait(key: string, signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      throw new ToolError('RATE_LIMITED', `${this.#running} pages are being fetched and ${this.#waiting.length} calls wait`, {
        hint: 'the same call again in a few seconds',
      })
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        key,
        enter: () => {
          signal.removeEventListener('abort', leave)
          this.#enter(key)
          resolve()
        },
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(signal.reason)
      }
      this.#waiting.push(waiting)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #mayEnter(key: string): boolean {
    return this.#running < this.#limits.most && (this.#taken.get(key) ?? 0) < this.#limits.mostPerKey
  }

  #enter(key: string): void {
    this.#running += 1
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1)
  }

  #leave(key: string): void {
    this.#running -= 1
    const left = (this.#taken.get(key) ?? 1) - 1
    if (left === 0) this.#taken.delete(key)
    else this.#taken.set(key, left)
    const next = this.#waiting.findIndex((waiting) => this.#mayEnter(waiting.key))
    if (next !== -1) this.#waiting.splice(next, 1)[0]?.enter()
  }
}
