#!/usr/bin/env node
// The `octet` command: serves any of the servers in one process, and looks after what they leave behind.
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { nearest } from '../protocol/index.ts'
import { catalog, type ServerName, serverNames } from './catalog.ts'
import { readConfig } from './runtime/config.ts'
import { checkConfiguration, serve } from './runtime/serve.ts'
import { settingsSchema } from './runtime/settings.ts'

const usage = `octet ${packageJson.version}: MCP servers for LiteLLM and every other MCP client

  octet start                    serve all of them on one port
  octet serve NAME [NAME …]      serve some: ${serverNames.join(', ')}
  octet audit verify FILE …      verify an audit trail, oldest file first (the key, if any, in AUDIT_KEY or AUDIT_KEY_FILE)

  --check-config                 with start or serve: report on the configuration and exit
  --help, --version

Configuration comes from the environment; the README lists the variables.
`
const exitUsage = 2

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'check-config': { type: 'boolean' }, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
  })
  const [command, ...rest] = positionals
  if (values.version) process.stdout.write(`${packageJson.version}\n`)
  else if (values.help) process.stdout.write(usage)
  else if (command === 'start' && rest.length === 0) await run('start', serverNames, values['check-config'])
  else if (command === 'serve' && rest.length > 0) await run('serve', rest, values['check-config'])
  else if (command === 'audit' && rest[0] === 'verify' && rest.length > 1) await audit(rest.slice(1))
  else fail(command === undefined ? usage : `octet: cannot do "${positionals.join(' ')}"\n\n${usage}`)
}

async function run(command: 'start' | 'serve', names: readonly string[], checkOnly = false): Promise<void> {
  const definitions = await Promise.all(
    [...new Set(names)].map((name) => {
      if (Object.hasOwn(catalog, name)) return catalog[name as ServerName]()
      const near = nearest(name, serverNames, 1)
      return fail(
        `octet: there is no server "${name}"${near.length > 0 ? `; did you mean ${near[0]}?` : ''} There are: ${serverNames.join(', ')}\n`,
      )
    }),
  )
  if (checkOnly) checkConfiguration(definitions, process.env)
  else await serve(definitions, { env: process.env, command })
}

async function audit(files: readonly string[]): Promise<void> {
  const { verifyAudit } = await import('./runtime/audit-verify.ts')
  const { records, problems, head } = await verifyAudit(files, readConfig(settingsSchema, process.env).config?.AUDIT_KEY)
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  process.stdout.write(
    `${records} records, ${problems.length} problems${head === undefined ? '' : `; head ${head.hash} (seq ${head.seq})`}\n`,
  )
  process.exitCode = problems.length > 0 || records === 0 ? 1 : 0
}

function fail(message: string): never {
  process.stderr.write(message)
  process.exit(exitUsage)
}

main().catch((error: NodeJS.ErrnoException) => {
  if (error.code?.startsWith('ERR_PARSE_ARGS') === true) fail(`octet: ${error.message}\n\n${usage}`)
  throw error
})
