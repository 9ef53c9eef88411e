// The properties of properties.ts for some seconds each, always with the same inputs: what fails here is the fault of the change that is tested.
// `npm run fuzz` looks for new faults with other seeds, each night.
import fc from 'fast-check'
import { show, test } from '../runner/harness.ts'
import { targets } from './properties.ts'

const limitMs = 4_000
const seed = Number(process.env.OCTET_TEST_SEED ?? 20_261_127)

for (const [name, { open, close, property }] of Object.entries(targets)) {
  test(`${name}: the property holds for random inputs`, async () => {
    await open?.()
    try {
      const { numRuns, failed, ...run } = await fc.check(property as fc.IAsyncProperty<unknown[]>, {
        seed,
        numRuns: 1_000_000,
        interruptAfterTimeLimit: limitMs,
        markInterruptAsFailure: false,
      })
      show(`${name}: ${numRuns} inputs, seed ${seed}`)
      if (failed || numRuns === 0)
        throw new Error(fc.defaultReportMessage({ numRuns, failed, ...run } as fc.RunDetails<unknown[]>), {
          cause: run.errorInstance,
        })
    } finally {
      await close?.()
    }
  })
}
