#!/usr/bin/env node
// The entry of the command; what it does is in command.ts.
import { main } from './command.ts'

process.exitCode = await main(process.argv.slice(2))
