// robots.txt by RFC 9309: which rules apply to this server, and which of them decides about an address.
import type { Pause } from '../types.ts'

export interface Rule {
  readonly allow: boolean
  readonly pattern: string
  readonly line: number
}

/** RFC 9309 §2.5: at least so much is parsed. */
export const maxRobotsBytes = 512_000
const maxRules = 20_000
/** Longer rules are cut: a shorter pattern matches more, so that a long `Disallow` still forbids; a long `Allow` is left out. */
const maxPatternChars = 2_048
const maxLineChars = 4_096

/**
 * The rules of all groups that name the product token, or else of those for `*` (§2.2.1).
 * @param product such as `mcp-fetch`; case does not matter
 */
export async function parseRobots(text: string, product: string, pause: Pause = async () => {}): Promise<readonly Rule[]> {
  const own: Rule[] = []
  const general: Rule[] = []
  let named = false
  let into: Rule[][] = []
  let agents = false // the line before belongs to the head of the group
  let line = 0
  for (const [raw] of text.replace(/^\ufeff/, '').matchAll(/[^\r\n]*(?:\r\n?|\n|$)/g)) {
    line += 1
    if (line % 50 === 0) await pause()
    // Many files lack the colon; read as it is meant, such a line still forbids.
    const [, key = '', rest = ''] =
      /^\s*([A-Za-z-]{1,40})(?:\s*:|\s(?=\s*\S+\s*$))\s*([^#]*)/.exec(raw.slice(0, maxLineChars)) ?? []
    const value = rest.trim()
    const field = key.toLowerCase()
    if (field === 'user-agent') {
      if (!agents) into = []
      agents = true
      const agent = /^[A-Za-z_-]+/.exec(value)?.[0]?.toLowerCase()
      if (agent === product.toLowerCase()) {
        into.push(own)
        named = true
      } else if (/^\*(?:\s|$)/.test(value)) into.push(general)
    } else if (field === 'allow' || field === 'disallow') {
      agents = false
      const allow = field === 'allow'
      // An empty pattern matches nothing.
      if (value === '' || (allow && value.length > maxPatternChars)) continue
      const pattern = comparablePattern(value.slice(0, maxPatternChars).replace(/[\ud800-\udbff]$/, ''))
      for (const rules of new Set(into)) if (rules.length < maxRules) rules.push({ allow, pattern, line })
    }
    // Other records, such as Sitemap, must not interfere with the groups (§2.2.4).
  }
  return named ? own : general
}

/** The rule that decides: the longest match, and of equally long ones the one that allows (§2.2.2). Undefined: nothing forbids it. */
export async function findRule(rules: readonly Rule[], url: URL, pause: Pause = async () => {}): Promise<Rule | undefined> {
  const path = comparable(`${url.pathname}${url.search}`).replaceAll('*', '%2A').replaceAll('$', '%24')
  // §2.2.2: the file itself is always allowed.
  if (path === '/robots.txt') return undefined
  let best: Rule | undefined
  for (const [i, rule] of rules.entries()) {
    if (i % 32 === 31) await pause()
    const length = best?.pattern.length ?? -1
    if (rule.pattern.length < length || (rule.pattern.length === length && (best?.allow === true || !rule.allow))) continue
    if (matches(rule.pattern, path)) best = rule
  }
  return best
}

/** `*` stands for any characters, `$` at the end for the end. Each part is looked for once, so that no pattern takes long. */
function matches(pattern: string, path: string): boolean {
  const anchored = pattern.endsWith('$')
  const [first = '', ...rest] = (anchored ? pattern.slice(0, -1) : pattern).split('*')
  if (!path.startsWith(first)) return false
  let at = first.length
  if (rest.length === 0) return !anchored || at === path.length
  const last = rest.pop() as string
  for (const part of rest) {
    const found = path.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return anchored ? path.length - last.length >= at && path.endsWith(last) : path.indexOf(last, at) !== -1
}

/** `*` and a `$` at the end are operators; written as `%2A` and `%24` they are characters (§2.2.3). */
function comparablePattern(text: string): string {
  const end = text.endsWith('$') ? '$' : ''
  return comparable(text.slice(0, text.length - end.length)).replaceAll('$', '%24') + end
}

/** One spelling for what is the same: unreserved characters decoded, what a URL cannot hold encoded, hexadecimal digits in upper case (§2.2.2). */
function comparable(text: string): string {
  return text
    .replace(/[^\x21-\x7e]+|["<>\\^`{|}]/g, (chars) => encodeURIComponent(chars))
    .replace(/%[0-9a-fA-F]{2}/g, (code) => {
      const char = String.fromCharCode(Number.parseInt(code.slice(1), 16))
      return /[A-Za-z0-9._~-]/.test(char) ? char : code.toUpperCase()
    })
}
