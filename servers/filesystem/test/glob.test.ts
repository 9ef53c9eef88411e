import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { compileGlob, foldSegments, splitOutsideBraces } from '../lib/glob.ts'

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
  ['[]x]y', [']y', 'xy'], ['zy']],
  ['[x', ['[x'], ['x']],
  ['{a,b{c,d}}z', ['az', 'bcz', 'bdz'], ['bz', 'abz']],
  ['{a}', ['{a}'], ['a']],
  ['{a,b', ['{a,b'], ['a']],
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
    for (const path of matches) assert.equal(glob(foldSegments(path.split('/'))), true, `${pattern} must match ${path}`)
    for (const path of not) assert.equal(glob(foldSegments(path.split('/'))), false, `${pattern} must not match ${path}`)
  })
}

test('a pattern made to explode takes no longer than any other', () => {
  const name = 'a'.repeat(255)
  const started = performance.now()
  assert.equal(compileGlob(`${'*a'.repeat(99)}b`)(foldSegments([name])), false)
  assert.equal(compileGlob(`${'**/'.repeat(40)}b`)(foldSegments(Array<string>(60).fill(name))), false)
  assert.ok(performance.now() - started < 1_000)
})

test('braces that stand for too many patterns are refused', () => {
  assert.throws(() => compileGlob('{a,b}'.repeat(7)), /more than 64/)
  assert.throws(() => compileGlob('{a,b}'.repeat(40)), /more than 64/)
})

test('a list of patterns is split at commas outside of braces', () => {
  assert.deepEqual(splitOutsideBraces('a,{b,c},d{e,{f,g}}')?.pieces, ['a', '{b,c}', 'd{e,{f,g}}'])
})
