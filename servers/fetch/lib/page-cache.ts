// Extracted pages, kept for a few minutes: the following page of a text costs no second download and continues the same text.
import type { Page } from '../types.ts'

export interface PageCacheLimits {
  readonly maxPages: number
  readonly maxBytes: number
  readonly keepMs: number
}

interface Entry {
  readonly page: Page
  readonly until: number
  readonly bytes: number
}

export class PageCache {
  readonly #limits: PageCacheLimits
  readonly #pages = new Map<string, Entry>()
  #bytes = 0

  constructor(limits: PageCacheLimits) {
    this.#limits = limits
  }

  get size(): { pages: number; bytes: number } {
    return { pages: this.#pages.size, bytes: this.#bytes }
  }

  get(key: string): Page | undefined {
    const found = this.#pages.get(key)
    this.#delete(key)
    if (found === undefined || found.until <= Date.now()) return undefined
    this.#add(key, found) // now the most recently used
    return found.page
  }

  set(key: string, page: Page): void {
    this.#delete(key)
    const bytes = bytesOf(page.text) + 1_000
    if (bytes > this.#limits.maxBytes) return
    this.#add(key, { page, until: Date.now() + this.#limits.keepMs, bytes })
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.#limits.maxPages && this.#bytes <= this.#limits.maxBytes) break
      this.#delete(oldest)
    }
  }

  #add(key: string, entry: Entry): void {
    this.#pages.set(key, entry)
    this.#bytes += entry.bytes
  }

  #delete(key: string): void {
    this.#bytes -= this.#pages.get(key)?.bytes ?? 0
    this.#pages.delete(key)
  }
}

/** V8 keeps a string in one byte for each character as long as all are of Latin-1. */
function bytesOf(text: string): number {
  return /[^\x00-\xff]/.test(text) ? 2 * text.length : text.length
}
