// npm run fuzz -- NAME [--minutes 30] [--seed N]: one property of properties.ts for as long as you like.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { targets } from './properties.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
})
const target = targets[positionals[0] ?? '']
const minutes = Number(values.minutes)
if (target === undefined || !(minutes > 0)) {
  console.error(`npm run fuzz -- NAME [--minutes 30] [--seed N]; names: ${Object.keys(targets).join(', ')}`)
  process.exit(2)
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed ${seed}`)
await target.open?.()
const run = await fc.check(target.property as fc.IAsyncProperty<unknown[]>, {
  seed,
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: minutes * 60_000,
  markInterruptAsFailure: false,
})
await target.close?.()
console.log(run.failed ? fc.defaultReportMessage(run) : `${run.numRuns} inputs, none fails`)
process.exit(run.failed ? 1 : 0)
