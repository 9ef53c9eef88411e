// Starts the project's own processes and other commands.
import { spawn } from 'node:child_process'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { JsonLineProcess } from './json-line-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** A server drains its calls for up to 10 s after SIGTERM. */
const stopGraceMs = 30_000
const startLimitMs = 60_000

export interface Child {
  /** The address in its `listening` log line. */
  url: string
  process: JsonLineProcess['process']
  stdout(): string
  stderr(): string
  /** Sends the signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  exited: Promise<number | null>
}

/** The environment of a child: of this process's variables only PATH, HOME and TMPDIR, so that no variable of the machine affects a test. */
export function cleanEnv(env: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env
  return { PATH, HOME, TMPDIR, ...env }
}

export interface Launch {
  nodeFlags?: readonly string[]
  /** Folder of a cgroup that the process is in from its start. */
  group?: string | undefined
}

/** Runs `use` with a started process, and always ends the process. */
export async function withChild<T>(
  script: string,
  args: string[],
  env: Record<string, string>,
  use: (child: Child) => Promise<T>,
  how: Launch = {},
): Promise<T> {
  const child = await startChild(script, args, env, how)
  try {
    return await use(child)
  } finally {
    await child.stop('SIGKILL')
  }
}

/** @throws Error with its output when the process ends before it listens */
export async function startChild(script: string, args: string[], env: Record<string, string>, how: Launch = {}): Promise<Child> {
  const child = launch(script, args, { MCP_PORT: '0', ...env }, how)
  const { url } = await child.line('"listening"', (line) => line.message === 'listening', 0, startLimitMs)
  return {
    url: String(url),
    process: child.process,
    stdout: () => child.stdout,
    stderr: () => child.stderr,
    exited: child.exited,
    stop: (signal = 'SIGTERM') => child.stop(signal, stopGraceMs),
  }
}

/** Runs one of the project's scripts to its end. */
export async function runChild(script: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = launch(script, args, env)
  return { code: await child.exited, stdout: child.stdout, stderr: child.stderr }
}

function launch(
  script: string,
  args: string[],
  env: Record<string, string>,
  { nodeFlags = [], group }: Launch = {},
): JsonLineProcess {
  const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : []
  const enter = group === undefined ? [] : ['/bin/sh', '-c', 'echo $$ >"$0" && exec "$@"', join(group, 'cgroup.procs')]
  const [command, ...rest] = [
    ...enter,
    process.execPath,
    ...nodeFlags,
    ...loader,
    isAbsolute(script) ? script : join(root, script),
    ...args,
  ] as [string, ...string[]]
  const child = new JsonLineProcess(command, rest, cleanEnv(env), 'stderr', {})
  child.process.stdin.end()
  return child
}

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a command to its end, or kills it after `limitMs`. */
export async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  limitMs = 60_000,
): Promise<Ended> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, stdout, stderr }))
    })
  } finally {
    clearTimeout(limit)
  }
}

/** A Node of at least 22, which the official tools need: this one, or the one that OCTET_TEST_NODE22 names. */
export const node22 = Number(process.versions.node.split('.')[0]) >= 22 ? process.execPath : process.env.OCTET_TEST_NODE22

/** Waits until something is so, at most `ms`. */
export async function until(met: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`not so within ${ms} ms: ${met}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
