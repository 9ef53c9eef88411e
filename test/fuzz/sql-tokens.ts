// SQL made of everything that is hard to cut into tokens, and PostgreSQL's own scanner (libpg-query) as the oracle of our lexer.
import fc from 'fast-check'
import { loadModule, scanSync } from 'libpg-query'
import type { Lexed } from '../../servers/kit/sql/lexer.ts'

const pieces = [
  ...["'", "''", '"', '""', '\\', "\\'", '--', '--x\n', '/*', '*/', '/**/', '/* /* */ */', '$$', '$a$', '$1', '$12', '$é$'],
  ...[
    "E'",
    "e'",
    "U&'",
    'U&"',
    'u&"',
    'U&',
    "B'",
    "N'",
    "n'",
    "X'",
    'E',
    'U',
    'u',
    'x',
    'b',
    'n',
    'e',
    "'a'",
    '"a"',
    "'\n'",
    "' \r\n\t'",
  ],
  ...[
    "' --c\n '",
    "E'\\''",
    "E'\\'';'",
    'U&"a\\0061"',
    "U&'a!0041'",
    "UESCAPE '!'",
    "uescape'!'",
    'UESCAPE $$!$$',
    "UESCAPE E'!'",
    'UESCAPE',
  ],
  ...[
    ' ',
    '\n',
    '\r',
    '\t',
    '\f',
    '\v',
    '(',
    ')',
    '[',
    ']',
    ',',
    ';',
    ':',
    '.',
    '{',
    'é',
    '😀',
    '\u00a0',
    '\u0080',
    '_',
    'a',
    'Z',
    'É',
    'a$b',
    'a1',
  ],
  ...['0', '1', '12', '.5', '1.', '1.5', '1e5', '1E-3', '0x1F', '0o7', '0b1', '1_0', '$a$;$a$', '$$x$$', "$b$'$b$"],
  ...['+', '-', '*', '/', '%', '<', '>', '=', '@', '#', '^', '&', '|', '`', '?', '~', '!', '::', ':=', '=>', '->>', '@@-', '<>'],
  ...['SELECT', 'select', 'INTO', 'from'],
]

export const sqlText: fc.Arbitrary<string> = fc
  .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: fc.constant(' ') }), {
    maxLength: 14,
  })
  .map((parts) => parts.join(''))
  // `..` is a token of PL/pgSQL only.
  .filter((text) => !text.includes('..'))

/** Kind, start and end of a token in characters, and the name of a word. */
export type Cut = readonly [kind: string, at: number, end: number, name?: string | undefined]

export const loadScanner: () => Promise<void> = loadModule

/** What the lexer found, with operators that touch each other as one: where one ends is left to the parser; undefined for what it refuses. */
export function ownCuts({ tokens, fault }: Lexed): readonly Cut[] | 'unclosed' | undefined {
  if (fault === 'escape') return undefined
  if (fault !== undefined) return 'unclosed'
  return mergeOperators(
    tokens.map((token): Cut => {
      const { kind, at, end } = token
      return kind === 'word' ? [kind, at, end, token.name] : [kind, at, end]
    }),
  )
}

/** The same by PostgreSQL's scanner; undefined where the text is not SQL for another reason than that something is not closed. */
export function scannedCuts(text: string): readonly Cut[] | 'unclosed' | undefined {
  // It reports comments as tokens, so that it forgets behind one that E'…' goes on.
  if (/e'[\s\S]*--/i.test(text)) return undefined
  let scanned: ReturnType<typeof scanSync>
  try {
    scanned = scanSync(text)
  } catch (error) {
    return /unterminat/.test(String(error)) ? 'unclosed' : undefined
  }
  const bytes = Buffer.from(text)
  const place = (byte: number): number => bytes.toString('utf8', 0, byte).length
  const cuts: Cut[] = []
  /** Between two parts of one string are blanks with a line break and comments, which this scanner reports by themselves. */
  const continues = /^(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\f\v\n\r]|--[^\n\r]*[\n\r])*$/
  const tokens = scanned.tokens
    .filter(({ tokenName }) => !tokenName.endsWith('_COMMENT'))
    .map(({ start, end }) => ({ at: place(start), end: place(end), text: bytes.toString('utf8', start, end) }))
  for (let i = 0; i < tokens.length; i++) {
    const { at, text: first } = tokens[i] as (typeof tokens)[number]
    let { end } = tokens[i] as (typeof tokens)[number]
    const next = (): (typeof tokens)[number] | undefined => tokens[i + 1]
    // N'…' is the word NCHAR and a string for the scanner.
    if (/^n$/i.test(first) && next()?.at === end && next()?.text.startsWith("'") === true) end = tokens[++i]?.end ?? end
    const [kind, name] = kindOf(first, text.slice(at, end))
    // In B'…' and X'…' a doubled quote is the end and the start of another string, which is not SQL.
    const goesOn = (): boolean =>
      text[end - 1] === "'" &&
      next()?.text.startsWith("'") === true &&
      (continues.test(text.slice(end, next()?.at)) || (/^[bx]'/i.test(first) && next()?.at === end))
    if (kind === 'string') while (goesOn()) end = tokens[++i]?.end ?? end
    if (kind === 'several')
      for (const [j, char] of [...first].entries()) cuts.push([char === '=' ? 'operator' : 'mark', at + j, at + j + 1])
    else cuts.push(kind === 'word' ? [kind, at, end, name] : [kind, at, end])
  }
  return mergeOperators(cuts)
}

function kindOf(first: string, whole: string): [kind: string, name?: string | undefined] {
  if (/^(?:[ebxn]|u&)?'/i.test(whole) || /^\$[^$\d]*\$/.test(first)) return ['string']
  if (first.startsWith('$')) return ['parameter']
  if (first.startsWith('"')) return ['word', first.slice(1, -1).replaceAll('""', '"')]
  if (/^u&"/i.test(first)) return ['word'] // the lexer refuses the text
  if (/^[A-Z_\u0080-\uffff]/i.test(first)) return ['word', first.replace(/[A-Z]/g, (letter) => letter.toLowerCase())]
  if (/^\.?\d/.test(first)) return ['number']
  if (/^:[:=]$/.test(first)) return ['several']
  return [/^[~!@#^&|`?+\-*/%<>=]/.test(first) ? 'operator' : 'mark']
}

function mergeOperators(cuts: readonly Cut[]): Cut[] {
  const merged: Cut[] = []
  for (const cut of cuts) {
    const last = merged.at(-1)
    if (cut[0] === 'operator' && last?.[0] === 'operator' && last[2] === cut[1])
      merged[merged.length - 1] = ['operator', last[1], cut[2]]
    else merged.push(cut)
  }
  return merged
}

/** @throws Error that shows both, unless they are the same */
export function compareCuts(
  own: readonly Cut[] | 'unclosed' | undefined,
  scanned: readonly Cut[] | 'unclosed' | undefined,
): void {
  if (own === undefined || scanned === undefined) return
  const [ours, theirs] = [JSON.stringify(own), JSON.stringify(scanned)]
  if (ours !== theirs) throw new Error(`the lexer: ${ours}\nPostgreSQL: ${theirs}`)
}
