// A table for a terminal: columns as wide as their widest cell, two spaces between them.

/** @param rows the first is the header; in a shorter row the last cell does not widen its column */
export function renderColumns(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => (i === row.length - 1 && row.length < columns ? 0 : (row[i]?.length ?? 0)))),
  )
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}
