// Child process of test/runner/run.ts: loads one test file, runs it, reports over IPC, and must then end by itself.
import { pathToFileURL } from 'node:url'
import { outcomes, registered, runRegistered, shown } from './harness.ts'

export interface FileReport {
  registered: number
  outcomes: typeof outcomes
  shown: typeof shown
}

const EXIT_GRACE_MS = 3_000
const file = process.argv[2]
if (file === undefined || process.send === undefined) throw new Error('run-file.ts is started by test/runner/run.ts')

await import(pathToFileURL(file).href)
await runRegistered()
process.send({ registered, outcomes, shown } satisfies FileReport)
process.disconnect()
process.exitCode = 0 // the runner reads the report; uvu's exit code says less
setTimeout(() => {
  console.error(`still open after the last test: ${process.getActiveResourcesInfo().join(', ')}`)
  process.exit(70)
}, EXIT_GRACE_MS).unref()
