// npm run test:faults [-- --minutes 30] [--seed N]: all faults, round after round, with other backends and times in each round.
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'
import { tablesOf } from './tables.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('npm run test:faults [-- --minutes 30] [--seed N]')
  process.exit(2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130)) // which removes what was mounted
console.log(`seed ${seed}`)
const report = await runCampaign({ seed, minutes, say: (line) => console.log(line) })
console.log(`\n${tablesOf(report)}\n`)
for (const problem of report.problems) console.log(`FAILED ${problem}`)
console.log(`${report.problems.length} problems`)
process.exit(report.problems.length > 0 ? 1 : 0)
