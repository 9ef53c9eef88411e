// A file or folder that the sandbox has opened and approved. Everything done with it goes through its descriptor, never through its name.
import { type BigIntStats, constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises'
import { ToolError } from '../../../protocol/index.ts'
import type { Location } from './location.ts'
import { type RawPath, rawBytes, rawFromBytes } from './raw-path.ts'
import type { RealRoot, Refused, Sandbox } from './sandbox.ts'

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

export type FileKind = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'device'

export class Pinned {
  /** Where it really lies, links resolved. */
  readonly location: Location
  readonly stat: BigIntStats
  readonly kind: FileKind
  readonly #sandbox: Sandbox
  readonly #handle: FileHandle
  readonly #roots: readonly RealRoot[]

  constructor(sandbox: Sandbox, handle: FileHandle, roots: readonly RealRoot[], location: Location, stat: BigIntStats) {
    this.#sandbox = sandbox
    this.#handle = handle
    this.#roots = roots
    this.location = location
    this.stat = stat
    this.kind = kindOf(stat)
  }

  get #path(): string {
    return `/proc/self/fd/${this.#handle.fd}`
  }

  /**
   * Opens the pinned file itself for reading. The caller closes the handle.
   * @throws ToolError FORBIDDEN when it is no regular file, has another name, or its permissions refuse
   */
  async read(): Promise<FileHandle> {
    if (this.kind !== 'file') throw new ToolError('FORBIDDEN', `it is a ${this.kind}; only regular files are read`)
    if (this.#sandbox.denyHardLinks && this.stat.nlink > 1n) {
      throw new ToolError(
        'FORBIDDEN',
        `the file has ${this.stat.nlink} names (hard links), and this server reads only files with one`,
      )
    }
    try {
      return await open(this.#path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    } catch (error) {
      throw permission(error)
    }
  }

  /** The names in the pinned folder, in the order in which the file system has them. */
  async *names(signal: AbortSignal): AsyncGenerator<RawPath> {
    let folder: Awaited<ReturnType<typeof opendir>>
    try {
      folder = await opendir(this.#path, { encoding: 'buffer' as BufferEncoding, bufferSize: 256 })
    } catch (error) {
      throw permission(error)
    }
    for await (const entry of folder) {
      signal.throwIfAborted()
      yield rawFromBytes(entry.name as unknown as Buffer)
    }
  }

  /** Of the entry itself, not of what a link leads to. A folder may be listable and yet tell nothing of its entries. */
  async lstat(name: RawPath): Promise<Stats | 'vanished' | 'unreadable'> {
    try {
      return await lstat(rawBytes(`${this.#path}/${name}`))
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'vanished' : 'unreadable'
    }
  }

  /** Pins a subfolder, but no link to one. */
  enter(name: RawPath): Promise<Pinned | Refused> {
    return this.#sandbox.open(`${this.#path}/${name}`, O_DIRECTORY | O_NOFOLLOW, this.#roots, this)
  }

  /** Pins what an entry leads to. */
  follow(name: RawPath): Promise<Pinned | Refused> {
    return this.#sandbox.open(`${this.#path}/${name}`, 0, this.#roots, this)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

export function kindOf(stat: Stats | BigIntStats): FileKind {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  return stat.isSocket() ? 'socket' : 'device'
}

/** In seconds; `unknown` for what lies beyond the calendar: any writer can set such a time, and it must not break a listing. */
export function showTime(mtimeMs: number): string {
  const time = new Date(mtimeMs)
  return Number.isNaN(time.getTime()) ? 'unknown' : time.toISOString().replace(/\.\d+Z$/, 'Z')
}

function permission(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'EACCES' && code !== 'EPERM') return error
  return new ToolError('FORBIDDEN', 'its permissions do not let this server read it', { cause: error })
}
