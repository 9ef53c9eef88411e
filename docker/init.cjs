// Makes what must be secret on the first start and leaves it alone afterwards: the token between the gateway and the servers, the gateway's
// own key, and the passwords of the demonstration backends. Each lies in a volume that only those who need it mount.
const { chmodSync, existsSync, linkSync, rmSync, writeFileSync } = require('node:fs')
const { randomBytes } = require('node:crypto')
const { join } = require('node:path')

const root = process.argv[2] ?? '/run/octet'
const secrets = [
  'token/token',
  'litellm/master-key',
  'postgres/password',
  'postgres/reader-password',
  'timescaledb/password',
  'minio/password',
  'n8n/owner-password',
  'n8n/api-key',
]

for (const name of secrets) {
  const file = join(root, name)
  if (existsSync(file)) continue
  // LiteLLM wants its key to begin so; n8n only takes a password with both cases and a digit; its API key is made by n8n itself, later.
  const prefix = name === 'litellm/master-key' ? 'sk-' : name === 'n8n/owner-password' ? 'A1a' : ''
  const made = `${file}.${process.pid}`
  writeFileSync(made, name === 'n8n/api-key' ? 'not-made-yet' : `${prefix}${randomBytes(24).toString('hex')}`)
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
