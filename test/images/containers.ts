// Containers for the tests: the engines that scripts/ci/images.sh keeps, Compose on the shipped file, and the memory of a container as the
// kernel counts it.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

export const skipContainers =
  process.env.OCTET_TEST_DOCKER === undefined ? 'Docker is not running (OCTET_TEST_DOCKER)' : undefined
/** Containers here use the host's network and reach the other tests' backends. */
export const hostEngine = process.env.OCTET_TEST_DOCKER ?? ''
/** Containers here have bridges and packet filters as in production, and reach nothing outside. */
export const networksEngine = process.env.OCTET_TEST_DOCKER_NETWORKS ?? ''

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs the docker command to its end, whatever its exit code. */
export async function docker(engine: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { PATH = '', HOME = '', OCTET_TEST_DOCKER_CONFIG: DOCKER_CONFIG = '' } = process.env
  const options = { env: { PATH, HOME, DOCKER_CONFIG, DOCKER_HOST: engine, ...env }, maxBuffer: 10_000_000, cwd: root }
  try {
    return { code: 0, ...(await run('docker', args, options)) }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: typeof code === 'number' ? code : -1, stdout, stderr: stderr === '' ? String(error) : stderr }
  }
}

/** The same, but an exit code other than 0 is an error. */
export async function dockerOk(engine: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await docker(engine, args, env)
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${code}\n${stderr}\n${stdout}`)
  return stdout.trim()
}

/** One Compose project from the shipped file and more files of test/containers; `down` removes it with its volumes. */
export class Project {
  readonly #engine: string
  readonly #args: readonly string[]
  readonly #env: Record<string, string>

  constructor(engine: string, name: string, files: readonly string[], env: Record<string, string> = {}) {
    this.#engine = engine
    this.#args = ['compose', '--project-name', name, ...files.flatMap((file) => ['-f', join(root, file)])]
    this.#env = env
  }

  run(...args: string[]): Promise<string> {
    return dockerOk(this.#engine, [...this.#args, ...args], this.#env)
  }

  try(...args: string[]): Promise<Ended> {
    return docker(this.#engine, [...this.#args, ...args], this.#env)
  }

  /** Full id of the container of a service. */
  async container(service: string): Promise<string> {
    return (await this.run('ps', '--all', '--no-trunc', '--quiet', service)).split('\n')[0] ?? ''
  }

  async down(): Promise<void> {
    await this.try('--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5')
  }
}

export interface ContainerState {
  Pid: number
  Status: string
  ExitCode: number
  OOMKilled: boolean
  Health?: { Status: string; FailingStreak: number }
}

export async function inspect(engine: string, container: string): Promise<{ State: ContainerState; RestartCount: number }> {
  return JSON.parse(await dockerOk(engine, ['inspect', container]))[0]
}

/** Memory of a container in MiB. */
export interface Memory {
  /** What cannot be given back: pages of processes, and the kernel's own for them. */
  held: number
  /** The most that was ever counted, with pages of files that the kernel drops when it needs the room. */
  peak: number
  /** Times that a process was ended because the limit was reached. */
  kills: number
}

/** Reads the cgroup of a process, of either version. */
export function memoryOf(pid: number): Memory {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const v1 = lines.find((line) => line.split(':')[1] === 'memory')
  const folder = v1 === undefined ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory'
  const path = join(folder, (v1 ?? lines.find((line) => line.startsWith('0::')) ?? '').split(':').slice(2).join(':'))
  const text = (name: string): string => readFileSync(join(path, name), 'utf8')
  const field = (name: string, key: string): number => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(text(name))?.[1] ?? 0)
  const mib = (bytes: number): number => bytes / 1_048_576
  return v1 === undefined
    ? {
        held: mib(field('memory.stat', 'anon') + field('memory.stat', 'kernel')),
        peak: mib(Number(text('memory.peak'))),
        kills: field('memory.events', 'oom_kill'),
      }
    : {
        held: mib(field('memory.stat', 'total_rss') + Number(text('memory.kmem.usage_in_bytes'))),
        peak: mib(Number(text('memory.max_usage_in_bytes'))),
        kills: field('memory.oom_control', 'oom_kill'),
      }
}

/** The most memory that could not be given back at any moment of the work, in MiB. */
export async function peakDuring(pid: number, work: Promise<unknown>): Promise<number> {
  let most = 0
  const timer = setInterval(() => {
    try {
      most = Math.max(most, memoryOf(pid).held)
    } catch {
      // the process has ended: the work fails, or the look at the container does
    }
  }, 10)
  try {
    await work
    return most
  } finally {
    clearInterval(timer)
  }
}
