#!/usr/bin/env node
// The entry of the command, in syntax that Node 12 reads: an older Node ends with one line before anything else is loaded.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`mcp-conformance needs Node 20.19, this is ${major}.${minor}\n`)
  process.exitCode = 1
} else {
  void run()
}

async function run(): Promise<void> {
  const [{ main }, { Failure }] = await Promise.all([import('./command.ts'), import('./expect.ts')])
  // A case that ends early may leave requests behind, whose failure does not matter. Anything else is a fault of the suite.
  process.on('unhandledRejection', (reason) => {
    if (!(reason instanceof Failure)) throw reason
  })
  process.exitCode = await main(process.argv.slice(2))
}
