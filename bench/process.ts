// Starts one server of the benchmarks and reads from /proc (Linux) what its process tree uses.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { type Endpoint, Session, type Transport } from './client.ts'

export interface Target {
  readonly name: string
  /** Program and arguments; `PORT` in them and in `env` stands for the port to listen on. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Path of each transport that the server has. */
  readonly paths: Partial<Record<Transport, string>>
  readonly headers?: string
}

export interface Running {
  readonly pid: number
  /** Milliseconds from `spawn` to the first answered `initialize`. */
  readonly readyMs: number
  url(transport: Transport): string
  open(transport: Transport): Promise<Session>
  stop(): Promise<void>
}

export interface Memory {
  readonly rssMiB: number
  /** What no other process shares (USS). */
  readonly privateMiB: number
}

const startMs = 60_000
const stopMs = 2_000
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const { pid = 0 } of running) kill(treeOf(pid))
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Resolves when the server has answered `initialize`. Rejects with the end of its output when it does not within a minute. */
export async function start(target: Target): Promise<Running> {
  const port = await freePort()
  const fill = (text: string): string => text.replaceAll('PORT', String(port))
  const [program = '', ...args] = target.command.map(fill)
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NODE_ENV: 'production' }
  for (const [name, value] of Object.entries(target.env ?? {})) env[name] = fill(value)
  const started = performance.now()
  const child = spawn(program, args, { cwd: tmpdir(), env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let output = ''
  let ended = false
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (text) => (output = `${output}${text}`.slice(-2_000)))
  child.on('error', (error) => (output += error.message))
  const closed = new Promise<void>((resolve) =>
    child.once('close', () => {
      ended = true
      running.delete(child)
      resolve()
    }),
  )
  const pid = child.pid ?? 0
  // As an operator stops it: Octet gives back the lock of its audit file, for which its next start would wait after a crash.
  const stop = async (): Promise<void> => {
    const tree = treeOf(pid)
    child.kill('SIGTERM')
    const late = setTimeout(() => kill([...tree, ...treeOf(pid)]), stopMs)
    await closed
    clearTimeout(late)
    kill(tree)
  }
  const pathOf = (transport: Transport): string => target.paths[transport] ?? ''
  const url = (transport: Transport): string => `http://127.0.0.1:${port}${pathOf(transport)}`
  const open = (transport: Transport): Promise<Session> => {
    const endpoint: Endpoint = { port, path: pathOf(transport), headers: target.headers ?? '' }
    return Session.open(transport, endpoint)
  }
  const transport = target.paths.sse === undefined ? 'mcp' : 'sse'
  for (;;) {
    try {
      const session = await open(transport)
      const readyMs = performance.now() - started
      await session.leave()
      return { pid, readyMs, url, open, stop }
    } catch (error) {
      if (ended || performance.now() - started > startMs) {
        await stop()
        throw new Error(`${target.name} does not start: ${(error as Error).message}\n${output}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

/** Memory of the process tree, summed. */
export function memoryOf(pid: number): Memory {
  let rss = 0
  let uss = 0
  for (const each of treeOf(pid)) {
    const rollup = read(`/proc/${each}/smaps_rollup`)
    const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
    rss += kib('Rss')
    uss += kib('Private_Clean') + kib('Private_Dirty')
  }
  return { rssMiB: rss / 1024, privateMiB: uss / 1024 }
}

/** CPU time of the process tree in microseconds: of living threads by the scheduler's clock, of ended children in ticks of 10 ms. */
export function cpuUs(pid: number): number {
  let us = 0
  for (const each of treeOf(pid)) {
    for (const thread of list(`/proc/${each}/task`))
      us += Number(read(`/proc/${each}/task/${thread}/schedstat`).split(' ')[0]) / 1000
    const fields = read(`/proc/${each}/stat`).split(') ').pop()?.split(' ') ?? []
    us += (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * 10_000
  }
  return us
}

function treeOf(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean),
  )
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))]
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/** Empty when the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as import('node:net').AddressInfo
      server.close(() => resolve(port))
    })
  })
}
