// npm run fuzz -- NAME [--minutes 30] [--seed N]: one property of properties.ts for as long as you like, or with `all` one after the other.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { targets } from './properties.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
})
const names = positionals[0] === 'all' ? Object.keys(targets) : positionals
const minutes = Number(values.minutes)
if (names.length === 0 || names.some((name) => targets[name] === undefined) || !(minutes > 0)) {
  console.error(`npm run fuzz -- NAME [--minutes 30] [--seed N]; names: ${Object.keys(targets).join(', ')}, all`)
  process.exit(2)
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed ${seed}`)
let failed = false
for (const name of names) {
  const { open, close, property } = targets[name] as (typeof targets)[string]
  await open?.()
  const run = await fc.check(property as fc.IAsyncProperty<unknown[]>, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: minutes * 60_000,
    markInterruptAsFailure: false,
  })
  await close?.()
  console.log(`${name}: ${run.failed ? fc.defaultReportMessage(run) : `${run.numRuns} inputs, none fails`}`)
  failed ||= run.failed
}
process.exit(failed ? 1 : 0)
