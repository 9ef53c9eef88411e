// Part of `npm run lint`: finds private terms where a standard one exists, in code and documents. The table below gives the term to use.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const table: readonly (readonly [found: RegExp, use: string])[] = [
  [/\bjudg(e|es|ed|ing|ement)\b/i, 'check, checked against the policy; conformance suite, runner'],
  [/\bpostures?\b/i, 'privilege check, role privileges'],
  [/\brecipes?\b/i, 'how a statement is executed'],
  [/\bscrub(s|bed|bing)?\b/i, 'reset the session'],
  [/\bthe one seam\b/i, 'middleware'],
  [/\bwindows? into the kernel\b/i, 'pseudo file systems'],
  [/\btwins?\b/i, 'look-alike names'],
  [/\bopenings\b/i, 'allow-list entries'],
  [/\bworn\b/i, 'due for recycling'],
  [/\bwithout windows\b/i, 'headless shell'],
  [/\bslips?\b/i, 'misconfigurations'],
  [/\bthe way of (one|a) (call|`tools)/i, 'how a call is handled'],
  [/\bthe revision's shape\b/i, 'serialises for the negotiated protocol version'],
  [/\bthe way to their work\b/i, 'their handlers are in …'],
  [/\bis known by its first bytes\b/i, 'is detected by its magic number'],
  [/\bhears? of\b|\bhas a say\b|\blooks? after\b|\bgoodbye\b/i, 'is notified of, can change, manages, closes'],
  [
    /(?<![Tt]here )\b(is|are|was|were) no (valid|address|addresses|URL|name|names|host|domain|number|such|JSON|text|object|array|id|file|folder|table|database|bucket|key|cursor|CIDR|port)\b(?! (of|for|in|with|that|from)\b)/,
    'is not a valid X; there is no X',
  ],
  [/\bbegins? so\b/i, 'starts with this'],
  [/\b(stands?|waits?|waiting) in line\b/i, 'waits in the queue'],
  [/\b(nobody|no one)'s\b/i, 'is ignored'],
]
/** Where the terms are defined or quoted. */
const exempt = new Set(['scripts/terms.ts'])

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter(
    (file) =>
      /\.(ts|mjs|cjs|md|sh|ya?ml|sql)$|^\.ci\/|Dockerfile/.test(file) &&
      !/\/fixtures\/|package-lock/.test(file) &&
      !exempt.has(file),
  )
let found = 0
for (const file of files) {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    continue // deleted, but not yet committed
  }
  text.split('\n').forEach((line, i) => {
    for (const [term, use] of table) {
      const match = term.exec(line)
      if (match === null) continue
      found += 1
      console.log(`${file}:${i + 1}: "${match[0]}": ${use}`)
    }
  })
}
if (found > 0) console.log(`${found} private terms in ${files.length} files`)
process.exitCode = found > 0 ? 1 : 0
