// The one table of all commands: columns as wide as their widest cell, and below a row its reason, indented. Fits 80 columns.
import type { State } from './health.ts'

export interface Row {
  readonly cells: readonly string[]
  /** Each on a line of its own below the cells, wrapped. */
  readonly notes?: readonly string[]
  /** Colours the cells on a terminal. */
  readonly mark?: 'bad' | 'off' | undefined
}

export const tableWidth = 80
const gap = 2
const indent = '  '
const minimumColumn = 8
const codes = { bad: 31, off: 90 }

/** @param colour whether the output is a terminal that shows colours: `hasColours(stream)` */
export function renderTable(head: readonly string[], rows: readonly Row[], colour = false): string {
  const all = [head, ...rows.map(({ cells }) => cells)]
  const widths = fit(head.map((_, i) => all.map((cells) => cells[i] ?? '')))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cut(cell, widths[i] ?? 0).padEnd(widths[i] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd()
  const body = rows.flatMap(({ cells, notes = [], mark }) => [
    colour && mark !== undefined ? `\x1b[${codes[mark]}m${line(cells)}\x1b[0m` : line(cells),
    ...notes.flatMap((note) => wrap(note, tableWidth - indent.length)).map((text) => indent + text),
  ])
  return [line(head), ...body].join('\n')
}

/** The lines below the row of a server: why it is in its state, and what to do. */
export function reasonsOf({ state, message, next }: Pick<State, 'state' | 'message' | 'next'>): string[] {
  const reason = state === 'not_configured' || message === undefined ? [] : [message]
  return next === undefined ? reason : [...reason, `next: ${next}`]
}

/** Whether the stream is a terminal that shows colours; honours NO_COLOR. */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors()
}

/** Lines of at most `width` characters, broken between words. A longer word, such as an address, stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}

/** The widths of columns with these cells: narrows the widest column until the table fits. */
function fit(columns: readonly (readonly string[])[]): number[] {
  const widths = columns.map((cells) => Math.max(...cells.map(({ length }) => length)))
  const fixed = columns.map((cells) => cells.some((cell) => cell.includes('://'))) // an address that is cut cannot be used
  const total = (): number => widths.reduce((sum, width) => sum + width, gap * (widths.length - 1))
  while (total() > tableWidth) {
    const free = widths.map((width, i) => (fixed[i] === true ? 0 : width))
    const widest = Math.max(...free)
    if (widest <= minimumColumn) break
    widths[free.indexOf(widest)] = widest - 1
  }
  return widths
}

function cut(cell: string, width: number): string {
  return cell.length <= width ? cell : `${cell.slice(0, width - 1)}…`
}
