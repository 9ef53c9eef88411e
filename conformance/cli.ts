#!/usr/bin/env node
// The entry of the command; what it does is in command.ts.
import { main } from './command.ts'
import { Failure } from './expect.ts'

// A case that ends early may leave requests behind, whose failure does not matter. Anything else is a fault of the suite.
process.on('unhandledRejection', (reason) => {
  if (!(reason instanceof Failure)) throw reason
})

process.exitCode = await main(process.argv.slice(2))
