// Reads selectors, matchers and windows out of a LogQL query without parsing it. Whether the query is valid, only Loki knows.
import { durationSeconds } from './time.ts'

export type Logql = ReturnType<typeof readLogql>
type Window = Logql['windows'][number]
/** A selector, and in a metric query its window. */
export type Leaf = Logql['leaves'][number]
type Matcher = Leaf['matchers'][number]

const windowForm = /\[([^[\]]*)\](?:\s*offset\s+(-?)([\w.µ]+))?/gi

/** All positions are those in the query. */
export function readLogql(text: string) {
  const outline = maskStrings(text)
  // `[5m] offset 1h`; `end` is behind the bracket, and a duration that is not valid is NaN.
  const windows = [...outline.matchAll(windowForm)].map(({ index: start, 1: inside = '', 2: sign, 3: offset }) => {
    const offsetSeconds = offset === undefined ? 0 : durationSeconds(offset) * (sign === '-' ? -1 : 1)
    const duration = inside.trim()
    return { text: duration, seconds: durationSeconds(duration), offsetSeconds, start, end: start + inside.length + 2 }
  })
  const leaves = [...outline.matchAll(/\{[^{}]*\}/g)].map(({ index: start, 0: whole }, i) => {
    const selector = text.slice(start, start + whole.length)
    return { selector, matchers: matchersOf(selector, whole, start), start, window: windows[i] }
  })
  return {
    text,
    /** By {@link maskStrings}. */
    outline,
    leaves,
    windows,
    /** The result is numbers. Only metric queries have a window, or no selector, as `vector(0)`. */
    metric: windows.length > 0 || !outline.includes('{'),
    /** The largest or smallest series are chosen at each point in time. */
    top: /^[\s(]*(?:topk|bottomk|approx_topk)\b/i.test(outline),
  }
}

/** The query with each window replaced by what `change` returns. */
export function withWindows({ text, windows }: Logql, change: (window: Window) => string): string {
  // From the end on, so that the positions remain valid.
  return windows.reduceRight(
    (query, window) => `${query.slice(0, window.start)}[${change(window)}]${query.slice(window.end)}`,
    text,
  )
}

/** The query with another matcher in the place of one of its own. */
export function withMatcher(text: string, { start, end }: Matcher, label: string, operator: string, value: string): string {
  return `${text.slice(0, start)}${label}${operator}${JSON.stringify(value)}${text.slice(end)}`
}

/**
 * Does a stream without this label match too? Such a matcher never explains why nothing was found. A regular expression is read only where
 * it is simple enough to be sure that it needs text; it is never run, because it may take exponential time.
 */
export function admitsAbsent({ operator, value }: Matcher): boolean {
  if (operator === '=') return value === ''
  if (operator === '!=') return value !== ''
  const needsText = value.split('|').every((part) => /^\^?(?:\.\*)?(?:\.\+|[\w-](?![*?{]))[\w .:/*+$-]*$/.test(part))
  return operator === '=~' ? !needsText : needsText
}

const matcherForm = /(?<![\w.])([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g

function matchersOf(selector: string, outline: string, start: number) {
  return [...selector.matchAll(matcherForm)]
    .filter(({ index }) => outline[index] !== maskCharacter)
    .map(({ index, 0: whole, 1: label = '', 2: operator, 3: quoted = '', 4: raw }) => ({
      label,
      operator: operator as '=' | '!=' | '=~' | '!~',
      value: raw ?? quoted.replace(/\\(.)/g, '$1'),
      start: start + index,
      end: start + index + whole.length,
    }))
}

/** The log query that selects the lines of a leaf: without window, offset and unwrap. */
export function logQueryOf({ text, outline, metric }: Logql, { selector, start }: Leaf): string {
  if (!metric) return text
  let end = start + selector.length
  // It ends at the bracket that closes what the selector is in.
  for (let depth = 0; end < outline.length; end++) {
    if (outline[end] === '(') depth += 1
    else if (outline[end] === ')' && --depth < 0) break
  }
  const notLog = [...outline.slice(start, end).matchAll(/\[[^[\]]*\](?:\s*offset\s+-?[\w.µ]+)?|\|\s*unwrap\b[^|[]*/gi)]
  const query = notLog.reduceRight(
    (rest, { index, 0: part }) => rest.slice(0, index) + rest.slice(index + part.length),
    text.slice(start, end),
  )
  return query.trimEnd()
}

const maskCharacter = '\x00'

/** The query in its length, with the content of strings and comments replaced: what is left of its brackets is LogQL. */
export function maskStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*(?:"|$)|`[^`]*(?:`|$)|#[^\n]*/g, (part) =>
    part.startsWith('#')
      ? ' '.repeat(part.length)
      : `"${maskCharacter.repeat(Math.max(0, part.length - 2))}"`.slice(0, part.length),
  )
}
