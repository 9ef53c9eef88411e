// Rows as text (tab-separated, one line each, so that every cell can be read back exactly) and as JSON.
import { formatBytes } from '../report.ts'
import { clip } from '../text.ts'
import type { Cell } from './protocol-guard.ts'
import { toJson } from './values.ts'

export interface Column {
  readonly name: string
  readonly type: string
  /** Between the elements of an array; a comma without one. */
  readonly delimiter?: string
}

/** A cell of which only the beginning is shown. */
export interface ShownPart {
  /** Index of its column. */
  readonly column: number
  /** Characters shown, counted as PostgreSQL does: code points. */
  readonly chars: number
}

/** The text and the same rows as JSON must stay below a megabyte together; a character beyond ASCII takes up to three bytes. */
const maxBytes = 380_000

/** As many rows as fit; always at least one, with its cells cut further if need be. `shown` counts them. */
export function toTable(columns: readonly Column[], rows: readonly Cell[][], limits: { maxChars: number; maxCellChars: number }) {
  const lines = [columns.map(({ name }) => quoteCell(clip(name, 200))).join('\t')]
  let chars = (lines[0] ?? '').length
  let bytes = Buffer.byteLength(lines[0] ?? '')
  const cut: ShownPart[] = []
  const json: unknown[][] = []
  for (const row of rows) {
    let parts = row.map((cell) => shownPart(cell, limits.maxCellChars))
    let line = parts.map(cellText).join('\t')
    if (json.length === 0 && chars + line.length > limits.maxChars) {
      const cellChars = Math.max(10, Math.floor((limits.maxChars - chars) / Math.max(1, row.length)) - 30)
      parts = row.map((cell) => shownPart(cell, cellChars))
      line = clip(parts.map(cellText).join('\t'), limits.maxChars)
    }
    const lineBytes = Buffer.byteLength(line)
    if (json.length > 0 && (chars + line.length + 1 > limits.maxChars || bytes + lineBytes > maxBytes)) break
    lines.push(line)
    chars += line.length + 1
    bytes += lineBytes
    json.push(parts.map((part, i) => jsonCell(part, columns[i] ?? { name: '', type: 'text' })))
    for (const [column, part] of parts.entries()) if (part?.rest) cut.push({ column, chars: [...part.head].length })
  }
  return { text: lines.join('\n'), shown: json.length, rows: json, cut }
}

/** The beginning of a cell, and how much follows; '' when that is all. */
type Part = { readonly head: string; readonly rest: string } | null

function shownPart(cell: Cell, maxChars: number): Part {
  if (cell === null) return null
  const text = typeof cell === 'string' ? cell : cell.head
  const clipped = clip(text, maxChars)
  const head = clipped === text ? text : clipped.slice(0, clipped.lastIndexOf('…'))
  if (typeof cell === 'string') return { head, rest: clipped.slice(head.length) }
  return { head, rest: `…[+${cell.bytes - Buffer.byteLength(head)} bytes]` }
}

function cellText(part: Part): string {
  return part === null ? 'NULL' : quoteCell(part.head + part.rest)
}

function jsonCell(part: Part, { type, delimiter }: Column): unknown {
  if (part === null) return null
  return part.rest === '' ? toJson(part.head, type, delimiter) : part.head + part.rest
}

/** NULL, the empty string, and text that would look like them or break the line are told apart by JSON quotes. */
export function quoteCell(cell: string): string {
  return cell === '' || cell === 'NULL' || cell.startsWith('"') || /[\t\n\r\x00-\x1f]/.test(cell) ? JSON.stringify(cell) : cell
}

/** A list of our own making, such as of tables and their sizes: a header and a line for each row; what is not known is a dash. */
export function listing(header: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  const lines = rows.map((cells) => cells.map((cell) => quoteCell(String(cell ?? '-'))).join('\t'))
  return [header.join('\t'), ...lines].join('\n')
}

/** `listing` as a member of a report; none for no rows. */
export function listed(...[header, rows]: Parameters<typeof listing>): { untrusted?: string } {
  return rows.length === 0 ? {} : { untrusted: listing(header, rows) }
}

/** `a=1, b=2` */
export function pairs(members: unknown, between = '='): string {
  return Object.entries(members ?? {})
    .map(([name, value]) => `${name}${between}${quoteCell(String(value))}`)
    .join(', ')
}

/** As a cell of `listing`. */
export function size(bytes: number | null): string | null {
  return bytes === null ? null : formatBytes(bytes)
}

/** Sizes that are not known count as nothing. */
export function totalSize(rows: readonly { readonly size_bytes: number | null }[]): number {
  return rows.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0)
}
