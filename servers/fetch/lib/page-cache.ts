// Extracted pages, kept for a few minutes: the following page of a text costs no second download and continues the same text.
import type { Page } from '../types.ts'

export interface PageCacheLimits {
  readonly maxPages: number
  readonly maxBytes: number
  readonly keepMs: number
}

export class PageCache {
  readonly #limits: PageCacheLimits
  readonly #pages = new Map<string, { page: Page; until: number; bytes: number }>()
  #bytes = 0

  constructor(limits: PageCacheLimits) {
    this.#limits = limits
  }

  get size(): { pages: number; bytes: number } {
    return { pages: this.#pages.size, bytes: this.#bytes }
  }

  get(key: string): Page | undefined {
    const found = this.#pages.get(key)
    if (found === undefined) return undefined
    this.#pages.delete(key)
    if (found.until <= Date.now()) {
      this.#bytes -= found.bytes
      return undefined
    }
    this.#pages.set(key, found) // now the most recently used
    return found.page
  }

  set(key: string, page: Page): void {
    this.delete(key)
    const bytes = bytesOf(page.text) + 1_000
    if (bytes > this.#limits.maxBytes) return
    this.#pages.set(key, { page, until: Date.now() + this.#limits.keepMs, bytes })
    this.#bytes += bytes
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.#limits.maxPages && this.#bytes <= this.#limits.maxBytes) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    this.#bytes -= this.#pages.get(key)?.bytes ?? 0
    this.#pages.delete(key)
  }

  clear(): void {
    this.#pages.clear()
    this.#bytes = 0
  }
}

/** V8 keeps a string in one byte for each character as long as all are of Latin-1. */
function bytesOf(text: string): number {
  return /[^\x00-\xff]/.test(text) ? 2 * text.length : text.length
}
