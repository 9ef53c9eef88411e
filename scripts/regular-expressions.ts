// Part of `npm run lint`: finds regular expressions that take more than linear time on some text, by recheck. Foreign text may be as long as a
// request or a page, and nothing else runs meanwhile.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'
import { checkSync } from 'recheck'
import accepted from './regular-expressions.json' with { type: 'json' }

/** Limits of recheck's search for each expression, in milliseconds. */
const limits = { timeout: 10_000, attackTimeout: 1_000 }

/** Every expression by its text, with the places where it stands. */
const found = new Map<string, { source: string; flags: string; places: string[] }>()
const files = execFileSync('git', ['ls-files', 'protocol/*.ts', 'servers/*.ts', 'conformance/*.ts'], { encoding: 'utf8' })
for (const file of files.split('\n').filter((name) => name !== '' && !/\/test\/|\.test\.ts$/.test(name))) {
  const text = readFileSync(file, 'utf8')
  new Visitor({
    Literal(node) {
      if (!('regex' in node)) return
      const { pattern: source, flags } = node.regex
      const key = `/${source}/${flags}`
      const known = found.get(key) ?? { source, flags, places: [] }
      known.places.push(`${file}:${text.slice(0, node.start).split('\n').length}`)
      found.set(key, known)
    },
  }).visit(parseSync(file, text).program)
}

const reasons: Readonly<Record<string, string>> = accepted
let problems = 0
const complain = (text: string): void => {
  problems += 1
  console.log(text)
}
for (const [key, { source, flags, places }] of found) {
  if (key in reasons) continue
  const report = checkSync(source, flags, limits)
  if (report.status === 'vulnerable') {
    const { complexity, attack } = report
    complain(`${places.join(', ')}: ${key} takes ${complexity.summary} time, as on ${attack.pattern.slice(0, 200)}`)
  } else if (report.status !== 'safe') complain(`${places.join(', ')}: recheck does not know how long ${key} takes`)
}
for (const key of Object.keys(reasons))
  if (!found.has(key)) complain(`scripts/regular-expressions.json: ${key} is not in the code any more`)
if (found.size === 0) complain('no regular expression was found')
if (problems > 0) console.log('make it linear, or say in scripts/regular-expressions.json which limit keeps its text short')
process.exitCode = problems > 0 ? 1 : 0
