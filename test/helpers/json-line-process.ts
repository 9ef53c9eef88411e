// A child process that prints JSON lines: start it, wait for the line that a test needs, and end it with the test.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { withDeadline } from '../../servers/kit/waiting.ts'

export type Line = Readonly<Record<string, unknown>>

const repository = fileURLToPath(new URL('../..', import.meta.url))
const running = new Set<JsonLineProcess>()
process.on('exit', () => {
  for (const { process: child } of running) child.kill('SIGKILL')
})

interface Waiting {
  matches: (line: Line) => boolean
  resolve: (line: Line) => void
  reject: (error: Error) => void
}

export class JsonLineProcess {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Every JSON line so far, oldest first. */
  readonly lines: Line[] = []
  /** Resolves with the exit code, or null after a signal, when everything the process printed has been read. */
  readonly exited: Promise<number | null>
  readonly #text = { stdout: '', stderr: '' }
  #waiting: Waiting[] = []
  #failure = ''
  #closed = false

  /**
   * @param env variables added to `base` @param reads which output holds the JSON lines; the other is kept for error messages
   * @param base the environment of this process unless another is given
   */
  constructor(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    reads: 'stdout' | 'stderr' = 'stdout',
    base: NodeJS.ProcessEnv = process.env,
  ) {
    this.process = spawn(command, args, { cwd: repository, env: { ...base, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(this)
    this.process.once('exit', () => running.delete(this))
    this.process.once('error', (error) => {
      this.#failure = `${error.message}\n`
    })
    this.exited = new Promise((resolve) =>
      this.process.once('close', (code, signal) => {
        this.#closed = true
        for (const { reject } of this.#waiting) reject(new Error(`ended (${code ?? signal}):\n${this.output}`))
        resolve(code)
      }),
    )
    this.process.stdin.on('error', () => {}) // the child may end first
    for (const name of ['stdout', 'stderr'] as const) {
      this.process[name].setEncoding('utf8').on('data', (chunk: string) => (this.#text[name] += chunk))
    }
    createInterface(this.process[reads]).on('line', (text) => this.#read(text))
  }

  get stdout(): string {
    return this.#text.stdout
  }

  get stderr(): string {
    return this.#text.stderr
  }

  /** The end of everything that the process printed, for error messages. */
  get output(): string {
    return `${this.#failure}${this.stdout}${this.stderr}`.slice(-8_000)
  }

  get ended(): boolean {
    const { pid, exitCode, signalCode } = this.process
    return pid === undefined || exitCode !== null || signalCode !== null
  }

  /** The next line that `matches`, from index `from` on. Rejects when the child ends first or after `limitMs`. */
  async line(what: string, matches: (line: Line) => boolean, from = 0, limitMs = 15_000): Promise<Line> {
    const seen = this.lines.slice(from).find(matches)
    if (seen !== undefined) return seen
    if (this.#closed) throw new Error(`ended before ${what}:\n${this.output}`)
    const late = (): Error => new Error(`no ${what} within ${limitMs} ms:\n${this.output}`)
    return withDeadline(
      { ms: limitMs, late },
      () => new Promise<Line>((resolve, reject) => this.#waiting.push({ matches, resolve, reject })),
    )
  }

  /** Lets this process end although the child still runs; the child is then killed. */
  unref(): void {
    this.process.unref()
    for (const pipe of [this.process.stdin, this.process.stdout, this.process.stderr]) (pipe as unknown as Socket).unref()
  }

  /** Sends the signal, SIGKILL 5 s later if the child still runs, and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGKILL', graceMs = 5_000): Promise<number | null> {
    if (!this.ended) this.process.kill(signal)
    const late = setTimeout(() => this.process.kill('SIGKILL'), graceMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(late)
    }
  }

  #read(text: string): void {
    const line = parse(text)
    if (line === undefined) return
    this.lines.push(line)
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      const found = matches(line)
      if (found) resolve(line)
      return !found
    })
  }
}

function parse(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Line) : undefined
  } catch {
    return undefined // a warning of Node's or a stack
  }
}
