import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from '../../../test/runner/harness.ts'
import { parseDeny } from '../config.ts'
import { compileGlobs, foldPath, splitOutsideBraces } from '../lib/glob.ts'
import { rawPath, segmentsOf } from '../lib/raw-path.ts'

const compileGlob = (pattern: string) => compileGlobs([pattern])
const folded = (path: string): string => foldPath(segmentsOf(rawPath(path)))

const cases: [pattern: string, matches: string[], not: string[]][] = [
  ['*.md', ['a.md', 'docs/a.md', 'A.MD', '.md'], ['a.mdx', 'md', 'a.md/b']],
  ['/a.md', ['a.md'], ['docs/a.md']],
  ['docs/*.md', ['docs/a.md'], ['a.md', 'docs/b/a.md', 'x/docs/a.md']],
  ['docs/**', ['docs', 'docs/a', 'docs/a/b'], ['doc', 'docsx', 'x/docs']],
  ['**/.ssh/**', ['.ssh', '.ssh/id', 'home/u/.ssh/x/y'], ['ssh', '.sshx/a']],
  ['src/**/*.{ts,js}', ['src/a.ts', 'src/x/y/a.js'], ['src/a.tsx', 'a.ts']],
  ['a?c', ['abc', 'a😀c'], ['ac', 'abbc']],
  ['[a-c]x', ['bx', 'BX'], ['dx', '-x']],
  ['[!a-c]x', ['dx'], ['ax']],
  ['[c-a]x', [], ['ax', 'bx', 'cx']],
  ['a[+-9]b', ['a5b'], ['a/b']],
  ['a[!x]b', ['a-b'], ['a/b', 'axb']],
  // Folding makes a slash of this one, which is a character of a name like any other.
  ['a?b', ['a／b'], ['a/b']],
  ['[]x]y', [']y', 'xy'], ['zy']],
  ['[x', ['[x'], ['x']],
  ['{a,b{c,d}}z', ['az', 'bcz', 'bdz'], ['bz', 'abz']],
  ['{a}', ['{a}'], ['a']],
  ['{a,b', ['{a,b'], ['a']],
  ['{{a,b}', ['{a', '{b'], ['a']],
  ['docs//./a.md', ['docs/a.md'], ['docs/b/a.md', 'a.md']],
  ['\\*', ['*'], ['a']],
  ['**', ['a', 'a/b'], []],
  ['a**b', ['ab', 'axxb'], ['a/b']],
  ['.env*', ['.env', '.ENV', '.Env.local', 'x/.envrc'], ['env', 'a.env']],
  // What a case-insensitive file system takes for the same: Kelvin sign, long and sharp s, full-width letters, invisible characters.
  ['*.key', ['a.\u212aEY', 'a.ｋｅｙ'], ['a.keys']],
  ['.ssh', ['.\u017fsh', '.s\u200csh', '.s\u00adsh', '.ßh'], ['.shh']],
]

for (const [pattern, matches, not] of cases) {
  test(`${pattern} matches what it says and nothing else`, () => {
    const glob = compileGlob(pattern)
    for (const path of matches) assert.equal(glob(folded(path)), true, `${pattern} must match ${path}`)
    for (const path of not) assert.equal(glob(folded(path)), false, `${pattern} must not match ${path}`)
  })
}

test('a name of which nothing is left when look-alikes are folded is denied by what denies every name', () => {
  for (const path of ['\u200b', 'a/\u200b']) assert.equal(parseDeny('*,!*.md')(folded(path), folded(path)), true)
})

test('a pattern made to explode takes no longer than any other', () => {
  const name = 'a'.repeat(255)
  const started = performance.now()
  assert.equal(compileGlob(`${'*a'.repeat(99)}b`)(folded(name)), false)
  assert.equal(compileGlob(`${'**/'.repeat(40)}b`)(folded(Array<string>(60).fill(name).join('/'))), false)
  assert.equal(compileGlob(`${'{a,b}'.repeat(6)}${'*x'.repeat(70)}`)(folded(name)), false)
  assert.equal(compileGlob(`**/${'*a*/'.repeat(40)}b`)(folded(Array<string>(256).fill('a'.repeat(15)).join('/'))), false)
  assert.ok(performance.now() - started < 1_000)
})

test('a list of patterns matches what one of them matches', () => {
  const glob = compileGlobs(['*.md', 'docs/*', '*a*b', '**/x/**', '{p,q}'])
  for (const path of ['r.md', 'x/r.md', 'docs/r', 'zazb', 'n/x/m', 'n/q']) assert.equal(glob(folded(path)), true, path)
  for (const path of ['r.mdx', 'md', 'n/docs/r', 'ba', 'n/xx/m', 'pq']) assert.equal(glob(folded(path)), false, path)
  assert.equal(compileGlobs([])(folded('a')), false)
})

test('braces that stand for too many patterns are refused', () => {
  assert.throws(() => compileGlob('{a,b}'.repeat(7)), /more than 64/)
  assert.throws(() => compileGlob('{a,b}'.repeat(40)), /more than 64/)
})

test('a list of patterns is split at commas outside of braces', () => {
  assert.deepEqual(splitOutsideBraces('a,{b,c},d{e,{f,g}}')?.pieces, ['a', '{b,c}', 'd{e,{f,g}}'])
  assert.deepEqual(splitOutsideBraces('a{b,{c,d},e},f},g')?.pieces, ['a{b,{c,d},e}', 'f}', 'g'])
})

/** The same rules written for clarity: every place a star may end is tried. */
function matchesPlainly(pattern: string, path: readonly string[]): boolean {
  return alternativesOf(pattern.toLowerCase()).some((alternative) => {
    const parts = alternative.split('/').filter((part) => part !== '' && part !== '.')
    const anywhere = !pattern.startsWith('/') && parts.length === 1
    return matchesParts(anywhere ? ['**', ...parts] : parts, path)
  })
}

function matchesParts([part, ...rest]: readonly string[], path: readonly string[]): boolean {
  if (part === undefined) return path.length === 0
  if (part === '**')
    return Array.from({ length: path.length + 1 }, (_, i) => path.slice(i)).some((left) => matchesParts(rest, left))
  return path[0] !== undefined && matchesName(part, path[0]) && matchesParts(rest, path.slice(1))
}

function matchesName(pattern: string, name: string): boolean {
  if (pattern === '') return name === ''
  const [first, rest] = [pattern[0] as string, pattern.slice(1)]
  if (first === '*')
    return Array.from({ length: name.length + 1 }, (_, i) => name.slice(i)).some((left) => matchesName(rest, left))
  if (name === '') return false
  const set = /^\[([!^]?)([\s\S][^\]]*)\]/.exec(pattern)
  if (set !== null) {
    const [whole, not = '', body = ''] = set
    return includes(body, name[0] as string) !== (not !== '') && matchesName(pattern.slice(whole.length), name.slice(1))
  }
  if (first === '\\' && rest !== '') return rest[0] === name[0] && matchesName(rest.slice(1), name.slice(1))
  return (first === '?' || first === name[0]) && matchesName(rest, name.slice(1))
}

function includes(body: string, char: string): boolean {
  for (const [, from = '', to, one] of body.matchAll(/([\s\S])-([\s\S])|([\s\S])/g))
    if (one === char || (to !== undefined && from <= char && char <= to)) return true
  return false
}

/** `x{a,b}y` is `xay` and `xby`; braces without a comma, or without an end, are characters. */
function alternativesOf(pattern: string): string[] {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    let [depth, from] = [1, start + 1]
    const choices: string[] = []
    for (let at = start + 1; at < pattern.length && depth > 0; at++) {
      const char = pattern[at]
      if (char === '{') depth += 1
      if (char === '}') depth -= 1
      if (depth > 1 || (char !== ',' && depth > 0)) continue
      choices.push(pattern.slice(from, at))
      from = at + 1
    }
    if (depth > 0 || choices.length < 2) continue
    return choices.flatMap((choice) => alternativesOf(pattern.slice(0, start) + choice + pattern.slice(from)))
  }
  return [pattern]
}

test('patterns match what the rules say, written once more', () => {
  const piece = fc.constantFrom(
    ...['*', '**', '?', '[', ']', '!', '^', '-', '{', '}', ',', '/', '\\*', '\\a', 'a', 'b', 'c', 'B', '.', '**/', '/**'],
  )
  const set = fc.constantFrom(
    '[ab]',
    '[a-c]',
    '[!a]',
    '[^b-c]',
    '[]a]',
    '[!]]',
    '[a-]',
    '[-a]',
    '[c-a]',
    '[*]',
    '{a,b}',
    '{a,{b,c}}',
    '{,a}',
    '{a}',
  )
  const pattern = fc
    .array(fc.oneof({ weight: 3, arbitrary: piece }, { weight: 1, arbitrary: set }), { maxLength: 7 })
    .map((all) => all.join(''))
  const name = fc.array(fc.constantFrom('a', 'b', 'c', ']', '-', '*', '[', '{', '}', ',', '.', '!', '^'), {
    minLength: 1,
    maxLength: 4,
  })
  const path = fc.array(
    name.map((chars) => chars.join('')),
    { minLength: 1, maxLength: 3 },
  )
  const seen = { matches: 0 }
  const property = fc.property(pattern, path, (text, segments) => {
    const expected = matchesPlainly(text, segments)
    if (expected) seen.matches += 1
    assert.equal(compileGlob(text)(folded(segments.join('/'))), expected, `${text} ${segments.join('/')}`)
  })
  fc.assert(property, { seed: 1, numRuns: 50_000 })
  assert.ok(seen.matches > 1_500, String(seen.matches))
})
