// Statistics cost up to sixty requests, so they are kept for a minute, and two callers at once share the second one's wait.
import type { Statistics } from '../tools/n8n-get-database-statistics.ts'

const keptMs = 60_000
/** Windows asked for lately. */
const maxEntries = 8

export class StatisticsCache {
  readonly #entries = new Map<number, { statistics: Statistics; at: number }>()
  #last: Promise<unknown> = Promise.resolve()

  /** The kept statistics of this window and their age, or new ones. One computation at a time. */
  async get(
    windowHours: number,
    refresh: boolean,
    signal: AbortSignal,
    compute: () => Promise<Statistics>,
  ): Promise<{ statistics: Statistics; ageMs: number }> {
    const asked = Date.now()
    const before = this.#last
    let end!: () => void
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#last = before.then(() => ended)
    try {
      await Promise.race([before, aborted(signal)])
      signal.throwIfAborted()
      const kept = this.#entries.get(windowHours)
      // What was computed while this caller waited is fresh enough even for `refresh`.
      if (kept !== undefined && Date.now() - kept.at < keptMs && (!refresh || kept.at >= asked))
        return { statistics: kept.statistics, ageMs: Date.now() - kept.at }
      const statistics = await compute()
      this.#entries.delete(windowHours)
      this.#entries.set(windowHours, { statistics, at: Date.now() })
      const [oldest] = this.#entries.keys()
      if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest)
      return { statistics, ageMs: 0 }
    } finally {
      end()
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
