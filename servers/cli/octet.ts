#!/usr/bin/env node
// The `octet` command: serves the servers in one process, shows their state, and verifies their audit trail.
import { parseArgs } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import { nearest } from '../../protocol/index.ts'
import { readConfig } from '../host/config.ts'
import { checkConfiguration, serve } from '../host/serve.ts'
import { principals, settingsSchema } from '../host/settings.ts'
import type { AnyServer } from '../kit/definition.ts'
import { catalog, type ServerName, serverNames } from './catalog.ts'

const usage = `octet ${packageJson.version}: MCP servers for LiteLLM and every other MCP client

  octet start                    serve all of them on one port
  octet serve NAME [NAME …]      serve some: ${serverNames.join(', ')}
  octet status [URL …]           how running servers are; exit 1 unless all are ready (the token, if any, in MCP_AUTH_TOKEN
                                 or MCP_AUTH_TOKEN_FILE; without URL: this machine, MCP_PORT)
  octet litellm-config [NAME …]  print LiteLLM's configuration for some servers, or for those that the environment configures
  octet audit verify FILE …      verify an audit trail, oldest file first (the key, if any, in AUDIT_KEY or AUDIT_KEY_FILE)

  --check-config                 with start or serve: report on the configuration and exit
  --all                          with litellm-config: every server
  --url URL                      with litellm-config: one process serves all of them there; default: containers mcp-<server>
  --transport sse|http           with litellm-config: HTTP+SSE (default) or /mcp
  --help, --version

Configuration comes from the environment; the README lists the variables.
`
const exitUsage = 2

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'check-config': { type: 'boolean' },
      all: { type: 'boolean' },
      url: { type: 'string' },
      transport: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  })
  const [command, ...rest] = positionals
  if (values.version) process.stdout.write(`${packageJson.version}\n`)
  else if (values.help) process.stdout.write(usage)
  else if (command === 'start' && rest.length === 0) await run('start', serverNames, values['check-config'])
  else if (command === 'serve' && rest.length > 0) await run('serve', rest, values['check-config'])
  else if (command === 'status') await showStatus(rest)
  else if (command === 'litellm-config') await printLitellmConfig(values.all === true ? serverNames : rest, values)
  else if (command === 'audit' && rest[0] === 'verify' && rest.length > 1) await audit(rest.slice(1))
  else fail(command === undefined ? usage : `octet: cannot do "${positionals.join(' ')}"\n\n${usage}`)
}

function definitionsOf(names: readonly string[]): Promise<AnyServer[]> {
  return Promise.all(
    [...new Set(names)].map((name) => {
      if (Object.hasOwn(catalog, name)) return catalog[name as ServerName]()
      const near = nearest(name, serverNames, 1)
      return fail(
        `octet: there is no server "${name}"${near.length > 0 ? `; did you mean ${near[0]}?` : ''} There are: ${serverNames.join(', ')}\n`,
      )
    }),
  )
}

async function run(command: 'start' | 'serve', names: readonly string[], checkOnly = false): Promise<void> {
  const definitions = await definitionsOf(names)
  if (checkOnly) checkConfiguration(definitions, process.env)
  else await serve(definitions, { env: process.env, command })
}

async function showStatus(urls: readonly string[]): Promise<void> {
  const { config, problems } = readConfig(settingsSchema, process.env)
  if (config === undefined) return fail(`octet: ${problems.join('; ')}\n`)
  const { status } = await import('./status.ts')
  const here = [`http://127.0.0.1:${config.MCP_PORT}${config.MCP_BASE_PATH ?? ''}`]
  const { table, ready } = await status({ urls: urls.length > 0 ? urls : here, token: principals(config)[0]?.token })
  process.stdout.write(`${table}\n`)
  process.exitCode = ready ? 0 : 1
}

async function printLitellmConfig(names: readonly string[], flags: { url?: string; transport?: string }): Promise<void> {
  const { transport = 'sse', url } = flags
  if (transport !== 'sse' && transport !== 'http') fail(`octet: --transport must be sse or http, not "${transport}"\n`)
  if (url !== undefined && !/^https?:\/\/[^\s"]+$/.test(url)) fail('octet: --url must be an http(s) address\n')
  const definitions = await definitionsOf(names.length > 0 ? names : serverNames)
  const chosen = definitions.filter((definition) => names.length > 0 || isConfigured(definition))
  if (chosen.length === 0) fail('octet: the environment configures no server; name some, or give --all\n')
  const { litellmConfig } = await import('./litellm-config.ts')
  process.stdout.write(litellmConfig({ servers: chosen.map(({ name }) => name), transport, url }))
}

/** Something of its own is set, and nothing that it needs is lacking. */
function isConfigured(definition: AnyServer): boolean {
  const { config, set } = readConfig(definition.config, process.env)
  return config !== undefined && set.length > 0 && definition.missing(config as never) === undefined
}

async function audit(files: readonly string[]): Promise<void> {
  const { verifyAudit } = await import('../host/audit/verify.ts')
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
