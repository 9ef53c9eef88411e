// PostgreSQL's lexical rules (scan.l), as far as they are needed to know where words, strings and comments begin and end.
// What the tokens mean is decided in statement-filter.ts.

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

const apostrophe = 0x27
const quotation = 0x22
const ampersand = 0x26
const dollar = 0x24
const dash = 0x2d
const slash = 0x2f
const star = 0x2a
const point = 0x2e
const letterE = 0x65
const letterU = 0x75

const identifierRest = /[A-Za-z_0-9$\u0080-\uffff]*/y
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$/y
const number =
  /(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)/y
const parameter = /\$[0-9]+/y
const isSpace = charactersIn(' \t\n\r\f\v')
const isOperator = charactersIn('~!@#^&|`?+-*/%<>=')
const mayBePrefix = charactersIn('eEbBxXnNuU')
const isDigit = charactersIn('0123456789')
const isIdentifierStart = charactersIn('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_')

/** Single pass: every character is read at most three times, whatever the text holds. */
export function lex(text: string): Lexed {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.test(text) ? pattern.lastIndex - at : 0
  }
  while (at < text.length) {
    const start = at
    const code = text.charCodeAt(at)
    const next = text.charCodeAt(at + 1)
    const prefix = mayBePrefix[code] ? prefixLength(text, at, code, next) : 0
    const quote = prefix === 0 ? code : text.charCodeAt(at + prefix)
    if (isSpace[code]) {
      at += 1
    } else if (code === dash && next === dash) {
      at = endOfLine(text, at)
    } else if (code === slash && next === star) {
      const end = endOfComment(text, at)
      if (end === undefined) return { tokens, unclosed: 'comment' }
      at = end
    } else if (quote === apostrophe) {
      const end = endOfString(text, at + prefix, prefix === 1 && (code | 0x20) === letterE)
      if (end === undefined) return { tokens, unclosed: 'string' }
      at = end
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (quote === quotation) {
      const end = endOfQuoted(text, at + prefix)
      if (end === undefined) return { tokens, unclosed: 'identifier' }
      at = end
      const inner = text.slice(start + prefix + 1, end - 1).replaceAll('""', '"')
      tokens.push({ kind: 'word', name: inner, quoted: true, at: start, end: at })
    } else if (code === dollar && match(dollarTag) > 0) {
      const tag = text.slice(at, at + match(dollarTag))
      const close = text.indexOf(tag, at + tag.length)
      if (close === -1) return { tokens, unclosed: 'string' }
      at = close + tag.length
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (code === dollar) {
      at += Math.max(1, match(parameter))
      tokens.push({ kind: 'parameter', at: start, end: at })
    } else if (isIdentifierStart[code] || code >= 0x80) {
      at += match(identifierRest)
      tokens.push({ kind: 'word', name: fold(text.slice(start, at)), quoted: false, at: start, end: at })
    } else if (isDigit[code] || (code === point && isDigit[next])) {
      at += match(number)
      tokens.push({ kind: 'number', at: start, end: at })
    } else if (isOperator[code]) {
      at = endOfOperator(text, at)
      tokens.push({ kind: 'operator', at: start, end: at })
    } else {
      at += 1
      tokens.push({ kind: 'mark', mark: text[start] as string, at: start, end: at })
    }
  }
  return { tokens: joinEscapes(text, tokens), unclosed: undefined }
}

/** Characters before the quote of E'…', B'…', X'…', N'…', U&'…' and U&"…"; 0 for none. */
function prefixLength(text: string, at: number, code: number, next: number): number {
  if ((code | 0x20) !== letterU) return next === apostrophe ? 1 : 0
  if (next !== ampersand) return 0
  const third = text.charCodeAt(at + 2)
  return third === apostrophe || third === quotation ? 2 : 0
}

/** Decodes U&"…" and joins `UESCAPE '!'` behind U&"…" or U&'…' to it: the parser sees one token, too. */
function joinEscapes(text: string, tokens: readonly Token[]): readonly Token[] {
  const isUnicode = ({ at }: Token): boolean => text[at + 1] === '&' && (text.charCodeAt(at) | 0x20) === letterU
  if (!tokens.some(isUnicode)) return tokens
  const joined: Token[] = []
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i] as Token
    if (!isUnicode(token)) {
      joined.push(token)
      continue
    }
    const [word, string] = [tokens[i + 1], tokens[i + 2]]
    const given =
      word?.kind === 'word' && word.name === 'uescape' && !word.quoted && string?.kind === 'string' ? string : undefined
    if (given !== undefined) i += 2
    const end = given?.end ?? token.end
    const mark = given === undefined ? '\\' : (text[given.at + 1] ?? '\\')
    joined.push(token.kind === 'word' ? { ...token, name: decodeUnicode(token.name, mark), end } : { ...token, end })
  }
  return joined
}

function charactersIn(characters: string): Uint8Array {
  const table = new Uint8Array(128)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
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
      const next = continuedAt(text, at)
      if (next === undefined) return at
      at = next
    }
  }
  return undefined
}

/** Where a string goes on that is written in parts: behind white space with a line break in it, and `--` comments. */
function continuedAt(text: string, at: number): number | undefined {
  let newline = false
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === apostrophe) return newline ? at + 1 : undefined
    if (code === dash && text.charCodeAt(at + 1) === dash) {
      at = endOfLine(text, at)
    } else if (isSpace[code]) {
      newline ||= code === 0x0a || code === 0x0d
      at += 1
    } else {
      return undefined
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
  while (isOperator[text.charCodeAt(at)]) {
    if (text.startsWith('--', at) || text.startsWith('/*', at)) break
    at += 1
  }
  return at
}

function decodeUnicode(text: string, mark: string): string {
  let out = ''
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== mark) {
      out += text[at]
      continue
    }
    const [, long, short] = /^(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))/.exec(text.slice(at + 1, at + 8)) ?? []
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
