// The process under test: the bundle that is shipped, with the flags of its image, all servers that have a backend here, and what can be
// measured and done to it from outside.
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleServers } from '../../scripts/bundle.ts'
import { repository } from '../../servers/kit/sql/test/running.ts'
import { cleanEnv, run } from '../helpers/child.ts'
import { imageFlags } from '../helpers/image.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { send } from '../helpers/wire.ts'
import { adminCommand } from './admin-command.ts'
import { type Backends, openBackends } from './backends.ts'
import { FailingDisk, SmallDisk } from './disks.ts'
import type { TrailRecord } from './ledger.ts'
import { type Network, openNetwork } from './network.ts'

/** MCP_TOOL_TIMEOUT_MS. */
export const deadlineMs = 3_000
/** docs/operate.md: for all servers in one process. */
const nodeFlags = [...imageFlags, '--max-old-space-size=96']
const auditKey = 'for-tests-only-for-tests-only'

/**
 * Shifts the clock of a process by the milliseconds that a file holds when SIGUSR2 comes. The system's clock is not ours to set. Only Date is
 * shifted, as by a step of the system clock: Node's timers and performance.now() use CLOCK_MONOTONIC, which no step changes (clock_gettime(2)).
 */
const clockSource = `
  const { readFileSync } = require('node:fs')
  const Real = Date
  let shift = 0
  globalThis.Date = class Date extends Real {
    constructor(...args) { if (args.length === 0) super(Real.now() + shift); else super(...args) }
    static now() { return Real.now() + shift }
  }
  process.on('SIGUSR2', () => { shift = Number(readFileSync(process.env.OCTET_TEST_CLOCK, 'utf8')) })`

/** Where the audit trail of a process is written. */
export type Disk = 'plain' | 'small' | 'failing'

export interface Start {
  readonly required: boolean
  readonly disk: Disk
}

interface Disks {
  small: SmallDisk | undefined
  failing: FailingDisk | undefined
}

export interface Measured {
  readonly residentMiB: number
  readonly descriptors: number
}

export class System {
  readonly token = randomBytes(16).toString('hex')
  readonly network: Network
  readonly backends: Backends
  readonly servers: readonly string[]
  readonly #folder: string
  readonly #disks: Disks
  readonly #clean: () => void
  #child: JsonLineProcess | undefined
  #started: Start = { required: true, disk: 'plain' }
  #url = ''
  /** Lines of the log of processes that have ended. */
  readonly #log: Record<string, unknown>[] = []

  private constructor(folder: string, network: Network, backends: Backends, disks: Disks, clean: () => void) {
    this.#clean = clean
    this.#folder = folder
    this.network = network
    this.backends = backends
    this.servers = backends.works.map(({ server }) => server)
    this.#disks = disks
  }

  /** Everything but the process itself. */
  static async open(): Promise<System> {
    const folder = mkdtempSync(join(tmpdir(), 'octet-faults-'))
    chmodSync(folder, 0o755)
    const network = openNetwork()
    const disks: Disks = { small: undefined, failing: undefined }
    const clean = (): void => closeAll(folder, network, disks)
    process.once('exit', clean)
    try {
      await bundleServers(join(folder, 'dist'))
      symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules')) // the browser's library is not in the bundle
      writeFileSync(join(folder, 'clock.cjs'), clockSource)
      mkdirSync(join(folder, 'plain'))
      if (network.canCut) {
        disks.small = new SmallDisk(join(folder, 'small'))
        if (FailingDisk.unavailable === undefined) disks.failing = new FailingDisk(join(folder, 'failing'))
      }
      const backends = await openBackends(folder, network.backendHost)
      return new System(folder, network, backends, disks, clean)
    } catch (error) {
      process.removeListener('exit', clean)
      clean()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#child?.stop('SIGKILL')
    await this.backends.close()
    process.removeListener('exit', this.#clean)
    this.#clean()
  }

  get url(): string {
    return this.#url
  }

  get pid(): number {
    return this.#child?.process.pid ?? 0
  }

  get ended(): boolean {
    return this.#child?.ended ?? true
  }

  get started(): Start {
    return this.#started
  }

  get small(): SmallDisk {
    if (this.#disks.small === undefined) throw new Error('there is no small disk here')
    return this.#disks.small
  }

  get failing(): FailingDisk {
    if (this.#disks.failing === undefined) throw new Error('there is no failing disk here')
    return this.#disks.failing
  }

  /** Every JSON line of the log so far. */
  get log(): readonly Record<string, unknown>[] {
    return [...this.#log, ...(this.#child?.lines ?? [])]
  }

  /** The end of what the process printed. */
  get output(): string {
    return this.#child?.output ?? ''
  }

  /** Trails with AUDIT_REQUIRED and without are files of their own. */
  get trail(): string {
    return join(this.#folder, this.#started.disk, `${this.#started.required ? 'required' : 'optional'}.jsonl`)
  }

  async start(how: Start): Promise<void> {
    this.#started = how
    const [command, ...args] = [
      ...this.network.enter,
      ...[process.execPath, ...nodeFlags, '--require', join(this.#folder, 'clock.cjs')],
      ...[join(this.#folder, 'dist/octet.cjs'), 'serve', ...this.servers],
    ] as [string, ...string[]]
    const env = {
      ...{ MCP_HOST: this.network.ownHost, MCP_PORT: '0', MCP_AUTH_TOKEN: this.token, MCP_TOOL_TIMEOUT_MS: String(deadlineMs) },
      ...{ MCP_RATE_LIMIT: '1000000', OCTET_TEST_CLOCK: this.#clockFile, TMPDIR: this.#folder },
      ...{ AUDIT_FILE: this.trail, AUDIT_KEY: auditKey, AUDIT_REQUIRED: String(how.required) },
      // Small files, so that they are rotated often, and as many as there are, so that no record is rotated away.
      ...{ AUDIT_MAX_BYTES: '300000', AUDIT_MAX_FILES: '1000' },
      ...this.backends.env,
    }
    this.#log.push(...(this.#child?.lines ?? []))
    this.#child = new JsonLineProcess(command, args, cleanEnv(env), 'stderr', {})
    this.#child.process.stdin.end()
    const { url } = await this.#child.line('"listening"', ({ message }) => message === 'listening', 0, 30_000)
    this.#url = String(url)
  }

  /** Resolves with the exit code, or null after a signal. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    return (await this.#child?.stop(signal, 30_000)) ?? null
  }

  measure(): Measured {
    const [, kiB = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? []
    return { residentMiB: Number(kiB) / 1_024, descriptors: this.descriptors }
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** The soft limit of open files. */
  limitDescriptors(soft: number | 'as before'): void {
    const [, before = '1024', hard = ''] =
      /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/limits`, 'utf8')) ?? []
    if (soft === 'as before') this.#limit(this.#descriptorsBefore ?? before, hard)
    else {
      this.#descriptorsBefore = before
      this.#limit(String(soft), hard)
    }
  }

  #descriptorsBefore: string | undefined

  #limit(soft: string, hard: string): void {
    adminCommand('prlimit', '--pid', String(this.pid), `--nofile=${soft}:${hard}`)
  }

  get #clockFile(): string {
    return join(this.#folder, 'clock')
  }

  /** Sets the clock of the process to the real time and so many milliseconds. */
  shiftClock(ms: number): void {
    writeFileSync(this.#clockFile, String(ms))
    process.kill(this.pid, 'SIGUSR2')
  }

  /** Kills the browser, whose processes are descendants of the process. */
  killBrowser(): number {
    const children = (pid: number): number[] => {
      try {
        const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
        return own.flatMap((child) => [child, ...children(child)])
      } catch {
        return [] // it has ended
      }
    }
    const all = children(this.pid)
    for (const pid of all) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // it has ended with its parent
      }
    }
    return all.length
  }

  async ready(): Promise<{ status: number; body: any }> {
    const { status, text } = await send(`${this.#url}/ready`, { headers: { authorization: `Bearer ${this.token}` } })
    return { status, body: JSON.parse(text) }
  }

  /** The files of the present trail, oldest first. */
  get trailFiles(): string[] {
    const base = this.trail
    const numbered = readdirSync(dirname(base)).flatMap((name) => {
      const path = join(dirname(base), name)
      const number = path.startsWith(`${base}.`) ? Number(path.slice(base.length + 1)) : Number.NaN
      return Number.isInteger(number) ? [{ path, number }] : []
    })
    const old = numbered.sort((a, b) => b.number - a.number).map(({ path }) => path)
    return existsSync(base) ? [...old, base] : old
  }

  records(): TrailRecord[] {
    return this.trailFiles.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as TrailRecord])),
    )
  }

  /** `octet audit verify` of the present trail. */
  async verify(): Promise<{ code: number | null; stdout: string }> {
    const args = [join(this.#folder, 'dist/octet.cjs'), 'audit', 'verify', ...this.trailFiles]
    return run(process.execPath, args, cleanEnv({ AUDIT_KEY: auditKey }))
  }
}

function closeAll(folder: string, network: Network, { small, failing }: Disks): void {
  const steps = [
    () => small?.remove(),
    () => failing?.remove(),
    () => network.remove(),
    () => rmSync(folder, { recursive: true, force: true }),
  ]
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      console.error(error) // the others are still to be removed
    }
  }
}
