// Starts one of the project's own processes and waits until it says where it listens.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Child {
  /** What its `listening` log line says. */
  url: string
  process: ChildProcess
  stdout(): string
  stderr(): string
  /** Sends the signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  exited: Promise<number | null>
}

/** The environment of a child: only PATH and HOME of ours, so that no variable of the machine leaks into a test. */
export function cleanEnv(env: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env
  return { PATH, HOME, TMPDIR, ...env }
}

export interface Launch {
  nodeFlags?: readonly string[]
  /** Folder of a cgroup that the process is in from its first byte on. */
  group?: string | undefined
}

/** Runs `use` with a started process, and ends the process whatever happens. */
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
    if (child.process.exitCode === null && child.process.signalCode === null) await child.stop('SIGKILL')
  }
}

/** @throws Error with its output when the process ends before it listens */
export async function startChild(script: string, args: string[], env: Record<string, string>, how: Launch = {}): Promise<Child> {
  const { child, stdout, stderr, exited } = launch(script, args, { MCP_PORT: '0', ...env }, how)
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', () => {
      const line = stderr()
        .split('\n')
        .find((text) => text.includes('"message":"listening"'))
      if (line !== undefined) resolve(JSON.parse(line).url)
    })
    void exited.then((code) => reject(new Error(`exited with ${code} before it listened:\n${stderr()}`)))
  })
  return {
    url,
    process: child,
    stdout,
    stderr,
    exited,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return exited
    },
  }
}

/** Runs a process to its end. */
export async function runChild(script: string, args: string[], env: Record<string, string> = {}) {
  const { stdout, stderr, exited } = launch(script, args, env)
  return { code: await exited, stdout: stdout(), stderr: stderr() }
}

function launch(script: string, args: string[], env: Record<string, string>, { nodeFlags = [], group }: Launch = {}) {
  const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : []
  const enter = group === undefined ? [] : ['/bin/sh', '-c', 'echo $$ >"$0" && exec "$@"', join(group, 'cgroup.procs')]
  const [command, ...rest] = [...enter, process.execPath, ...nodeFlags, ...loader, script, ...args] as [string, ...string[]]
  const child = spawn(command, rest, {
    cwd: root,
    env: cleanEnv(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, stdout: () => out, stderr: () => err, exited }
}
