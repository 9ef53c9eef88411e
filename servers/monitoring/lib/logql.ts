// What can be told of a LogQL query without parsing it: its stream selectors and their matchers. Whether it is valid, only Loki knows.

export interface Matcher {
  readonly label: string
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly value: string
}

export interface Selector {
  /** With its braces, as written. */
  readonly text: string
  readonly matchers: readonly Matcher[]
}

/** The `{…}` outside of quotes, with their positions ignored; most queries have one, those with arithmetic several. */
export function selectorsOf(query: string): Selector[] {
  const selectors: Selector[] = []
  let open = -1
  for (let i = 0; i < query.length; i++) {
    const char = query[i]
    if (char === '"' || char === '`') i = endOfString(query, i)
    else if (char === '#') i = endOfLine(query, i)
    else if (char === '{') open = i
    else if (char === '}' && open >= 0) {
      const text = query.slice(open, i + 1)
      selectors.push({ text, matchers: matchersOf(text) })
      open = -1
    }
  }
  return selectors
}

/** Has the query a brace outside of quotes at all? Without one it cannot name a stream. */
export function hasSelector(query: string): boolean {
  for (let i = 0; i < query.length; i++) {
    const char = query[i]
    if (char === '"' || char === '`') i = endOfString(query, i)
    else if (char === '#') i = endOfLine(query, i)
    else if (char === '{') return true
  }
  return false
}

/** A query that yields numbers: it wraps its selector into a function. Such a query cannot be tailed. */
export function looksMetric(query: string): boolean {
  return /^\s*(?:[a-z_]+\s*(?:\([^(){}]*\)\s*|(?:by|without)\s*\([^)]*\)\s*)?\(|[-+\d(])/i.test(query.replace(/#[^\n]*/g, ''))
}

function matchersOf(selector: string): Matcher[] {
  const form = /([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g
  return [...selector.matchAll(form)].map(([, label = '', operator, quoted, raw]) => ({
    label,
    operator: operator as Matcher['operator'],
    value: raw ?? (quoted ?? '').replace(/\\(.)/g, '$1'),
  }))
}

function endOfString(text: string, start: number): number {
  const quote = text[start]
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i += 1
    else if (text[i] === quote) return i
  }
  return text.length
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  return end === -1 ? text.length : end
}
