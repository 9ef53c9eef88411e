// What the images run. `NAME` is the bundle of that server alone, which needs the least memory; several names are one process that serves
// them all; anything else (`status`, `audit verify`, `--version`, …) is the octet command.
const { existsSync } = require('node:fs')

const words = process.argv.slice(2)
const bundle = (name) => `${__dirname}/servers/${name}.cjs`
const isServer = (word) => /^[a-z0-9]+$/.test(word) && existsSync(bundle(word))
const servers = words.filter(isServer)

if (servers.length === 1 && isServer(words[0])) require(bundle(words[0]))
else {
  if (servers.length > 1 && isServer(words[0])) process.argv.splice(2, 0, 'serve')
  require('./octet.cjs')
}
