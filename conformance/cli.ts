#!/usr/bin/env node
// The entry of the command; what it does is in command.ts.
import { main } from './command.ts'
import { Failure } from './expect.ts'

// A case that was cut short may leave requests behind, whose failure is no news. Anything else is a fault of ours.
process.on('unhandledRejection', (reason) => {
  if (!(reason instanceof Failure)) throw reason
})

process.exitCode = await main(process.argv.slice(2))
