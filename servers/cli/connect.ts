// `octet connect`: prints the configuration of an MCP client. It goes to stdout; what else is to do goes to stderr.
import { parseArgs } from 'node:util'
import { isLoopbackHost } from '../../protocol/index.ts'
import { type Env, readConfig } from '../host/config.ts'
import type { AnyServer } from '../kit/definition.ts'
import { definitionsOf } from './catalog.ts'
import { readEnvironment } from './dotenv.ts'
import { litellmConfig as litellmYaml } from './litellm-config.ts'
import { askReady, type Here, type Ready, readHere } from './running.ts'
import { fail, failUnknown } from './usage.ts'

interface Entry {
  readonly name: string
  readonly url: string
}

/**
 * @param entries one for all tools, or one for each named server @param token whether callers need one
 * @returns the configuration, as JSON unless it is a text, and what the person does with it
 */
type Client = (entries: readonly Entry[], token: boolean) => { readonly configuration: string | object; readonly steps: string }

const clients: Readonly<Record<string, Client>> = {
  'claude-code': (entries, token) => {
    const header = token ? ' --header "Authorization: Bearer $MCP_AUTH_TOKEN"' : ''
    return {
      configuration: entries.map(({ name, url }) => `claude mcp add --transport http ${name} ${url}${header}`).join('\n'),
      steps: `Run it in a shell${token ? ' in which MCP_AUTH_TOKEN is set' : ''}, then check it with: claude mcp list`,
    }
  },
  'claude-desktop': (entries, token) => ({
    configuration: {
      mcpServers: byName(entries, ({ url }) => ({
        command: 'npx',
        args: [
          ...['-y', 'mcp-remote', url, '--transport', 'http-only'],
          ...(url.startsWith('http:') && !isLoopbackHost(new URL(url).hostname) ? ['--allow-http'] : []),
          // Claude Desktop for Windows splits arguments at blanks, so that the blank is in the variable.
          ...(token ? ['--header', `Authorization:\${MCP_AUTHORIZATION}`] : []),
        ],
        env: token ? { MCP_AUTHORIZATION: 'Bearer TOKEN' } : undefined,
      })),
    },
    steps: `Settings → Developer → Edit Config opens claude_desktop_config.json; then restart Claude Desktop.${replaceToken(token)}`,
  }),
  vscode: (entries, token) => ({
    configuration: {
      inputs: token
        ? [{ type: 'promptString', id: 'octet-token', description: 'MCP_AUTH_TOKEN of octet', password: true }]
        : undefined,
      servers: byName(entries, ({ url }) => ({ type: 'http', url, headers: bearerOf(token, 'input:octet-token') })),
    },
    steps: `Save it as .vscode/mcp.json and press Start above the entry.${token ? ' VS Code asks for the token.' : ''}`,
  }),
  cursor: (entries, token) => ({
    configuration: { mcpServers: byName(entries, ({ url }) => ({ url, headers: bearerOf(token, 'env:MCP_AUTH_TOKEN') })) },
    steps: `Save it as ~/.cursor/mcp.json.${token ? ' Cursor reads MCP_AUTH_TOKEN from its environment.' : ''}`,
  }),
  'open-webui': (entries, token) => ({
    configuration: `TOOL_SERVER_CONNECTIONS='${JSON.stringify(
      entries.map(({ name, url }) => ({
        ...{ type: 'mcp', url, path: '', auth_type: token ? 'bearer' : 'none', key: token ? 'TOKEN' : '' },
        ...{ config: { enable: true }, info: { id: name, name, description: '' } },
      })),
    )}'`,
    steps:
      'Set it in the environment of a new Open WebUI. In one that runs: Admin settings → External tools → +, type MCP (Streamable HTTP), ' +
      `with this URL${token ? ' and the token as bearer' : ''}.${replaceToken(token)}`,
  }),
}
const names = [...Object.keys(clients), 'litellm']

/** Containers do not reach the loopback address of the machine they run on. */
const inContainers = new Set(['open-webui', 'litellm'])

export async function connect(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      transport: { type: 'string', default: 'sse' },
      all: { type: 'boolean', default: false },
      complete: { type: 'boolean', default: false },
    },
  })
  const [client = '', ...servers] = positionals
  const { transport, all, complete } = values
  if (client === '') return fail(`name a client; there are: ${names.join(', ')}`)
  if (!names.includes(client)) return failUnknown('client', client, names)
  if (transport !== 'sse' && transport !== 'http') return fail(`--transport must be sse or http, not "${transport}"`)
  if (values.url !== undefined && !/^https?:\/\/[^\s"']+$/.test(values.url))
    return fail(`--url must be an http(s) address, not "${values.url}"`)
  const environment = readEnvironment()
  const here = readHere(environment)
  const url = (values.url ?? here.url).replace(/\/+$/, '')
  const ofServer = url.includes('{server}') ? url : `${url}/{server}`
  const running = url.includes('{server}') ? undefined : await askReady(url, here.token)
  // A process that runs shows its servers only to callers whose token it accepts.
  const token = needsToken(here) || (running !== undefined && running.error === undefined && running.servers === undefined)
  const definitions = await definitionsOf(servers)
  if (client === 'litellm') {
    const chosen = servers.length > 0 || all ? definitions : configured(definitions, running, environment.env)
    if (chosen.length === 0) return fail('the environment configures no server; name some, or give --all')
    process.stdout.write(litellmYaml({ servers: chosen, transport, url: ofServer, token, complete }))
  } else {
    const entries =
      servers.length > 0 || url.includes('{server}')
        ? definitions.map(({ name }) => ({ name, url: `${ofServer.replaceAll('{server}', name)}/mcp` }))
        : [{ name: 'octet', url: `${url}/mcp` }]
    const { configuration, steps } = (clients[client] as Client)(entries, token)
    const text = typeof configuration === 'string' ? configuration : JSON.stringify(configuration, undefined, 2)
    process.stdout.write(`${text}\n`)
    process.stderr.write(`\n${steps}${token ? tokenSource(environment) : ''}\n`)
  }
  if (inContainers.has(client) && isLoopbackHost(new URL(url.replaceAll('{server}', 'x')).hostname))
    process.stderr.write(
      `A client in a container does not reach ${url}: start octet with MCP_HOST=0.0.0.0 and MCP_AUTH_TOKEN, and give --url http://host.docker.internal:${here.settings.MCP_PORT}\n`,
    )
}

/** The name that `connect litellm --complete` had before. */
export async function litellmConfig(args: string[]): Promise<void> {
  process.stderr.write('octet litellm-config is now octet connect litellm --complete; the old name goes with the next release\n')
  await connect(['litellm', '--complete', ...args])
}

/** Beyond loopback octet does not start without a token unless it is told to. */
function needsToken({ settings, token }: Here): boolean {
  return token !== undefined || (!isLoopbackHost(settings.MCP_HOST) && !settings.MCP_ALLOW_UNAUTHENTICATED)
}

/** The servers that the running process can use; when none runs, those that its environment configures. */
function configured(definitions: readonly AnyServer[], running: Ready | undefined, env: Env): readonly AnyServer[] {
  const states = running?.servers
  return definitions.filter((definition) => {
    if (states !== undefined) return (states[definition.name]?.state ?? 'not_configured') !== 'not_configured'
    const { config } = readConfig(definition.config, env)
    return config !== undefined && definition.missing(config as never) === undefined
  })
}

/** Where the token is, for who needs it in the shell or in a configuration; never the token. */
function tokenSource({ env, file }: ReturnType<typeof readEnvironment>): string {
  if (process.env.MCP_AUTH_TOKEN) return ''
  if (env.MCP_AUTH_TOKEN) return `\nMCP_AUTH_TOKEN is in ${file}; for this shell: set -a; . ${file}; set +a`
  const secret = env.MCP_AUTH_TOKEN_FILE
  return secret ? `\nMCP_AUTH_TOKEN is in a file; for this shell: export MCP_AUTH_TOKEN="$(cat ${secret})"` : ''
}

function byName(entries: readonly Entry[], value: (entry: Entry) => object): object {
  return Object.fromEntries(entries.map((entry) => [entry.name, value(entry)]))
}

/** Headers in which the client puts a variable of its own, where callers need a token. */
function bearerOf(token: boolean, variable: string): object | undefined {
  return token ? { Authorization: `Bearer \${${variable}}` } : undefined
}

function replaceToken(token: boolean): string {
  return token ? ' Replace TOKEN by the value of MCP_AUTH_TOKEN.' : ''
}
