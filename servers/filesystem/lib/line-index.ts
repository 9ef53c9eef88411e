// Line positions of large files, kept between calls so that the next page of a log is not searched for from the first line again.
import type { BigIntStats } from 'node:fs'

const maxFiles = 32
const maxMarks = 512

/** What is known of one state of one file. */
export class KnownLines {
  totalLines: number | undefined
  /** Starts of lines, in order. */
  #marks: { readonly position: number; readonly linesBefore: number }[] = []

  /** The last known start of a line that has at most `linesBefore` lines before it. */
  nearestMark(linesBefore: number) {
    return this.#marks.findLast((mark) => mark.linesBefore <= linesBefore)
  }

  mark(position: number, linesBefore: number): void {
    const before = this.#marks.findLastIndex((mark) => mark.linesBefore <= linesBefore)
    if (this.#marks[before]?.linesBefore === linesBefore) return
    this.#marks.splice(before + 1, 0, { position, linesBefore })
    if (this.#marks.length > maxMarks) this.#marks = this.#marks.filter((_, i) => i % 2 === 1)
  }
}

export class LineIndex {
  /** By state, the one used last at the end. */
  readonly #files = new Map<string, KnownLines>()

  /**
   * What is known of the file in this state. Nothing is kept while the last change is less than `settledMs` old: another one within the same
   * tick of the file system's clock would not show. The change time is in the key because, unlike the modification time, it cannot be set back.
   */
  of({ dev, ino, size, mtimeNs, ctimeNs, ctimeMs }: BigIntStats, charset: string, settledMs: number): KnownLines {
    if (Date.now() - Number(ctimeMs) < settledMs) return new KnownLines()
    const key = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}:${charset}`
    const known = this.#files.get(key) ?? new KnownLines()
    this.#files.delete(key)
    this.#files.set(key, known)
    const [oldest] = this.#files.keys()
    if (this.#files.size > maxFiles && oldest !== undefined) this.#files.delete(oldest)
    return known
  }
}
