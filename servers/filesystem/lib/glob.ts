// Glob patterns over path segments: * ? [a-z] [!a-z] {a,b} and ** for any number of segments. Matching takes time proportional to pattern
// times path, whatever the pattern is: a model writes it (mark3labs/mcp-filesystem-server#63 was a pattern that never ended).
import { ToolError } from '../../../protocol/index.ts'
import { type RawPath, textOf } from './raw-path.ts'

const maxAlternatives = 64

/** A path in the form that is compared: each segment folded, and NUL after it, because folding makes slashes of some characters. */
export function foldPath(segments: readonly RawPath[]): string {
  return segments.map((segment) => `${fold(textOf(segment))}\0`).join('')
}

/**
 * Whether any of the patterns matches a path of {@link foldPath}. Case is ignored, and so is what case-insensitive file systems ignore. A
 * pattern without a slash matches the last segment at any depth; `/**` at the end matches the folder itself too.
 * @throws ToolError INVALID_ARGUMENT when the braces of a pattern stand for more than 64 patterns
 */
export function compileGlobs(patterns: readonly string[]): (folded: string) => boolean {
  const names = ['(?!)'] // matches nothing
  const paths: RegExp[] = []
  for (const pattern of patterns) {
    for (const alternative of expandBraces(fold(pattern))) {
      const segments = alternative.split('/').filter((segment) => segment !== '' && segment !== '.')
      const [name = ''] = segments
      const isName = segments.length === 1 && !pattern.startsWith('/')
      const parts = partsOf(name)
      if (isName && parts.length <= 2) names.push(parts.join('[^\\0]*'))
      else paths.push(expressionOf(isName ? ['**', name] : segments))
    }
  }
  // Most patterns of a list are names with one star at most: together they cost little more than one.
  const name = new RegExp(`^(?:${names.join('|')})\\0$`, 'u')
  return (folded) => {
    const last = folded.slice(folded.slice(0, -1).lastIndexOf('\0') + 1)
    return name.test(last) || paths.some((path) => path.test(folded))
  }
}

function expressionOf(segments: readonly string[]): RegExp {
  let groups = 0
  /**
   * The parts in this order, with any number of `filler` before each but the first. For a part between two others its first match is enough,
   * and what a lookahead has matched is not tried again: otherwise the engine would try all combinations.
   */
  const spread = (parts: readonly string[], filler: string): string =>
    parts.reduce((before, part, i) => {
      if (i === parts.length - 1) return `${before}${filler}*${part}`
      groups += 1
      return `${before}(?=(?<g${groups}>${filler}*?${part}))\\k<g${groups}>`
    })
  const runs = ['']
  for (const segment of segments) {
    if (segment === '**') runs.push('')
    else runs.push(`${runs.pop()}${spread(partsOf(segment), '[^\\0]')}\\0`)
  }
  return new RegExp(`^${spread(runs, '(?:[^\\0]*\\0)')}$`, 'u')
}

/**
 * A case-insensitive file system finds `.env` under `.ENV`, `.ſsh` for `.ssh` (U+017F) and, with Linux' casefold or HFS+, names with
 * invisible characters in them; a deny pattern has to see through the same.
 */
function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
}

/** The parts of a segment between its stars, each as a regular expression for a fixed number of characters. */
function partsOf(segment: string): string[] {
  const parts = ['']
  for (const [token] of segment.matchAll(/\*+|\[(?:[!^].|[^!^])[^\]]*\]|\\.|./gsu)) {
    const part = token === '?' ? '[^\\0]' : /^\[./s.test(token) ? characterClass(token) : escaped(token.replace(/^\\(?=.)/s, ''))
    if (token.startsWith('*')) parts.push('')
    else parts.push(`${parts.pop()}${part}`)
  }
  return parts
}

/** @param token `[a-z]`, or `[!a-z]` for every other character */
function characterClass(token: string): string {
  const [, negation, body = ''] = /^\[([!^]?)(.*)\]$/s.exec(token) ?? []
  const ranges = Array.from(body.matchAll(/(.)-(.)|./gsu), ([char, from = char, to = char]) => [from, to] as const)
  const admitted = ranges.filter(([from, to]) => Number(from.codePointAt(0)) <= Number(to.codePointAt(0)))
  return `(?!\\0)[${negation ? '^' : ''}${admitted.map(([from, to]) => `${escaped(from)}-${escaped(to)}`).join('')}]`
}

function escaped(char: string): string {
  return `\\u{${char.codePointAt(0)?.toString(16)}}`
}

/** @param whole the pattern as it was written */
function expandBraces(pattern: string, whole = pattern, done: string[] = []): string[] {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    const group = splitOutsideBraces(pattern.slice(start + 1), '}')
    if (group === undefined || group.pieces.length < 2) continue
    const [before, after] = [pattern.slice(0, start), pattern.slice(start + group.length + 2)]
    for (const choice of group.pieces) expandBraces(before + choice + after, whole, done)
    return done
  }
  if (done.push(pattern) > maxAlternatives) {
    throw new ToolError('INVALID_ARGUMENT', `the braces of "${whole}" stand for more than ${maxAlternatives} patterns`)
  }
  return done
}

/** Splits at commas that are in no braces, up to `stop` (without one to the end); undefined when `stop` never comes. */
export function splitOutsideBraces(text: string, stop?: string): { pieces: string[]; length: number } | undefined {
  const pieces: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === stop && (depth === 0 || stop === undefined)) return { pieces: [...pieces, text.slice(from, i)], length: i }
    if (text[i] === '{') depth += 1
    else if (text[i] === '}') depth = Math.max(0, depth - 1)
    else if (text[i] === ',' && depth === 0) {
      pieces.push(text.slice(from, i))
      from = i + 1
    }
  }
  return undefined
}
