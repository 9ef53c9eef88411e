// Every fault once, on the shipped bundle under a mixed load of all servers that have a backend here. `npm run test:faults` goes on for as long
// as you like. OCTET_TEST_SEED repeats the calls of a run.
import assert from 'node:assert/strict'
import { show, test } from '../runner/harness.ts'
import { runCampaign } from './campaign.ts'
import { tablesOf } from './tables.ts'

const seed = Number(process.env.OCTET_TEST_SEED ?? 1)
/** Faults of the network, of disks and of descriptors. */
const skip = process.getuid?.() === 0 ? undefined : 'network namespaces and mounts need root'

test.unless(skip)(
  'no fault crashes the process, hangs a call, leaks, or loses a record that is not counted',
  async (signal) => {
    const report = await runCampaign({ seed, minutes: 0, signal })
    show(tablesOf(report))
    assert.deepEqual(report.problems, [])
    assert.ok(report.rows.length >= 20, `only ${report.rows.length} faults were made`)
  },
  { timeoutMs: 480_000 },
)
