// Glob patterns over path segments: * ? [a-z] [!a-z] {a,b} and ** for any number of segments. Matching takes time proportional to pattern
// times name, whatever the pattern is: a model writes it (mark3labs/mcp-filesystem-server#63 was a pattern that never ended).

/** The characters of one segment, folded. */
export type Folded = readonly string[]

/** Does the pattern match this path? Its segments come folded, because one path is tried with many patterns. */
export type Glob = (segments: readonly Folded[]) => boolean

const maxAlternatives = 64

/**
 * Case is ignored, and so is what case-insensitive file systems ignore. A pattern without a slash matches the last segment at any depth;
 * `/**` at the end matches the folder itself too.
 * @throws RangeError when its braces stand for more than 64 patterns
 */
export function compileGlob(pattern: string): Glob {
  const anchored = pattern.startsWith('/')
  const alternatives = expandBraces(fold(pattern)).map((alternative) => {
    const parts = alternative.split('/').filter((part) => part !== '' && part !== '.')
    return !anchored && parts.length === 1 ? ['**', ...parts] : parts
  })
  const compiled = alternatives.map((parts) => parts.map((part) => (part === '**' ? undefined : compileSegment(part))))
  return (segments) =>
    compiled.some((parts) => {
      const [first, second] = parts
      // `**/name`, as most patterns are, is about the last segment only.
      if (parts.length === 2 && first === undefined && second !== undefined) return second(segments.at(-1) ?? [])
      return matchSequence(parts, segments, (part, segment) => part(segment))
    })
}

export function foldSegments(segments: readonly string[]): Folded[] {
  return segments.map((segment) => Array.from(fold(segment)))
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

type Matcher = (segment: Folded) => boolean

/** One character of a segment; undefined is `*`. */
type CharTest = ((char: string) => boolean) | undefined

function compileSegment(pattern: string): Matcher {
  const chars = Array.from(pattern)
  const tests: CharTest[] = []
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string
    if (char === '*') {
      if (i === 0 || chars[i - 1] !== '*') tests.push(undefined)
    } else if (char === '?') tests.push(() => true)
    else if (char === '[') {
      const end = chars.indexOf(']', chars[i + 1] === '!' || chars[i + 1] === '^' ? i + 3 : i + 2)
      if (end === -1) tests.push((c) => c === '[')
      else {
        tests.push(characterClass(chars.slice(i + 1, end)))
        i = end
      }
    } else if (char === '\\' && i + 1 < chars.length) {
      const literal = chars[++i]
      tests.push((c) => c === literal)
    } else tests.push((c) => c === char)
  }
  return (segment) => matchSequence(tests, segment, (test, c) => test(c))
}

function characterClass(body: readonly string[]): (char: string) => boolean {
  const negated = body[0] === '!' || body[0] === '^'
  const ranges: [from: string, to: string][] = []
  for (let i = negated ? 1 : 0; i < body.length; i++) {
    const from = body[i] as string
    const to = body[i + 1] === '-' ? body[i + 2] : undefined
    ranges.push([from, to ?? from])
    if (to !== undefined) i += 2
  }
  return (char) => ranges.some(([from, to]) => from <= char && char <= to) !== negated
}

/**
 * Matches items against tests in which undefined stands for any number of items. Only the last such place is ever tried again, which is
 * enough, and keeps the work below tests × items.
 */
function matchSequence<T, I>(
  tests: readonly (T | undefined)[],
  items: readonly I[],
  accepts: (test: T, item: I) => boolean,
): boolean {
  let test = 0
  let item = 0
  let starTest = -1
  let starItem = 0
  while (item < items.length) {
    const current = tests[test]
    if (test < tests.length && current === undefined) {
      starTest = test++
      starItem = item
    } else if (test < tests.length && current !== undefined && accepts(current, items[item] as I)) {
      test++
      item++
    } else if (starTest !== -1) {
      test = starTest + 1
      item = ++starItem
    } else return false
  }
  while (test < tests.length && tests[test] === undefined) test++
  return test === tests.length
}

function expandBraces(pattern: string): string[] {
  const done: string[] = []
  const open = [pattern]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const brace = firstBrace(next)
    if (brace === undefined) done.push(next)
    else for (const choice of brace.choices) open.push(next.slice(0, brace.start) + choice + next.slice(brace.end))
    if (done.length + open.length > maxAlternatives) {
      throw new RangeError(`pattern stands for more than ${maxAlternatives} alternatives`)
    }
  }
  return done
}

/** The first complete brace group with a comma in it, split at its own commas. */
function firstBrace(pattern: string): { start: number; end: number; choices: string[] } | undefined {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    const parts = splitOutsideBraces(pattern.slice(start + 1), '}')
    if (parts === undefined || parts.pieces.length < 2) continue
    return { start, end: start + 1 + parts.length + 1, choices: parts.pieces }
  }
  return undefined
}

/** Splits at commas that are in no braces, up to `stop` (or to the end); undefined when `stop` never comes. */
export function splitOutsideBraces(text: string, stop?: string): { pieces: string[]; length: number } | undefined {
  const pieces: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (depth === 0 && text[i] === stop) return { pieces: [...pieces, text.slice(from, i)], length: i }
    if (text[i] === '{') depth += 1
    else if (text[i] === '}') depth = Math.max(0, depth - 1)
    else if (text[i] === ',' && depth === 0) {
      pieces.push(text.slice(from, i))
      from = i + 1
    }
  }
  return stop === undefined ? { pieces: [...pieces, text.slice(from)], length: text.length } : undefined
}
