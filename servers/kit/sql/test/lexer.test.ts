// The lexer's own promises: linear time on every text, and names as PostgreSQL reads them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from '../../../../test/runner/harness.ts'
import { lex } from '../lexer.ts'
import { requireReading } from '../statement-filter.ts'

const length = 100_000
const fill = (unit: string, before = '', after = ''): string =>
  before + unit.repeat(Math.ceil((length - before.length - after.length) / unit.length)) + after

/** Milliseconds that this thread was on a processor (Linux), so that other processes do not count; elsewhere the time of day. */
const clock = `const fs = process.getBuiltinModule('fs')
  const now = () => fs.existsSync('/proc/self/schedstat') ? Number(fs.readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6 : performance.now();`

const texts: Record<string, string> = {
  'a ruler of dashes behind a string': fill('-', "SELECT 'b' ", '\nAS x'),
  'strings and dashes': fill("'b' --\n"),
  'a string continued many times': fill("'b'\n"),
  'line breaks and dashes behind a string': fill('\n--', "SELECT 'b'"),
  apostrophes: fill("'"),
  'quotation marks': fill('"'),
  'dollar signs': fill('$'),
  'dollar tags': fill('$a'),
  'dollar tags that are not closed': fill('$a$b'),
  'starts of comments': fill('/*'),
  'starts and ends of comments': fill('/**/'),
  parentheses: fill('('),
  backslashes: fill('\\', "SELECT E'"),
  'chains of UESCAPE': fill('uescape x ', "SELECT U&'a' "),
  'strings with UESCAPE': fill(`U&'a!0041' UESCAPE '!' `),
  'one word': fill('a'),
  'letters beyond ASCII': fill('é'),
  digits: fill('1'),
  'digits and underscores': fill('1_'),
  operators: fill('+'),
  spaces: fill(' '),
  'white space behind a string': fill(' ', "SELECT 'b'"),
}

test('100,000 characters of every awkward kind take at most 20 ms in a new process', () => {
  const file = fileURLToPath(new URL('../lexer.ts', import.meta.url))
  const script = `${clock} const { lex } = await import(${JSON.stringify(file)}); const text = process.env.TEXT
    const [unit, before, after] = JSON.parse(text); const sql = before + unit.repeat((${length} - before.length - after.length) / unit.length) + after
    const started = now(); lex(sql); console.log(now() - started)`
  // The worst of all, each the first text that its process reads; the others follow in this one.
  for (const [unit, before, after] of [
    ['-', "SELECT 'b' ", '\nAS x'],
    ['(', '', ''],
    ['uescape x ', "SELECT U&'a' ", ''],
  ] as const) {
    const env = { ...process.env, TEXT: JSON.stringify([unit, before, after]) }
    const args = ['--import', 'tsx', '--input-type=module', '-e', script]
    const ms = Number(execFileSync(process.execPath, args, { env, encoding: 'utf8' }))
    assert.ok(ms <= 20, `${JSON.stringify(unit)}: ${ms} ms`)
  }
  const now = new Function('process', `${clock} return now`)(process) as () => number
  for (const [name, text] of Object.entries(texts)) {
    const times = [1, 2, 3].map(() => {
      const started = now()
      lex(text)
      return now() - started
    })
    assert.ok(Math.min(...times) <= 20, `${name}: ${times.join(', ')} ms`)
  }
})

test('names are read as PostgreSQL reads them', () => {
  const names = (text: string): string[] => lex(text).tokens.flatMap((token) => (token.kind === 'word' ? [token.name] : []))
  assert.deepEqual(names('SELECT "A""b", Été, x$1'), ['select', 'A"b', 'Été', 'x$1'])
  assert.deepEqual(names(`U&'d!0061ta' UESCAPE '!' b`), ['uescape', 'b'])
  assert.deepEqual(names(`SELECT 'a' -- 'b'\n 'c; d' e`), ['select', 'e'])
})

test('45,000 opening parentheses overflow no stack', () => {
  for (const start of ['SELECT ', 'EXPLAIN ', '', 'EXPLAIN ANALYZE ']) {
    const text = start + '('.repeat(45_000)
    try {
      requireReading(text)
    } catch (error) {
      assert.equal((error as { name: string }).name, 'ToolError', start)
    }
  }
})
