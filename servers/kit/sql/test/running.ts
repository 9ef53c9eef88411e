// What tests of the SQL servers need running: a PostgreSQL, a server process in front of it, and an MCP client. All end with the test file.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import pg from 'pg'
import { embeddedBin, LocalCluster } from '../../../../dev/local-cluster.ts'

export const repository = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '')
const entry = fileURLToPath(new URL('entry.ts', import.meta.url))

export interface Edition {
  readonly label: string
  readonly bin: string
}

/** PostgreSQL 18 from npm, which every checkout has. */
export const embedded: Edition = { label: 'PostgreSQL 18', bin: embeddedBin(repository) ?? '' }

/** What a server answered as JSON; a test looks at what it knows to be there. */
// biome-ignore lint/suspicious/noExplicitAny: the shape differs from tool to tool, and a wrong guess fails the test that made it
export type Json = any

export interface Address {
  readonly host: string
  readonly port: number
}

/** A started cluster, with a port so that connections can be refused and counted like a real server's. */
export async function startCluster(edition: Edition, settings: readonly string[] = []): Promise<LocalCluster> {
  const cluster = new LocalCluster({ bin: edition.bin, port: await freePort(), settings })
  await cluster.start()
  return cluster
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A connection of the test's own, as the superuser unless another user is named. */
export async function withSql<T>(
  address: Address,
  use: (client: pg.Client) => Promise<T>,
  options: pg.ClientConfig = {},
): Promise<T> {
  const client = new pg.Client({ host: address.host, port: address.port, user: 'postgres', database: 'postgres', ...options })
  client.on('error', () => {}) // the test ends the server under it
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const shippedRole = new URL('../../../postgres/sql/readonly-role.sql', import.meta.url)

/** The statements of the shipped readonly-role.sql with psql's variables filled in, for where there is no psql. */
export function readOnlyRoleSql(variables: { db: string; owner: string; schema?: string; pw?: string }): string {
  const values: Record<string, string> = { schema: 'public', ...variables }
  const lines = readFileSync(shippedRole, 'utf8').split('\n')
  let skip = false
  const kept = lines.filter((line) => {
    if (line.startsWith('\\if')) skip = /\\if :\{\?schema/.test(line) || variables.pw === undefined
    if (line.startsWith('\\else')) skip = true
    if (line.startsWith('\\endif')) skip = false
    return !skip && !line.startsWith('\\') && !line.includes('\\gset')
  })
  return kept
    .join('\n')
    .replace(/:'(\w+)'/g, (_, name: string) => pg.escapeLiteral(values[name] ?? ''))
    .replace(/:"(\w+)"/g, (_, name: string) => pg.escapeIdentifier(values[name] ?? ''))
}

export class RunningServer {
  readonly url: string
  readonly child: ChildProcess
  /** The log so far. */
  readonly log: Record<string, unknown>[]

  private constructor(child: ChildProcess, url: string, log: Record<string, unknown>[]) {
    this.child = child
    this.url = url
    this.log = log
  }

  static async start(names: readonly string[], env: NodeJS.ProcessEnv): Promise<RunningServer> {
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(PG|POSTGRES|DATABASE|TSDB|TIMESCALE|MCP_)/.test(name)),
    )
    const child = spawn(process.execPath, ['--import', 'tsx', entry, ...names], {
      cwd: repository,
      env: { ...clean, MCP_PORT: '0', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const kill = (): void => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    const log: Record<string, unknown>[] = []
    const lines = createInterface(child.stderr)
    const url = await new Promise<string>((resolve, reject) => {
      let said = ''
      lines.on('line', (line) => {
        said += `${line}\n`
        if (!line.startsWith('{')) return
        const record = JSON.parse(line) as Record<string, unknown>
        log.push(record)
        if (record.message === 'listening') resolve(String(record.url))
      })
      child.once('exit', (code) => reject(new Error(`the server ended (${code}):\n${said}`)))
    })
    child.unref()
    ;(child.stderr as unknown as { unref(): void }).unref()
    return new RunningServer(child, url, log)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    await ended
  }

  async ready(path = '/ready'): Promise<{ status: number; body: Json }> {
    const res = await fetch(`${this.url}${path}`)
    return { status: res.status, body: await res.json() }
  }
}

export interface Result {
  text: string
  isError: boolean
  structured: Json
}

export interface Caller {
  call(tool: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<Result>
  client: Client
}

/** An MCP client on one of the two transports, closed afterwards. */
export async function withClient<T>(
  url: string,
  use: (caller: Caller) => Promise<T>,
  transport: 'sse' | 'mcp' = 'sse',
): Promise<T> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const address = new URL(`${url}/${transport}`)
  await client.connect(
    transport === 'sse' ? new SSEClientTransport(address) : (new StreamableHTTPClientTransport(address) as Transport),
  )
  try {
    return await use({
      client,
      call: async (name, args = {}, signal) => {
        const result = await client.callTool({ name, arguments: args }, undefined, signal === undefined ? {} : { signal })
        const [block] = result.content as { text: string }[]
        return { text: block?.text ?? '', isError: result.isError === true, structured: result.structuredContent }
      },
    })
  } finally {
    await client.close()
  }
}

/** The lines between the tags of a result: the header and the rows. */
export function rowsOf(text: string): string[] {
  return /<untrusted-data id="[^"]+">\n([\s\S]*)\n<\/untrusted-data/.exec(text)?.[1]?.split('\n').slice(1) ?? []
}

/** Asks again until `holds`: for states of another process that nothing announces. */
export async function until<T>(what: string, limitMs: number, ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const value = await ask()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}; last seen ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
