// What MCP itself costs: one echo tool on a bare node:http server, on Octet and on other libraries.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../scripts/bundle.ts'
import { filesystem } from '../servers/filesystem/index.ts'
import { load, type Session, type Transport } from './client.ts'
import { echo } from './echo-server.ts'
import { ownPackage, peerProgram, sizeOf } from './packages.ts'
import { cpuUs, memoryOf, type Running, start, type Target } from './process.ts'
import { Figures } from './report.ts'

export interface WireTarget extends Target {
  /** Folder whose `node_modules` is the installation. */
  readonly folder?: string
}

export interface Size {
  readonly rounds: number
  /** Milliseconds of one window of load. */
  readonly windowMs: number
  readonly sessions: number
  readonly cycles: number
}

export const bare = 'bare node:http'
export const library = 'Octet, library'
export const whole = 'Octet, whole server'

const root = fileURLToPath(new URL('..', import.meta.url))
const bothPaths = { sse: '/sse', mcp: '/mcp' }
const text = 'The quick brown fox jumps over the lazy dog, and the server says it again.'
const call = callOf(text)
const largeCall = callOf(text.repeat(Math.floor(65_536 / text.length)))
const settleMs = 500
/** Calls of one round; a slow server makes fewer. */
const window = { calls: 3_000, ms: 2_000 }
/** V8 compiles what runs in every call within a few thousand. */
const warmUp = { calls: 10_000, ms: 6_000 }
const lanes = 16
const transportNames = { sse: 'SSE', mcp: '/mcp' }

function callOf(value: string): string {
  return JSON.stringify({ name: 'echo', arguments: { text: value } })
}

/** The bare server and Octet, bundled as it is run in production. `remove` deletes the bundles. */
export async function ownTargets(): Promise<{ targets: WireTarget[]; cold: WireTarget; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const source = join(root, 'bench/echo-server.ts')
  const schemas = [echo.inputSchema]
  const script = (name: string): string => join(folder, `${name}.cjs`)
  const host = join(root, 'servers/host/serve.ts')
  const serveFilesystem = `import { filesystem } from '${join(root, 'servers/filesystem/index.ts')}'; import { serve } from '${host}'; void serve([filesystem], { env: process.env })`
  await Promise.all([
    bundle(script('library'), `import { serveLibrary } from '${source}'; serveLibrary()`, schemas),
    bundle(script('whole'), `import { serveWhole } from '${source}'; serveWhole()`, schemas),
    bundle(script('filesystem'), serveFilesystem, schemasOf(filesystem)),
  ])
  const target = (name: string, path: string, env = {}): WireTarget => ({
    name,
    command: [process.execPath, path],
    env: { MCP_PORT: 'PORT', ...env },
    paths: bothPaths,
  })
  return {
    targets: [
      target(bare, join(root, 'bench/baseline.cjs')),
      target(library, script('library')),
      target(whole, script('whole'), { AUDIT_FILE: join(folder, 'audit.jsonl'), LOG_LEVEL: 'warn', MCP_MAX_SESSIONS: '2000' }),
    ],
    cold: target('Octet, filesystem bundle', script('filesystem'), { FS_ROOTS: folder }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The other libraries; those that cannot be installed or started are in `missing`. */
async function peerTargets(missing: Map<string, string>): Promise<WireTarget[]> {
  const targets: WireTarget[] = []
  const peer = async (title: string, paths: Target['paths'], file: string, ...packages: string[]): Promise<void> => {
    const name = `${title} ${packages[0]?.split('@').pop()}`
    try {
      const { script, folder } = await peerProgram(file, ...packages)
      const target = { name, command: [process.execPath, script], env: { MCP_PORT: 'PORT' }, paths, folder }
      await (await start(target)).stop()
      targets.push(target)
    } catch (error) {
      missing.set(name, reasonOf(error))
    }
  }
  await peer('SDK v1', { sse: '/sse' }, 'sdk-v1', '@modelcontextprotocol/sdk@1.32.2', 'zod@4.6.7')
  await peer(
    'SDK v2',
    { mcp: '/mcp' },
    'sdk-v2',
    '@modelcontextprotocol/server@2.4.0',
    '@modelcontextprotocol/node@2.1.2',
    'zod@4.6.7',
  )
  await peer('FastMCP', bothPaths, 'fastmcp', 'fastmcp@4.20.16', 'zod@4.6.7')
  await peer('mcp-lite', { mcp: '/mcp' }, 'mcp-lite', 'mcp-lite@0.10.0', 'hono@4.13.19', '@hono/node-server@2.1.9')
  return targets
}

/** Measures everything; `targets` are in the order of the table, `missing` are peers that do not run, with the reason. */
export async function wire(size: Size): Promise<{ figures: Figures; targets: string[]; missing: Map<string, string> }> {
  const own = await ownTargets()
  try {
    const missing = new Map<string, string>()
    const targets = [...own.targets, ...(await peerTargets(missing))]
    const figures = new Figures()
    await coldAndIdle(figures, [...targets, own.cold], size.rounds)
    await calls(figures, targets, size.rounds)
    for (const target of targets)
      await sessionsAndCycles(figures, target, size).catch((error) => missing.set(target.name, reasonOf(error)))
    const npm = await ownPackage()
    for (const { name, folder = name === whole || name === library ? npm : undefined } of targets) {
      if (folder === undefined) continue
      const { mib, packages } = sizeOf(folder)
      figures.add({ name: 'install size', unit: 'MiB', compare: undefined }, name, mib)
      figures.add({ name: 'packages installed', unit: '', compare: undefined }, name, packages)
    }
    return { figures, targets: [...targets, own.cold].map(({ name }) => name), missing }
  } finally {
    own.remove()
  }
}

/** From `spawn` to the first answered `initialize`, and memory half a second later. */
export async function coldAndIdle(figures: Figures, targets: readonly Target[], rounds: number): Promise<void> {
  for (let round = -1; round < rounds; round++) {
    for (const target of targets) {
      const server = await start(target)
      if (round === -1) {
        await server.stop() // brings the files into the page cache
        continue
      }
      figures.add({ name: 'cold start', unit: 'ms', compare: 'ratio' }, target.name, server.readyMs)
      await pause(settleMs)
      const { rssMiB, privateMiB } = memoryOf(server.pid)
      figures.add({ name: 'idle memory (RSS)', unit: 'MiB', compare: 'difference' }, target.name, rssMiB)
      figures.add({ name: 'of which private (USS)', unit: 'MiB', compare: 'difference' }, target.name, privateMiB)
      await server.stop()
    }
  }
}

async function calls(figures: Figures, all: readonly Target[], rounds: number): Promise<void> {
  for (const transport of ['sse', 'mcp'] as const) {
    const targets = all.filter(({ paths }) => paths[transport] !== undefined)
    await withServers(targets, transport, async (servers) => {
      for (const sessions of [1, 16, 64]) {
        const name = `CPU per call, ${transportNames[transport]}, ${sessions} session${sessions === 1 ? '' : 's'}`
        await pairedCpu(figures, name, servers, { transport, sessions, params: call, rounds })
      }
      const name = `CPU per call, ${transportNames[transport]}, 64 KiB, 4 sessions`
      await pairedCpu(figures, name, servers, { transport, sessions: 4, params: largeCall, rounds })
    })
  }
}

/** Starts the servers and makes calls until their code is compiled; stops them after `use`. */
export async function withServers(
  targets: readonly Target[],
  transport: Transport,
  use: (servers: ReadonlyMap<string, Running>) => Promise<void>,
): Promise<void> {
  const servers = new Map<string, Running>()
  try {
    for (const target of targets) {
      const server = await start(target)
      servers.set(target.name, server)
      const sessions = await openSessions(server, transport, 16)
      await load(sessions, call, warmUp)
      for (const session of sessions) session.close()
    }
    await use(servers)
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

/** CPU time of the server for each call; the servers take turns within each round. */
export async function pairedCpu(
  figures: Figures,
  name: string,
  servers: ReadonlyMap<string, Running>,
  at: { transport: Transport; sessions: number; params?: string; rounds: number },
): Promise<void> {
  const open = new Map<string, Session[]>()
  for (const [target, server] of servers) open.set(target, await openSessions(server, at.transport, at.sessions))
  for (let round = -1; round < at.rounds; round++) {
    for (const [target, server] of servers) {
      const before = cpuUs(server.pid)
      const { length } = await load(open.get(target) ?? [], at.params ?? call, window)
      if (round >= 0) figures.add({ name, unit: 'µs', compare: 'ratio' }, target, (cpuUs(server.pid) - before) / length)
    }
  }
  for (const session of [...open.values()].flat()) session.close()
}

async function openSessions(server: Running, transport: Transport, count: number): Promise<Session[]> {
  const sessions: Session[] = []
  for (let i = 0; i < count; i++) sessions.push(await server.open(transport))
  return sessions
}

async function sessionsAndCycles(figures: Figures, target: Target, size: Size): Promise<void> {
  const transport = target.paths.sse === undefined ? 'mcp' : 'sse'
  const server = await start(target)
  try {
    await pause(settleMs)
    const before = memoryOf(server.pid).rssMiB
    const held: Session[] = []
    await inLanes(size.sessions, async () => {
      const session = await server.open(transport)
      held.push(session)
      void session.rest().catch(() => {})
    })
    await pause(2 * settleMs)
    const kib = ((memoryOf(server.pid).rssMiB - before) * 1024) / size.sessions
    figures.add(
      { name: `memory per idle session at ${size.sessions.toLocaleString('en-US')}`, unit: 'KiB', compare: undefined },
      target.name,
      kib,
    )
    for (const session of held) session.close()
  } finally {
    await server.stop()
  }
  const again = await start(target)
  try {
    await inLanes(size.cycles, async () => {
      const session = await again.open(transport)
      await session.call(call)
      await session.leave()
    })
    await pause(2 * settleMs)
    const name = `memory after ${size.cycles.toLocaleString('en-US')} × connect, call, leave (RSS)`
    figures.add({ name, unit: 'MiB', compare: 'difference' }, target.name, memoryOf(again.pid).rssMiB)
  } finally {
    await again.stop()
  }
}

async function inLanes(count: number, work: () => Promise<void>): Promise<void> {
  let started = 0
  const lane = async (): Promise<void> => {
    while (started++ < count) await work()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** The first lines of an error, short enough for a cell of a table. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.trim().split('\n').slice(0, 2).join(' ').replaceAll('|', '\\|').slice(0, 200)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
