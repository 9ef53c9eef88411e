// JSON, indented without being parsed: numbers keep their digits, and five megabytes cost neither memory nor time at once.

const maxIndent = 20

/** @returns takes pieces of JSON and gives them back with line breaks and indentation; text that is not JSON changes in its spaces at most */
export function jsonIndenter(): (piece: string) => string {
  let depth = 0
  let quoted = false
  let escaped = false
  let opened = false // right behind a bracket: an empty pair stays together
  const line = (): string => `\n${'  '.repeat(Math.min(Math.max(depth, 0), maxIndent))}`
  return (piece) => {
    let out = ''
    for (const char of piece) {
      if (quoted) {
        quoted = escaped || char !== '"'
        escaped = !escaped && char === '\\'
        out += char
      } else if (' \n\r\t'.includes(char)) {
        if (depth <= 0) out += char // between the values of JSON lines, and in text that is not JSON
      } else {
        const closes = char === '}' || char === ']'
        if (closes) depth -= 1
        if (opened !== closes) out += line()
        opened = char === '{' || char === '['
        if (opened) depth += 1
        quoted = char === '"'
        out += char
        if (char === ',') out += line()
        if (char === ':') out += ' '
      }
    }
    return out
  }
}
