// JSON, indented without being parsed: numbers keep their digits, and five megabytes cost neither memory nor time at once.

const maxIndent = 20

/** @returns takes pieces of JSON and gives them back with line breaks and indentation; what is not JSON stays as it is, more or less */
export function jsonIndenter(): (piece: string) => string {
  let depth = 0
  let quoted = false
  let escaped = false
  let opened = false // right behind a bracket: an empty pair stays together
  const line = (): string => `\n${'  '.repeat(Math.min(Math.max(depth, 0), maxIndent))}`
  return (piece) => {
    const out: string[] = []
    let from = 0
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i)
      if (quoted) {
        if (escaped) escaped = false
        else if (code === 0x5c) escaped = true
        else if (code === 0x22) quoted = false
        continue
      }
      const char = piece[i] as string
      const space = code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
      const closes = code === 0x7d || code === 0x5d
      if (opened && !space) {
        opened = false
        if (!closes) {
          out.push(piece.slice(from, i), line())
          from = i
        } else {
          depth -= 1
          continue
        }
      }
      if (space && depth <= 0) continue // between the values of JSON lines, and in text that is not JSON
      if (space) {
        out.push(piece.slice(from, i))
        from = i + 1
      } else if (code === 0x22) quoted = true
      else if (code === 0x7b || code === 0x5b) {
        depth += 1
        opened = true
        out.push(piece.slice(from, i + 1))
        from = i + 1
      } else if (closes) {
        depth -= 1
        out.push(piece.slice(from, i), line())
        from = i
      } else if (code === 0x2c || code === 0x3a) {
        out.push(piece.slice(from, i), char, code === 0x2c ? line() : ' ')
        from = i + 1
      }
    }
    out.push(piece.slice(from))
    return out.join('')
  }
}
