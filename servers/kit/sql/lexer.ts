// PostgreSQL's lexical rules (scan.l), as far as it takes to know where words, strings and comments begin and end.
// It judges nothing: what the tokens mean is gate.ts's business.

export type Token =
  /** A keyword or an identifier; `name` as PostgreSQL reads it: folded to lower case unless it was quoted. */
  | { readonly kind: 'word'; readonly name: string; readonly quoted: boolean; readonly at: number; readonly end: number }
  | { readonly kind: 'string'; readonly at: number; readonly end: number }
  | { readonly kind: 'number' | 'parameter' | 'operator'; readonly at: number; readonly end: number }
  /** ( ) [ ] , ; : . */
  | { readonly kind: 'mark'; readonly mark: string; readonly at: number; readonly end: number }

export interface Lexed {
  readonly tokens: readonly Token[]
  /** What is not closed at the end of the text, if anything. */
  readonly unclosed: 'comment' | 'string' | 'identifier' | undefined
}

const space = /[ \t\n\r\f\v]/
const identifierStart = /[A-Za-z_\u0080-\uffff]/
const identifierRest = /[A-Za-z_0-9$\u0080-\uffff]*/y
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$/y
const number =
  /(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)/y
const parameter = /\$[0-9]+/y
const operatorCharacters = '~!@#^&|`?+-*/%<>='
/** What may stand between two parts of one string: white space with at least one line break, and `--` comments. */
const continuation = /(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\f\v\n\r]|--[^\n\r]*[\n\r])*'/y

export function lex(text: string): Lexed {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  while (at < text.length) {
    const start = at
    const character = text[at] as string
    if (space.test(character)) {
      at += 1
    } else if (text.startsWith('--', at)) {
      at = endOfLine(text, at)
    } else if (text.startsWith('/*', at)) {
      const end = endOfComment(text, at)
      if (end === undefined) return { tokens, unclosed: 'comment' }
      at = end
    } else if (character === "'" || /^(?:[eEbBxXnN]|[uU]&)'/.test(text.slice(at, at + 3))) {
      const quote = text.indexOf("'", at)
      const end = endOfString(text, quote, /[eE]/.test(character))
      if (end === undefined) return { tokens, unclosed: 'string' }
      at = end
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (character === '"' || /^[uU]&"/.test(text.slice(at, at + 3))) {
      const quote = text.indexOf('"', at)
      const end = endOfQuoted(text, quote)
      if (end === undefined) return { tokens, unclosed: 'identifier' }
      at = end
      const inner = text.slice(quote + 1, end - 1).replaceAll('""', '"')
      const name = quote === start ? inner : decodeUnicode(inner, escapeCharacter(text, end))
      tokens.push({ kind: 'word', name, quoted: true, at: start, end: at })
    } else if (character === '$' && match(dollarTag) !== undefined) {
      const tag = match(dollarTag) as string
      const close = text.indexOf(tag, at + tag.length)
      if (close === -1) return { tokens, unclosed: 'string' }
      at = close + tag.length
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (character === '$') {
      at += match(parameter)?.length ?? 1
      tokens.push({ kind: 'parameter', at: start, end: at })
    } else if (identifierStart.test(character)) {
      const word = match(identifierRest) as string
      at += word.length
      tokens.push({ kind: 'word', name: fold(word), quoted: false, at: start, end: at })
    } else if (/[0-9]/.test(character) || (character === '.' && /[0-9]/.test(text[at + 1] ?? ''))) {
      at += (match(number) as string).length
      tokens.push({ kind: 'number', at: start, end: at })
    } else if (operatorCharacters.includes(character)) {
      at = endOfOperator(text, at)
      tokens.push({ kind: 'operator', at: start, end: at })
    } else {
      at += 1
      tokens.push({ kind: 'mark', mark: character, at: start, end: at })
    }
  }
  return { tokens, unclosed: undefined }
}

/** PostgreSQL folds ASCII only where the encoding has several bytes to a character. */
function fold(word: string): string {
  return word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function endOfLine(text: string, at: number): number {
  while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at += 1
  return at
}

/** Comments nest. */
function endOfComment(text: string, at: number): number | undefined {
  let depth = 0
  while (at < text.length) {
    if (text.startsWith('/*', at)) {
      depth += 1
      at += 2
    } else if (text.startsWith('*/', at)) {
      depth -= 1
      at += 2
      if (depth === 0) return at
    } else {
      at += 1
    }
  }
  return undefined
}

/** @param escapes backslashes escape, as in E'…'. Without the E they do not: the engine sets standard_conforming_strings. */
function endOfString(text: string, quote: number, escapes: boolean): number | undefined {
  let at = quote + 1
  while (at < text.length) {
    if (escapes && text[at] === '\\') {
      at += 2
    } else if (text[at] !== "'") {
      at += 1
    } else if (text[at + 1] === "'") {
      at += 2
    } else {
      at += 1
      continuation.lastIndex = at
      const next = continuation.exec(text)
      if (next === null) return at
      at += next[0].length
    }
  }
  return undefined
}

function endOfQuoted(text: string, quote: number): number | undefined {
  let at = quote + 1
  while (at < text.length) {
    if (text[at] !== '"') at += 1
    else if (text[at + 1] === '"') at += 2
    else return at + 1
  }
  return undefined
}

/** An operator ends where a comment begins; `+` and `-` at its end are signs of what follows, which makes no difference here. */
function endOfOperator(text: string, at: number): number {
  while (at < text.length && operatorCharacters.includes(text[at] as string)) {
    if (text.startsWith('--', at) || text.startsWith('/*', at)) break
    at += 1
  }
  return at
}

/** The character of `UESCAPE '!'` after a U&"…" identifier. */
function escapeCharacter(text: string, end: number): string {
  const rest = text.slice(end, end + 200)
  return /^(?:\s|--[^\n\r]*[\n\r]|\/\*[^*]*\*\/)*uescape\s*'(.)'/i.exec(rest)?.[1] ?? '\\'
}

function decodeUnicode(text: string, mark: string): string {
  let out = ''
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== mark) {
      out += text[at]
      continue
    }
    const [, long, short] = /^(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))/.exec(text.slice(at + 1)) ?? []
    const code = Number.parseInt(long ?? short ?? '', 16)
    if (Number.isNaN(code) || code > 0x10ffff) {
      out += mark
      at += text[at + 1] === mark ? 1 : 0
    } else {
      out += String.fromCodePoint(code)
      at += long === undefined ? 4 : 7
    }
  }
  return out
}
