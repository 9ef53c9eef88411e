// robots.txt files with a known meaning, and RFC 9309 once more, written for clarity: the oracle of our parser and matcher. It is given the
// groups before they are written as text, compares octet by octet, and matches with regular expressions.
import fc from 'fast-check'

interface Line {
  readonly allow: boolean
  readonly pattern: string
}

interface Group {
  readonly agents: readonly string[]
  readonly lines: readonly Line[]
}

export interface RobotsCase {
  readonly groups: readonly Group[]
  readonly text: string
  readonly agent: string
  readonly url: URL
}

const agents = ['mcp-fetch', 'other', 'mcp-fetcher', 'mcp', '*']
const piece = fc.constantFrom(
  'a',
  'b',
  'ab',
  '/',
  '.',
  '?',
  '=',
  '~',
  'é',
  '%61',
  '%2f',
  '%2F',
  '%C3%A9',
  '%c3',
  '%7e',
  '%2A',
  '%24',
  '{',
)
const wild = fc.constantFrom('*', '$', '**', '*$')
const path = fc.array(fc.oneof({ weight: 9, arbitrary: piece }, { weight: 1, arbitrary: wild }), { maxLength: 8 })
const pattern = fc.array(fc.oneof({ weight: 3, arbitrary: piece }, { weight: 1, arbitrary: wild }), { maxLength: 6 })
const line = fc.record({
  allow: fc.boolean(),
  pattern: fc.oneof(
    { weight: 9, arbitrary: pattern.map((pieces) => `/${pieces.join('')}`) },
    { weight: 1, arbitrary: fc.constantFrom('', '*', '*a', '$') },
  ),
})
const group = fc.record({
  agents: fc.uniqueArray(fc.constantFrom(...agents), { minLength: 1, maxLength: 3 }),
  lines: fc.array(line, { minLength: 1, maxLength: 4 }),
})

/** How a record may be written (§2.2): case of the field, blanks, a comment, records in between that say nothing, the end of the line. */
const style = fc.record({
  upper: fc.boolean(),
  blank: fc.constantFrom('', ' ', '\t', '  '),
  comment: fc.constantFrom('', ' # Disallow: /'),
  noise: fc.constantFrom('', 'Sitemap: https://example.com/s.xml', '# User-agent: *', 'Crawl-delay: 3'),
  end: fc.constantFrom('\n', '\r\n', '\r', '\n\n'),
})

export const robotsCase: fc.Arbitrary<RobotsCase> = fc
  .record({
    groups: fc.array(group, { maxLength: 4 }),
    styles: fc.array(style, { minLength: 1, maxLength: 5 }),
    agent: fc.constantFrom('mcp-fetch', 'MCP-Fetch', 'nobody'),
    path,
  })
  .map(({ groups, styles, agent, path }) => ({
    groups,
    text: write(groups, styles),
    agent,
    url: new URL(`https://example.com/${path.join('')}`),
  }))

type Style = typeof style extends fc.Arbitrary<infer T> ? T : never

function write(groups: readonly Group[], styles: readonly Style[]): string {
  const records = groups.flatMap(({ agents, lines }) => [
    ...agents.map((agent) => ['User-agent', agent] as const),
    ...lines.map(({ allow, pattern }) => [allow ? 'Allow' : 'Disallow', pattern] as const),
  ])
  return records
    .map(([field, value], i) => {
      const { upper, blank, comment, noise, end } = styles[i % styles.length] as Style
      const name = upper ? field.toUpperCase() : field
      return `${noise === '' ? '' : noise + end}${blank}${name}${blank}:${blank}${value}${comment}${end}`
    })
    .join('')
}

/** Whether the rules allow the address: §2.2.1 which group, §2.2.2 the longest match, and of equally long ones the one that allows. */
export function allowedByRfc({ groups, agent, url }: RobotsCase): boolean {
  const named = groups.filter(({ agents }) => agents.includes(agent.toLowerCase()))
  const chosen = named.length > 0 ? named : groups.filter(({ agents }) => agents.includes('*'))
  const target = octets(url.pathname + url.search)
  if (target.join('') === '/robots.txt') return true
  let [longest, allowed] = [-1, true]
  for (const { allow, pattern } of chosen.flatMap(({ lines }) => lines)) {
    if (pattern === '') continue
    const anchored = pattern.endsWith('$')
    const parts = (anchored ? pattern.slice(0, -1) : pattern).split('*').map(octets)
    const source = parts.map((part) => part.map((octet) => octet.replace(/[^\w%]/, '\\$&')).join('')).join('.*')
    if (!new RegExp(`^${source}${anchored ? '$' : ''}`).test(target.join(''))) continue
    const length = parts.flat().join('').length + parts.length - 1 + (anchored ? 1 : 0)
    if (length > longest) [longest, allowed] = [length, allow]
    else if (length === longest) allowed ||= allow
  }
  return allowed
}

/** Each octet as it is compared (§2.2.2): an unreserved or reserved character as such, everything else as `%` and two digits. */
function octets(text: string): string[] {
  const found: string[] = []
  for (const [each] of text.matchAll(/%[0-9a-f]{2}|[\s\S]/giu)) {
    if (/^%../.test(each)) {
      const char = String.fromCharCode(Number.parseInt(each.slice(1), 16))
      found.push(/[A-Za-z0-9._~-]/.test(char) ? char : each.toUpperCase())
    } else if (/[A-Za-z0-9._~:/?#[\]@!&'()+,;=%-]/.test(each)) found.push(each)
    else for (const byte of Buffer.from(each)) found.push(`%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
  }
  return found
}
