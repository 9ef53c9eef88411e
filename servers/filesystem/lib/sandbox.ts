// The sandbox: everything is opened first and checked afterwards, by what was really opened.
//
// Checking a path and then opening it is a race: a link that is exchanged in between leads outside. Here a name is opened with O_PATH, which
// holds an inode without reading it, waking a FIFO's writer or touching a device. /proc/self/fd says which path it really has, and only after
// that was checked, the same inode is opened for reading through /proc/self/fd. No name is resolved a second time.
import { type BigIntStats, constants, opendir, opendirSync, readdirSync, realpath } from 'node:fs'
import { promisify } from 'node:util'
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import { sleep } from '../../kit/waiting.ts'
import { permissionError, refusedBy } from '../errors.ts'
import type { Cancellable, Deny, FileKind, Location, Refused, Root } from '../types.ts'
import {
  asyncOps,
  descriptorPath,
  type FileOps,
  isKernelFile,
  isLocal,
  isLocalEntry,
  localRealPath,
  nameOf,
  O_PATH,
  openByNames,
  pathOf,
  syncOps,
} from './file-ops.ts'
import { foldPath } from './glob.ts'
import { isBelow, pathArgument, type RawPath, rawPath, segmentsOf } from './raw-path.ts'

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** How often a name is opened again when the file behind it was replaced in between. */
const maxRetries = 8
/** How long the real paths of the roots are used. */
const rootsKeptMs = 1_000
/** How long the other roots are waited for: a file system that does not answer must not keep files elsewhere from being read. */
const otherRootsMs = 100
/** Something that is missing makes the roots be resolved again, but not more often than this: one path may have hundreds of interpretations. */
const rootsRecheckMs = 100
/** Larger files are read asynchronously on every file system: a disk may take milliseconds for each part. */
const maxSyncReadBytes = 256 * 1024
/** A folder of at most this size has at most some thousand names, which are read in one call. On ZFS the size is the number of names. */
const maxSmallFolderBytes = 8 * 1024
/** Names of a folder that are read before other calls get a turn. */
const namesInTurn = 512

export interface SandboxRules {
  readonly deny: Deny
  readonly allowHidden: boolean
  readonly denyHardLinks: boolean
}

/** A root and its real path: the operator may move a link above it at any time, as Kubernetes does. */
export interface RealRoot {
  readonly root: Root
  readonly real: RawPath
}

/** From where something is opened: its root names what is found. */
export interface Origin {
  readonly location: Location
  /** All roots, as they were when the call began. */
  readonly roots: readonly RealRoot[]
}

export class Sandbox {
  readonly roots: readonly Root[]
  readonly rules: SandboxRules
  #realRoots: readonly RealRoot[] = []
  #realRootsAt = Number.NEGATIVE_INFINITY
  /** Real paths that were asked for and have not come yet: one thread of the process at most is held for each root. */
  readonly #resolving = new Map<Root, { readonly real: Promise<RealRoot | undefined>; readonly lateAt: number }>()
  /** Devices whose file system is not a pseudo one; forgotten with the real paths of the roots. */
  readonly #checkedDevices = new Set<bigint>()

  constructor(roots: readonly Root[], rules: SandboxRules) {
    this.roots = roots
    this.rules = rules
  }

  /**
   * Opens what the location leads to. The caller closes it.
   * @throws ToolError UPSTREAM_UNREACHABLE when the root itself does not exist
   */
  async open(location: Location): Promise<OpenEntry | Refused> {
    const refused = this.check(rawPath(location.root.path), location.segments)
    if (refused !== undefined) return refused
    const age = monotonicMs() - this.#realRootsAt
    if (age >= rootsKeptMs) await this.#resolveRoots(location.root)
    let found = await this.#openBelow(location)
    // The root may have moved within the time that its real path is remembered.
    if (!(found instanceof OpenEntry) && age < rootsKeptMs && (age >= rootsRecheckMs || found === undefined)) {
      await this.#resolveRoots(location.root)
      found = await this.#openBelow(location)
    }
    if (found === undefined) {
      throw new ToolError('UPSTREAM_UNREACHABLE', `root "${location.root.label}" does not exist, or may not be entered`)
    }
    return found
  }

  /** Runs `work` with what the location leads to; undefined when that may not be opened. @throws like `open`, and what `work` throws */
  async use<T>(location: Location, work: (entry: OpenEntry) => Promise<T> | T): Promise<T | undefined> {
    const entry = await this.open(location)
    if (!(entry instanceof OpenEntry)) return undefined
    try {
      return await work(entry)
    } finally {
      await entry.close()
    }
  }

  /** Undefined when the root does not exist. */
  async #openBelow(location: Location): Promise<OpenEntry | Refused | undefined> {
    const from = { location, roots: this.#realRoots }
    const base = from.roots.find(({ root }) => root === location.root)?.real
    if (base === undefined) return undefined
    const path = [base === '/' ? '' : base, ...location.segments].join('/') || '/'
    if (isLocal(path)) {
      const entry = await this.openChecked(() => openByNames(base, location.segments), from, syncOps)
      if (entry instanceof OpenEntry) return entry // what is refused here, such as a link, is to be opened asynchronously
    }
    return this.openChecked(() => asyncOps.open(pathArgument(path), O_PATH), from, asyncOps)
  }

  /**
   * Opens something with O_PATH and checks what it got. For this folder's own use: it must be reached from a real root or an open entry.
   * @throws ToolError UPSTREAM_ERROR when the file system fails
   */
  async openChecked(open: () => number | Promise<number>, from: Origin, ops: FileOps): Promise<OpenEntry | Refused> {
    for (let attempt = 0; attempt < maxRetries; attempt++) {
      let fd: number | undefined
      try {
        fd = await open()
        const entry = await this.#checkOpened(fd, from, ops)
        if (entry === 'replaced') continue
        if (entry instanceof OpenEntry) fd = undefined // its owner closes it
        return entry
      } catch (error) {
        return refusedBy(error)
      } finally {
        if (fd !== undefined) await ops.close(fd)
      }
    }
    return 'missing'
  }

  /** Checks a path below `base` by its letters; each folder on the way counts too, except the first `checked` ones. */
  check(base: RawPath, segments: readonly RawPath[], checked = 0): 'denied' | 'hidden' | undefined {
    if (!this.rules.allowHidden && segments.some((segment) => segment.startsWith('.'))) return 'hidden'
    const above = foldPath(segmentsOf(base))
    let relative = foldPath(segments.slice(0, checked))
    for (const segment of segments.slice(checked)) {
      relative += foldPath([segment])
      if (this.rules.deny(relative, above + relative)) return 'denied'
    }
    return undefined
  }

  async #checkOpened(fd: number, from: Origin, ops: FileOps): Promise<OpenEntry | Refused | 'replaced'> {
    const opened = pathOf(fd)
    const homes = from.roots.filter((root) => isBelow(root.real, opened)).sort((a, b) => b.real.length - a.real.length)
    const home = homes.find(({ root }) => root === from.location.root) ?? homes[0]
    if (home === undefined) return 'outside'
    const stat = await ops.stat(fd)
    if (stat.isSymbolicLink()) return 'outside' // opened with O_NOFOLLOW
    const path = await nameOf(opened, stat)
    if (path === undefined) return 'replaced'
    // The rules of every root apply that the file lies below.
    for (const { real } of homes) {
      // open() has checked this very path, unless links led elsewhere.
      if (real === from.location.root.path && path === `${real}/${from.location.segments.join('/')}`) continue
      const refused = this.check(real, segmentsOf(path.slice(real.length) as RawPath))
      if (refused !== undefined) return refused
    }
    if (!this.#checkedDevices.has(stat.dev)) {
      if (await isKernelFile(fd, ops)) return 'kernel'
      this.#checkedDevices.add(stat.dev)
    }
    const location = { root: home.root, segments: segmentsOf(path.slice(home.real.length) as RawPath) }
    return new OpenEntry(this, fd, ops, path, stat, { location, roots: from.roots })
  }

  async #resolveRoots(asked: Root): Promise<void> {
    const found = await Promise.all(this.roots.map((root) => this.#resolve(root, root === asked)))
    this.#realRoots = found.filter((root) => root !== undefined)
    this.#checkedDevices.clear()
    this.#realRootsAt = monotonicMs()
  }

  /**
   * The real path of a root; its last one, where it is not the asked root and does not answer in time. Undefined for a root that does not
   * exist now: it contains nothing, and open() says so where it is the one asked for.
   */
  async #resolve(root: Root, isAsked: boolean): Promise<RealRoot | undefined> {
    const local = localRealPath(root.path)
    if (local !== undefined) return { root, real: local }
    let resolving = this.#resolving.get(root)
    if (resolving === undefined) {
      const found = realPathOf(root.path).then((path) => ({ root, real: path as RawPath }))
      const real = found.catch(() => undefined).finally(() => this.#resolving.delete(root))
      resolving = { real, lateAt: monotonicMs() + otherRootsMs }
      this.#resolving.set(root, resolving)
    }
    if (isAsked) return resolving.real
    const late = sleep(Math.max(0, resolving.lateAt - monotonicMs())).then(async () => {
      // The timer may be due although the answer is there, when something else kept the event loop busy.
      await new Promise((resolve) => setImmediate(resolve))
      // Without the last path the rules of the root would not apply to what lies below it.
      return this.#realRoots.find((known) => known.root === root) ?? { root, real: rawPath(root.path) }
    })
    return Promise.race([resolving.real, late])
  }
}

/** A file or folder that the sandbox has opened and checked. Everything is done through its descriptors, never through its name. */
export class OpenEntry implements Origin {
  /** Where it really lies, links resolved. */
  readonly location: Location
  readonly stat: BigIntStats
  readonly kind: FileKind
  readonly roots: readonly RealRoot[]
  readonly #sandbox: Sandbox
  readonly #fd: number
  readonly #path: string
  readonly #ops: FileOps
  readonly #realPath: RawPath
  /** Once something was read: the descriptor that is open for reading. */
  #reading: number | undefined

  constructor(sandbox: Sandbox, fd: number, ops: FileOps, realPath: RawPath, stat: BigIntStats, { location, roots }: Origin) {
    this.location = location
    this.stat = stat
    this.kind = kindOf(stat)
    this.roots = roots
    this.#sandbox = sandbox
    this.#fd = fd
    this.#path = descriptorPath(fd)
    this.#ops = ops
    this.#realPath = realPath
  }

  get #readOps(): FileOps {
    return this.stat.size <= maxSyncReadBytes ? this.#ops : asyncOps
  }

  /**
   * Fills the buffer from `position` on, as far as the file goes.
   * @returns the bytes that were read
   * @throws ToolError FORBIDDEN when it is not a regular file, has another name, or its permissions refuse
   */
  async read(buffer: Buffer, position: number): Promise<number> {
    this.#reading ??= await this.#openForReading()
    for (let filled = 0; ; ) {
      const count = await this.#readOps.read(this.#reading, buffer, filled, buffer.length - filled, position + filled)
      filled += count
      if (count === 0 || filled === buffer.length) return filled
    }
  }

  /** The bytes of a part of the file, fewer where the file is shorter. @throws like `read` */
  async part(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    return bytes.subarray(0, await this.read(bytes, position))
  }

  async #openForReading(): Promise<number> {
    if (this.kind !== 'file') throw new ToolError('FORBIDDEN', `it is a ${this.kind}; only regular files are read`)
    if (this.#sandbox.rules.denyHardLinks && this.stat.nlink > 1n) {
      throw new ToolError(
        'FORBIDDEN',
        `the file has ${this.stat.nlink} names (hard links), and this server reads only files with one`,
      )
    }
    try {
      return await this.#readOps.open(this.#path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    } catch (error) {
      throw permissionError(error)
    }
  }

  /** What the file system says of it now. */
  async statNow(): Promise<BigIntStats> {
    return this.#readOps.stat(this.#fd)
  }

  /** The names in the folder, in the order of the file system. */
  async *names(context: Cancellable): AsyncGenerator<RawPath> {
    const isSync = this.#ops === syncOps
    const options = { encoding: 'latin1' as const, bufferSize: 256 }
    try {
      if (isSync && this.stat.size <= maxSmallFolderBytes) return yield* readdirSync(this.#path, 'latin1') as RawPath[]
      const folder = isSync ? opendirSync(this.#path, options) : await openFolder(this.#path, options)
      try {
        for (let i = 1; ; i++) {
          const entry = isSync ? folder.readSync() : await folder.read()
          if (entry === null) return
          if (i % namesInTurn === 0) {
            context.signal.throwIfAborted()
            await new Promise((resolve) => setImmediate(resolve))
          }
          yield entry.name as RawPath
        }
      } finally {
        if (isSync) folder.closeSync()
        else await folder.close()
      }
    } catch (error) {
      throw permissionError(error)
    }
  }

  /** Of the entry itself, not of what a link leads to. A folder may be listable although its entries are unreadable. */
  async lstat(name: RawPath): Promise<BigIntStats | 'vanished' | 'unreadable'> {
    try {
      return await this.#opsFor(name).lstat(pathArgument(`${this.#path}/${name}`))
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'vanished' : 'unreadable'
    }
  }

  /** Opens a subfolder, but no link to one. */
  enter(name: RawPath): Promise<OpenEntry | Refused> {
    return this.#openIn(name, O_PATH | O_DIRECTORY | O_NOFOLLOW, this.#opsFor(name))
  }

  /** Opens what an entry leads to. */
  follow(name: RawPath): Promise<OpenEntry | Refused> {
    return this.#openIn(name, O_PATH, asyncOps)
  }

  #openIn(name: RawPath, flags: number, ops: FileOps): Promise<OpenEntry | Refused> {
    const path = pathArgument(`${this.#path}/${name}`)
    return this.#sandbox.openChecked(() => ops.open(path, flags), this, ops)
  }

  async close(): Promise<void> {
    try {
      if (this.#reading !== undefined) await this.#readOps.close(this.#reading)
    } finally {
      await this.#ops.close(this.#fd)
    }
  }

  /** Another file system may be mounted on an entry of a local folder. */
  #opsFor(name: RawPath): FileOps {
    return this.#ops === syncOps && isLocalEntry(`${this.#realPath === '/' ? '' : this.#realPath}/${name}`) ? syncOps : asyncOps
  }
}

// Instead of node:fs/promises, which loads ten more modules of Node (1 ms of the start).
export const openFolder = promisify(opendir)
const realPathOf = (path: string): Promise<string> => promisify<string, 'latin1', string>(realpath.native)(path, 'latin1')

export function kindOf(stat: BigIntStats): FileKind {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  return stat.isSocket() ? 'socket' : 'device'
}
