// Line positions of large files, kept between calls so that the next page of a log is not searched for from the first line again.
import type { BigIntStats } from 'node:fs'

const maxFiles = 32
const maxMarks = 512

interface Mark {
  readonly position: number
  readonly linesBefore: number
}

interface Known {
  totalLines?: number
  /** Starts of lines, in order. */
  marks: Mark[]
}

export class LineIndex {
  readonly #files = new Map<string, Known>()

  totalLines(key: string): number | undefined {
    return this.#use(key)?.totalLines
  }

  /** The last known start of a line that has at most `linesBefore` lines before it. */
  nearestMark(key: string, linesBefore: number): Mark | undefined {
    return this.#use(key)?.marks.findLast((mark) => mark.linesBefore <= linesBefore)
  }

  setTotal(key: string, totalLines: number): void {
    this.#add(key).totalLines = totalLines
  }

  mark(key: string, position: number, linesBefore: number): void {
    const known = this.#add(key)
    const after = known.marks.findIndex((mark) => mark.linesBefore >= linesBefore)
    if (after !== -1 && known.marks[after]?.linesBefore === linesBefore) return
    known.marks.splice(after === -1 ? known.marks.length : after, 0, { position, linesBefore })
    if (known.marks.length > maxMarks) known.marks = known.marks.filter((_, i) => i % 2 === 1)
  }

  #add(key: string): Known {
    const known = this.#use(key) ?? { marks: [] }
    this.#files.set(key, known)
    const oldest = this.#files.keys().next()
    if (this.#files.size > maxFiles && oldest.done !== true) this.#files.delete(oldest.value)
    return known
  }

  /** The file used last is the last of the map. */
  #use(key: string): Known | undefined {
    const known = this.#files.get(key)
    if (known === undefined) return undefined
    this.#files.delete(key)
    this.#files.set(key, known)
    return known
  }
}

/**
 * Names one state of one file. Undefined while the last change is less than `settledMs` old: another one within the same tick of the file
 * system's clock would not show. The change time is in it because, unlike the modification time, it cannot be set back.
 */
export function stateOf(stat: BigIntStats, charset: string, settledMs: number): string | undefined {
  if (Date.now() - Number(stat.ctimeMs) < settledMs) return undefined
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${charset}`
}
