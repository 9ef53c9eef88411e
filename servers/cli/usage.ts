// How the command ends when it was used wrongly.
const exitUsage = 2

/** Ends the process with 2, which is not an outcome of any subcommand. */
export function fail(message: string): never {
  process.stderr.write(`octet: ${message}\n`)
  process.exit(exitUsage)
}
