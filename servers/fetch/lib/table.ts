// One table: its rows as lines of Markdown, with cells under the right columns.
import type { Attributes } from '../types.ts'

const maxColumns = 100
const maxRowSpan = 1_000

export class Table {
  /** This row arranges the page; its cells are blocks. */
  isLayout = false
  inCell = false
  /** Rows written since the last layout row. */
  rows = 0
  #width = 0
  #cells: string[] = []
  #colSpan = 1
  #rowSpan = 1
  /** By column: rows that a cell of an earlier row still reaches into. */
  readonly #reaching: number[] = []

  /** At most two columns so far: keys and values. */
  get isNarrow(): boolean {
    return this.#width <= 2 && this.#cells.length <= 1
  }

  beginCell({ colspan, rowspan }: Attributes): void {
    this.inCell = true
    this.#colSpan = spanOf(colspan, maxColumns)
    this.#rowSpan = spanOf(rowspan, maxRowSpan)
  }

  endCell(text: string): void {
    this.inCell = false
    this.#fillReached()
    for (let column = 0; column < this.#colSpan && this.#cells.length < maxColumns; column++) {
      if (this.#rowSpan > 1) this.#reaching[this.#cells.length] = this.#rowSpan - 1
      this.#cells.push(column === 0 ? text.replaceAll('|', '\\|') : '')
    }
  }

  /** @returns its Markdown; a table of one column has no rows; undefined when it is empty, or a layout */
  endRow(): { text: string; isRow: boolean } | undefined {
    if (this.isLayout) this.rows = 0
    this.isLayout = false
    this.#fillReached()
    const cells = this.#cells
    this.#cells = []
    if (cells.every((cell) => cell === '')) return undefined
    if (cells.length === 1 && this.rows === 0) return { text: cells[0] as string, isRow: false }
    if (this.rows === 0) this.#width = cells.length
    while (cells.length < this.#width) cells.push('')
    const row = `| ${cells.join(' | ')} |`
    this.rows += 1
    return { text: this.rows === 1 ? `${row}\n|${' --- |'.repeat(cells.length)}` : row, isRow: true }
  }

  /** Makes the row a layout. @returns the cells that it has so far */
  dissolve(): string[] {
    this.isLayout = true
    this.inCell = false
    return this.#cells.splice(0)
  }

  /** Leaves the columns empty that cells of earlier rows reach into. */
  #fillReached(): void {
    const cells = this.#cells
    for (let left = this.#reaching[cells.length] ?? 0; left > 0; left = this.#reaching[cells.length] ?? 0) {
      this.#reaching[cells.length] = left - 1
      cells.push('')
    }
  }
}

/** 0 means "to the end". */
function spanOf(text: string | undefined, most: number): number {
  const span = Number(text ?? 1)
  return Number.isInteger(span) && span >= 0 ? Math.min(span || most, most) : 1
}
