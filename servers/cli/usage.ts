// How the command ends when it was used wrongly.
import { nearest } from '../../protocol/index.ts'

const exitUsage = 2

/** Ends the process with 2, which is not an outcome of any subcommand. */
export function fail(message: string): never {
  process.stderr.write(`octet: ${message}\n`)
  process.exit(exitUsage)
}

/** Ends the process because there is no such server, tool, client or command: with the name that was meant, or else with all names. */
export function failUnknown(kind: string, name: string, names: readonly string[]): never {
  const [near] = nearest(name, names, 1)
  return fail(`there is no ${kind} "${name}"; ${near === undefined ? `there are: ${names.join(', ')}` : `did you mean ${near}?`}`)
}
