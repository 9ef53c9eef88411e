#!/usr/bin/env node
// The `octet` command: start, help, version, and which file holds each other subcommand.
import { parseArgs } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import { definitionsOf, serverNames } from './catalog.ts'
import { readEnvironment } from './dotenv.ts'
import { fail, failUnknown } from './usage.ts'

const usage = `octet ${packageJson.version}: MCP servers for LiteLLM and every other MCP client

  octet start [NAME …]       serve all servers, or some, on one port
  octet doctor [NAME …]      say what is wrong: configuration, port, backends
  octet status [URL …]       how running servers are; exit 1 unless all
                             configured ones answer
  octet call [URL]           list the tools of a running server
  octet call [URL] TOOL [KEY=VALUE … | JSON]
                             call one
  octet connect CLIENT [NAME …]
                             print the configuration of claude-code,
                             claude-desktop, vscode, cursor, open-webui, litellm
  octet audit show FILE …    read the audit trail of one process or several
  octet audit verify FILE …  verify it, oldest file first; the key, if any, in
                             AUDIT_KEY or AUDIT_KEY_FILE
  octet help, octet version

Servers:
  ${serverNames.join(', ')}

Options:
  --json            status, doctor, call, audit show: for programs
  --litellm URL     doctor: also what LiteLLM lists; key in LITELLM_MASTER_KEY
  --url URL         connect: the address for the client, by default this machine
                    and MCP_PORT; {server} stands for the name of the server
  --transport, --complete, --all
                    connect litellm: sse (default) or http; a whole
                    configuration; also servers that are not configured
  --since TIME, --user TEXT, --tool TEXT, --errors
                    audit show; TIME is yesterday, 2h, 30m, 7d or ISO 8601

Configuration comes from the environment and from a file .env in the working
directory (docs/configuration.md). Without URL, status and call ask this machine
at MCP_PORT. The token, if any, comes from MCP_AUTH_TOKEN or MCP_AUTH_TOKEN_FILE
and is sent to the URL.
`

type Command = (args: string[]) => Promise<void>

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => start,
  serve: async () => start,
  doctor: async () => (await import('./doctor.ts')).doctor,
  status: async () => (await import('./status.ts')).status,
  call: async () => (await import('./call.ts')).call,
  connect: async () => (await import('./connect.ts')).connect,
  'litellm-config': async () => (await import('./connect.ts')).litellmConfig,
  audit: async () => (await import('./audit.ts')).audit,
  help: async () => async () => void process.stdout.write(usage),
  version: async () => async () => void process.stdout.write(`${packageJson.version}\n`),
}
const flags: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version', '-v': 'version' }

/** Serves all servers in one process, or those that are named. */
async function start(args: string[]): Promise<void> {
  const { positionals: names } = parseArgs({ args, allowPositionals: true })
  const definitions = await definitionsOf(names)
  const { env, read } = readEnvironment()
  const { serve } = await import('../host/serve.ts')
  await serve(definitions, { env, command: true, envFile: read })
}

async function main([word = '', ...args]: string[]): Promise<void> {
  const name = args.includes('--help') || args.includes('-h') ? 'help' : (flags[word] ?? word)
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load !== undefined) {
    // The reader of a pipe may have had enough, as `head` has. A process that serves writes its audit trail itself, without this stream.
    if (name !== 'start' && name !== 'serve')
      process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
    return (await load())(args)
  }
  if (word !== '') failUnknown('command', word, Object.keys(commands))
  process.stderr.write(usage)
  fail('name a command')
}

main(process.argv.slice(2)).catch((error: NodeJS.ErrnoException) => {
  if (error.code?.startsWith('ERR_PARSE_ARGS') === true) fail(`${error.message}; octet help lists the options`)
  throw error
})
