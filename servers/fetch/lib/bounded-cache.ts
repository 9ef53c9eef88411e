// Values that are kept for a while, with a limit in number and in bytes; the least recently used goes first.
import { monotonicMs } from '../../../protocol/index.ts'

interface Entry<T> {
  readonly value: T
  readonly until: number
  readonly bytes: number
}

export class BoundedCache<T> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry<T>>()
  #bytes = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): { entries: number; bytes: number } {
    return { entries: this.#entries.size, bytes: this.#bytes }
  }

  get(key: string): T | undefined {
    const found = this.#entries.get(key)
    this.#delete(key)
    if (found === undefined || found.until <= monotonicMs()) return undefined
    this.#add(key, found) // now the most recently used
    return found.value
  }

  set(key: string, value: T, bytes: number, keepMs: number): void {
    this.#delete(key)
    if (bytes > this.#maxBytes) return
    this.#add(key, { value, until: monotonicMs() + keepMs, bytes })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break
      this.#delete(oldest)
    }
  }

  #add(key: string, entry: Entry<T>): void {
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
  }

  #delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}
