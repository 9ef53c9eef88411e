// tsdb_execute's classification against PostgreSQL's own parser, for 20,000 generated and mutated statements.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { loadModule, parseSync } from 'libpg-query'
import { test } from '../../../test/runner/harness.ts'
import { readOne } from '../../kit/sql/statement-filter.ts'
import { classifyWords, namesIn, type VolatileFunction, withFunctions } from '../lib/statement-class.ts'
import { fuzz } from './fuzz.ts'
import { type Rank, volatileFunctions } from './parse-tree.ts'

function classify(text: string): Rank {
  try {
    const reading = readOne(text)
    const { calls, attributes } = namesIn(reading.tokens, text)
    const functions = [...calls, ...attributes].flatMap((name): VolatileFunction[] =>
      Object.hasOwn(volatileFunctions, name) ? [{ name, installed: name !== 'recompute' }] : [],
    )
    const { level, destructive } = withFunctions(classifyWords(reading.tokens), functions)
    return destructive === undefined ? level : 'destructive'
  } catch {
    return 'refused'
  }
}

const name = 'classification against the parser of PostgreSQL: 20,000 statements need what they are asked for'
const folder = process.env.OCTET_TEST_REGRESSION_SQL
if (folder === undefined) test.skip(name, "PostgreSQL's regression SQL is not there (OCTET_TEST_REGRESSION_SQL)")
else {
  test(
    name,
    async () => {
      await loadModule()
      const seed = Number(process.env.OCTET_TEST_FUZZ_SEED ?? 1)
      const options = { classify, parse: parseSync, folder: join(folder, 'sql'), count: 20_000, seed }
      const { tooWeak, tooStrict, ...figures } = fuzz(options)
      console.log(JSON.stringify({ ...figures, tooWeak: tooWeak.length, tooStrict: tooStrict.length }))
      assert.deepEqual(tooWeak.slice(0, 20), [])
      assert.deepEqual(tooStrict.slice(0, 20), [])
      assert.ok(figures.cautious < figures.compared / 100)
    },
    { timeoutMs: 300_000 },
  )
}
