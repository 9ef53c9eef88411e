// `octet doctor`: checks the configuration, the port and each backend in this process, and what LiteLLM sees; prints only what is wrong.
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { parseArgs } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import type { AnyTool } from '../../protocol/index.ts'
import { wrap } from '../host/columns.ts'
import { readConfig } from '../host/config.ts'
import type { State } from '../host/health.ts'
import { loadConfiguration } from '../host/load.ts'
import { offered, openBackend } from '../host/service.ts'
import { settingsSchema } from '../host/settings.ts'
import { definitionsOf, listingEnvironment, toolsOf } from './catalog.ts'
import { readEnvironment } from './dotenv.ts'
import { siblingAddress } from './http.ts'
import { openClient } from './mcp-client.ts'
import { askReady, type Here, readHere } from './running.ts'
import { fail } from './usage.ts'

const litellmLimitMs = 30_000
const lineWidth = 80

/** Exit code 1 when something is wrong. */
export async function doctor(args: string[]): Promise<void> {
  const options = { litellm: { type: 'string' }, json: { type: 'boolean' } } as const
  const { values, positionals: names } = parseArgs({ args, allowPositionals: true, options })
  const definitions = await definitionsOf(names)
  const { env, file, ignored } = readEnvironment()
  const { fatal, notes, servers, ca } = loadConfiguration(definitions, env)
  const wrong = fatal.filter((problem) => !servers.some(({ reading }) => reading.problems.includes(problem))) // those come with their server
  // Backends are checked also when a setting of the process is wrong.
  const settings = readConfig(settingsSchema, env).config ?? readConfig(settingsSchema, {}).config
  if (settings === undefined) throw new Error('the settings have no defaults')
  const environment = {
    ...listingEnvironment,
    version: packageJson.version,
    toolTimeoutMs: settings.MCP_TOOL_TIMEOUT_MS,
    readOnly: settings.MCP_READ_ONLY,
    ca,
  }
  const states = await Promise.all(
    servers.map(async ({ definition, reading }) => {
      const { backend, health } = openBackend(definition, reading, environment)
      const state = await health.check()
      await backend?.close()
      // Who has set some of a server's variables, or named it, wants it.
      const wanted = names.includes(definition.name) || reading.set.length > 0
      return { name: definition.name, state, found: findings(definition.name, state, wanted) }
    }),
  )
  wrong.push(...states.flatMap(({ found }) => found))
  const configured = states.flatMap(({ name, state }) => (state.state === 'not_configured' ? [] : [name]))
  if (configured.length === 0 && wrong.length === 0)
    wrong.push(`no server is configured; ${states.map(({ name, state }) => `${name}: ${state.next}`).join('; ')}`)
  const here = fatal.length === 0 ? readHere({ env }) : undefined
  const answer = here === undefined ? undefined : await askReady(here.url, here.token)
  const running = answer?.error === undefined ? answer : undefined
  const taken = running === undefined && here !== undefined ? await tryPort(here) : undefined
  if (taken !== undefined) wrong.push(taken)
  if (ignored !== undefined) notes.push(ignored)
  if (running?.servers !== undefined && isNewer(file, running.servers))
    notes.push(`${file} was changed after octet at ${here?.url} was started; restart it if it is to read the change`)
  if (running !== undefined && running.servers === undefined && here !== undefined)
    wrong.push(
      `octet at ${here.url} ${here.token === undefined ? 'needs a token' : 'does not accept this token'}; set MCP_AUTH_TOKEN as it is set there`,
    )
  if (values.litellm !== undefined) {
    // What the running process serves, which may be the demonstration, or what it would serve.
    const shown = running?.servers ?? Object.fromEntries(states.map(({ name, state }) => [name, state]))
    const served = definitions.filter(({ name }) => (shown[name]?.state ?? 'not_configured') !== 'not_configured')
    const isOffered = (tool: AnyTool): boolean => offered(tool.name, settings)
    const tools = served.map((definition) => ({ name: definition.name, tools: toolsOf(definition).filter(isOffered) }))
    wrong.push(...(await checkLitellm(values.litellm, tools, env.LITELLM_MASTER_KEY)))
  }
  process.exitCode = wrong.length === 0 ? 0 : 1
  const port = running === undefined ? `port ${settings.MCP_PORT} of ${settings.MCP_HOST} is free` : `octet runs at ${here?.url}`
  const well = `all is well: ${configured.join(', ')} can be reached; ${port}`
  if (values.json === true) return void process.stdout.write(`${JSON.stringify({ wrong, notes }, undefined, 2)}\n`)
  const lines = [...(wrong.length === 0 ? [well] : wrong), ...notes.map((note) => `note: ${note}`)]
  process.stdout.write(`${lines.map(format).join('\n')}\n`)
}

/** Whether the file was changed after one of these states began, and so after the process was started. */
function isNewer(file: string, servers: Readonly<Record<string, State>>): boolean {
  const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return Object.values(servers).some(({ since }) => Date.parse(since) < mtimeMs)
}

/** A finding on lines of 80 columns, its own lines, such as SQL, indented and whole. */
function format(finding: string): string {
  const [first = '', ...sql] = finding.split('\n')
  const [head = '', ...rest] = wrap(first, lineWidth - 2)
  return [head, ...rest.map((line) => `  ${line}`), ...sql.map((line) => `  ${line}`)].join('\n')
}

function findings(name: string, { state, message, next, detail = {} }: State, wanted: boolean): string[] {
  if (state === 'not_configured' && !wanted) return []
  if (state !== 'ok') return [`${name}: ${message}; next: ${next}`]
  return unsafeRoles(name, detail)
}

type Detail = Readonly<Record<string, unknown>>

/** Roles with more privileges than they should have, of the backend and of its further connections. */
function unsafeRoles(name: string, { safety, sql_for_the_operator: sql, ...detail }: Detail): string[] {
  const about = isDetail(safety) ? safety : detail
  const { role, queries, statements = queries, reaches_outside: outside, self_test: selfTest, not_refused: notRefused } = about
  const found: string[] = []
  if (Array.isArray(sql)) {
    const reaches = outside === undefined ? '' : `; it may call ${outside}`
    found.push(
      `${name}: role ${role} can do too much: statements are ${statements}${reaches}; run this SQL as a superuser:\n${sql.join('\n')}`,
    )
  }
  if (selfTest === 'FAILED')
    found.push(
      `${name}: PostgreSQL did not refuse a write in a READ ONLY transaction: ${JSON.stringify(notRefused)}; use another role`,
    )
  for (const [key, value] of Object.entries(detail)) if (isDetail(value)) found.push(...unsafeRoles(`${name} (${key})`, value))
  return found
}

function isDetail(value: unknown): value is Detail {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Why octet could not listen where this environment says; undefined when it could. */
async function tryPort({ settings: { MCP_HOST: host, MCP_PORT: port } }: Here): Promise<string | undefined> {
  const server = createServer()
  try {
    await once(server.listen(port, host), 'listening')
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${code})`
    return `port ${port} of ${host} ${why}; choose another: MCP_PORT=${port + 1} octet start`
  } finally {
    server.close()
  }
}

/** Compares LiteLLM's tools with ours: its own health route has called servers healthy that it could not reach. */
async function checkLitellm(
  given: string,
  servers: readonly { name: string; tools: readonly AnyTool[] }[],
  key: string | undefined,
): Promise<string[]> {
  const url = siblingAddress(given, '/mcp') ?? fail(`--litellm: "${given}" is not a valid http(s) address`)
  let listed: string[]
  try {
    const client = await openClient(url, key, litellmLimitMs)
    listed = (await client.tools()).map(({ name }) => name)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return [`LiteLLM at ${url.href}: ${code ?? message}; start it, or correct the address and LITELLM_MASTER_KEY`]
  }
  return servers.flatMap(({ name, tools }) => {
    // LiteLLM puts the name of its entry before each tool's name.
    const names = tools.map((tool) => tool.name)
    const lacking = names.filter((tool) => !listed.some((each) => each === tool || each.endsWith(`-${tool}`)))
    if (lacking.length === 0) return []
    const sees =
      lacking.length === tools.length ? `no tool of ${name}, of ${listed.length} in all` : `not ${lacking.join(', ')} of ${name}`
    return [`LiteLLM at ${url.origin} lists ${sees}; compare its entry and its log with: octet connect litellm ${name}`]
  })
}
