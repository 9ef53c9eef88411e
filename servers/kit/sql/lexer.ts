// PostgreSQL's lexical rules (scan.l), as far as they are needed to know where words, strings and comments begin and end.
// What the tokens mean is decided in statement-filter.ts.
import { foldCase } from './identifiers.ts'

export type Token =
  /** A keyword or an identifier; `name` as PostgreSQL reads it: folded to lower case unless it was quoted. */
  | { readonly kind: 'word'; readonly name: string; readonly quoted: boolean; readonly at: number; readonly end: number }
  | { readonly kind: 'string' | 'number' | 'parameter' | 'operator'; readonly at: number; readonly end: number }
  /** ( ) [ ] , ; : . */
  | { readonly kind: 'mark'; readonly mark: string; readonly at: number; readonly end: number }

export interface Lexed {
  readonly tokens: readonly Token[]
  /** Why the text is refused: what is not closed at its end, or a name in U&"…", whose escapes are not decoded here. */
  readonly fault: 'comment' | 'string' | 'identifier' | 'escape' | undefined
}

export function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.mark === mark
}

// Each is matched at one place of the text and linear: no character can be taken by two parts of a repetition.
const blank = /(?:[ \t\n\r\f\v]+|--[^\n\r]*)+/y
/** A quote that another one follows does not close. */
const string = /'[^']*(?:''[^']*)*'(?!')/y
/** As in E'…': backslashes escape. In others they do not, as the engine sets standard_conforming_strings. */
const escapedString = /'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'(?!')/y
const identifier = /"[^"]*(?:""[^"]*)*"(?!")/y
const lineBreak = /[\n\r]/
/** Before the quote of E'…', B'…', X'…', N'…', U&'…' and U&"…". */
const prefix = /[ebxn](?=')|u&(?=['"])/iy
const commentMark = /\/\*|\*\//g
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$/y
const parameter = /\$[0-9]*/y
const word = /[A-Za-z_\u0080-\uffff][A-Za-z_0-9$\u0080-\uffff]*/y
const number =
  /(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)/y
/** An operator ends where a comment begins; `+` and `-` at its end are signs of what follows, which makes no difference here. */
const operator = /(?:(?!--|\/\*)[~!@#^&|`?+\-*/%<>=])+/y

/** Single pass: every character is read at most three times, whatever the text holds. */
export function lex(text: string): Lexed {
  const tokens: Token[] = []
  let at = 0
  /** Moves behind what the pattern matches here. */
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.test(text)
    if (found) at = pattern.lastIndex
    return found
  }
  while (at < text.length) {
    const start = at
    if (take(blank)) continue
    if (text.startsWith('/*', at)) {
      at = endOfComment(text, at)
      if (at > text.length) return { tokens, fault: 'comment' }
      continue
    }
    take(prefix)
    if (text[at] === "'") {
      if (!takeString(text[start] === 'e' || text[start] === 'E' ? escapedString : string)) return { tokens, fault: 'string' }
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (text[at] === '"') {
      if (at > start) return { tokens, fault: 'escape' }
      if (!take(identifier)) return { tokens, fault: 'identifier' }
      const name = text.slice(start + 1, at - 1).replaceAll('""', '"')
      tokens.push({ kind: 'word', name, quoted: true, at: start, end: at })
    } else if (take(word)) {
      tokens.push({ kind: 'word', name: foldCase(text.slice(start, at)), quoted: false, at: start, end: at })
    } else if (take(number)) {
      tokens.push({ kind: 'number', at: start, end: at })
    } else if (take(operator)) {
      tokens.push({ kind: 'operator', at: start, end: at })
    } else if (take(dollarTag)) {
      const tag = text.slice(start, at)
      const close = text.indexOf(tag, at)
      if (close === -1) return { tokens, fault: 'string' }
      at = close + tag.length
      tokens.push({ kind: 'string', at: start, end: at })
    } else if (take(parameter)) {
      tokens.push({ kind: 'parameter', at: start, end: at })
    } else {
      at += 1
      tokens.push({ kind: 'mark', mark: text[start] as string, at: start, end: at })
    }
  }
  return { tokens, fault: undefined }

  /** A string, and its continuations: it goes on behind white space with a line break in it, and `--` comments. */
  function takeString(pattern: RegExp): boolean {
    for (let end = -1; take(pattern); ) {
      end = at
      take(blank)
      if (text[at] !== "'" || !lineBreak.test(text.slice(end, at))) {
        at = end
        return true
      }
    }
    return false
  }
}

/** Comments nest. @returns a place behind the end of the text when it is not closed */
function endOfComment(text: string, start: number): number {
  let at = start + 2
  for (let depth = 1; depth > 0; ) {
    commentMark.lastIndex = at
    const [mark] = commentMark.exec(text) ?? []
    if (mark === undefined) return text.length + 1
    depth += mark === '/*' ? 1 : -1
    at = commentMark.lastIndex
  }
  return at
}
