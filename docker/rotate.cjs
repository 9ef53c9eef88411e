// Replaces the token without an interruption. Without argument: makes a new token, and the servers accept both. `finish`: they accept the new
// one only. The servers read the file of tokens again within five seconds.
const { randomBytes } = require('node:crypto')
const { readFileSync, renameSync, writeFileSync } = require('node:fs')

const folder = '/run/octet/token'
const read = (name) => readFileSync(`${folder}/${name}`, 'utf8')
/** By rename, so that no server reads half a file. */
const replace = (name, text) => {
  writeFileSync(`${folder}/${name}.new`, text, { mode: 0o444 })
  renameSync(`${folder}/${name}.new`, `${folder}/${name}`)
}

if (process.argv[2] === 'finish') {
  replace('tokens', `gateway:${read('token')}\n`)
  console.log('Only the new token is valid now.')
} else {
  const token = randomBytes(24).toString('hex')
  replace('tokens', `gateway:${token}\ngateway:${read('token')}\n`)
  replace('token', token)
  console.log('The new token and the old one are valid. Restart the gateway, then run: docker compose run --rm rotate finish')
}
