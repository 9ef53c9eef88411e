// Makes the secrets that its arguments name, such as `token/token`, below /run/octet, and leaves those that are there as they are. Each folder
// is a volume that only the containers that need it mount.
const { chmodSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { randomBytes } = require('node:crypto')
const { join } = require('node:path')

const root = '/run/octet'
const secrets = process.argv.slice(2)

for (const name of secrets) {
  const file = join(root, name)
  if (existsSync(file)) continue
  const made = `${file}.${process.pid}`
  writeFileSync(made, contentOf(name))
  chmodSync(made, 0o444) // the volume is the boundary: those who mount it run as different users
  try {
    linkSync(made, file) // unlike a rename, fails when another start was first
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  } finally {
    rmSync(made)
  }
  process.stdout.write(`made ${name}\n`)
}

function contentOf(name) {
  const random = randomBytes(24).toString('hex')
  switch (name) {
    case 'token/tokens': // what the servers accept; rotate.cjs adds to it
      return `gateway:${readFileSync(join(root, 'token/token'), 'utf8')}\n`
    case 'litellm/master-key':
      return `sk-${random}` // LiteLLM refuses another beginning
    case 'n8n/owner-password':
      return `A1a${random}` // n8n wants both cases and a digit
    case 'n8n/api-key':
      return 'not-made-yet' // n8n makes it itself, later
    case 'timescaledb/write-url': {
      const password = readFileSync(join(root, 'timescaledb/writer-password'), 'utf8')
      return `postgresql://mcp_writer:${password}@timescaledb:5432/postgres`
    }
    default:
      return random
  }
}
