// The sandbox: everything is opened first and checked afterwards, by what was really opened.
//
// Checking a path and then opening it is a race: a link that is exchanged in between leads outside. Here a name is opened with O_PATH, which
// holds an inode without reading it, waking a FIFO's writer or touching a device. /proc/self/fd says which path it really has, and only after
// that was checked, the same inode is opened for reading through /proc/self/fd. No name is resolved a second time.
import { type BigIntStats, constants, type Dir, opendir, opendirSync, readdirSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ToolError } from '../../../protocol/index.ts'
import { permissionError, refusedBy } from '../errors.ts'
import type { Deny, FileKind, Location, Refused, Root } from '../types.ts'
import { asyncOps, type FileOps, isKernelFile, Mounts, nameOf, pathOf, syncOps } from './file-ops.ts'
import { foldPath } from './glob.ts'
import { joinRaw, pathArgument, type RawPath, rawPath, segmentsOf } from './raw-path.ts'

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
/** include/uapi/asm-generic/fcntl.h, the same on every architecture Node runs on; node:fs has no name for it. */
const O_PATH = 0o10000000

/** How often a name is opened again when the file behind it was replaced in between. */
const maxRetries = 8
/** How long the real paths of the roots are used. */
const rootsKeptMs = 1_000
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

/** From where something is opened: its root names what is found, and its file system was checked. */
export interface Origin {
  readonly location: Location
  readonly stat?: BigIntStats
}

export class Sandbox {
  readonly roots: readonly Root[]
  readonly denyHardLinks: boolean
  readonly mounts = new Mounts()
  readonly #rules: SandboxRules
  #realRoots: readonly RealRoot[] = []
  #realRootsAt = Number.NEGATIVE_INFINITY
  /** Devices whose file system is not a pseudo one; forgotten with the real paths of the roots. */
  readonly #checkedDevices = new Set<bigint>()

  constructor(roots: readonly Root[], rules: SandboxRules) {
    this.roots = roots
    this.denyHardLinks = rules.denyHardLinks
    this.#rules = rules
  }

  /**
   * Opens what the location leads to. The caller closes it.
   * @throws ToolError UPSTREAM_UNREACHABLE when the root itself does not exist
   */
  async open(location: Location): Promise<OpenEntry | Refused> {
    const { root, segments } = location
    const refused = this.check(rawPath(root.path), segments)
    if (refused !== undefined) return refused
    const age = performance.now() - this.#realRootsAt
    if (age >= rootsKeptMs) await this.#resolveRoots()
    const found = await this.#openBelow(location)
    if (found instanceof OpenEntry) return found
    // The root may have moved within the time that its real path is remembered.
    const mayHaveMoved = age < rootsKeptMs && (age >= rootsRecheckMs || found === undefined)
    if (mayHaveMoved) await this.#resolveRoots()
    const again = mayHaveMoved ? await this.#openBelow(location) : found
    if (again === undefined) {
      throw new ToolError('UPSTREAM_UNREACHABLE', `root "${root.label}" does not exist, or may not be entered`)
    }
    return again
  }

  /** Undefined when the root does not exist. */
  async #openBelow({ root, segments }: Location): Promise<OpenEntry | Refused | undefined> {
    const roots = this.#realRoots
    const base = roots.find((candidate) => candidate.root === root)
    if (base === undefined) return undefined
    const from = { location: { root, segments } }
    const entry = await this.#openLocal(base.real, roots, from)
    return entry ?? this.openPath(`${base.real}/${segments.join('/')}`, 0, roots, from, asyncOps)
  }

  /**
   * Opens a path on a local file system with synchronous calls, name by name, so that no link can lead to another file system. Undefined when
   * it is not local, has a link in it, or cannot be opened: then the asynchronous way decides.
   */
  async #openLocal(base: RawPath, roots: readonly RealRoot[], from: Origin): Promise<OpenEntry | undefined> {
    if (!this.mounts.isLocal(base)) return undefined
    const { segments } = from.location
    let fd: number | undefined
    try {
      let path: string = base === '/' && segments.length > 0 ? '' : base
      for (let i = 0; i < Math.max(1, segments.length); i++) {
        if (i < segments.length) path += `/${segments[i]}`
        if (this.mounts.isForeignMount(path as RawPath)) return undefined
        const below = fd === undefined ? path : `/proc/self/fd/${fd}/${segments[i]}`
        const next = syncOps.open(pathArgument(below), O_PATH | O_NOFOLLOW) as number
        if (fd !== undefined) syncOps.close(fd)
        fd = next
      }
      if (fd === undefined) return undefined
      const checked = await this.#checkOpened(fd, roots, from, syncOps)
      if (typeof checked === 'string' || kindOf(checked.stat) === 'symlink') return undefined
      const entry = new OpenEntry(this, fd, syncOps, roots, checked)
      fd = undefined
      return entry
    } catch {
      return undefined
    } finally {
      if (fd !== undefined) syncOps.close(fd)
    }
  }

  /**
   * Opens the raw path with O_PATH and checks what it got. For this folder's own use: `path` must start at a real root or an open entry.
   * @throws ToolError UPSTREAM_ERROR when the file system fails
   */
  async openPath(
    path: string,
    flags: number,
    roots: readonly RealRoot[],
    from: Origin,
    ops: FileOps,
  ): Promise<OpenEntry | Refused> {
    for (let attempt = 0; attempt < maxRetries; attempt++) {
      let fd: number | undefined
      try {
        fd = await ops.open(pathArgument(path), O_PATH | flags)
        const checked = await this.#checkOpened(fd, roots, from, ops)
        if (checked === 'replaced') continue
        if (typeof checked === 'string') return checked
        const entry = new OpenEntry(this, fd, ops, roots, checked)
        fd = undefined
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
    if (!this.#rules.allowHidden && segments.some((segment) => segment.startsWith('.'))) return 'hidden'
    const above = foldPath(segmentsOf(base))
    let relative = foldPath(segments.slice(0, checked))
    for (const segment of segments.slice(checked)) {
      relative += foldPath([segment])
      if (this.#rules.deny(relative, above + relative)) return 'denied'
    }
    return undefined
  }

  async #checkOpened(
    fd: number,
    roots: readonly RealRoot[],
    from: Origin,
    ops: FileOps,
  ): Promise<Checked | Refused | 'replaced'> {
    const opened = pathOf(fd)
    const homes = roots.filter((root) => isBelow(root.real, opened)).sort((a, b) => b.real.length - a.real.length)
    const home = homes.find(({ root }) => root === from.location.root) ?? homes[0]
    if (home === undefined) return 'outside'
    const stat = await ops.stat(fd)
    const real = await nameOf(opened, stat)
    if (real === undefined) return 'replaced'
    // The rules of every root apply that the file lies below.
    for (const { root, real: base } of homes) {
      // open() has checked this very path, unless links led elsewhere.
      if (root === from.location.root && base === root.path && real === joinRaw(base, ...from.location.segments)) continue
      const refused = this.check(base, segmentsOf(real.slice(base.length) as RawPath))
      if (refused !== undefined) return refused
    }
    if (stat.dev !== from.stat?.dev && !this.#checkedDevices.has(stat.dev)) {
      if (await isKernelFile(fd)) return 'kernel'
      this.#checkedDevices.add(stat.dev)
    }
    return { path: real, location: { root: home.root, segments: segmentsOf(real.slice(home.real.length) as RawPath) }, stat }
  }

  async #resolveRoots(): Promise<void> {
    const found = await Promise.all(
      this.roots.map(async (root): Promise<RealRoot[]> => {
        try {
          return [{ root, real: (await realpath(root.path, 'latin1')) as RawPath }]
        } catch {
          return [] // a root that does not exist now contains nothing; open() says so where it is the one asked for
        }
      }),
    )
    this.#realRoots = found.flat()
    this.#checkedDevices.clear()
    this.#realRootsAt = performance.now()
  }
}

interface Checked {
  readonly path: RawPath
  readonly location: Location
  readonly stat: BigIntStats
}

/** A file or folder that the sandbox has opened and checked. Everything is done through its descriptor, never through its name. */
export class OpenEntry {
  /** Where it really lies, links resolved. */
  readonly location: Location
  readonly stat: BigIntStats
  readonly kind: FileKind
  readonly #sandbox: Sandbox
  readonly #fd: number
  readonly #ops: FileOps
  readonly #roots: readonly RealRoot[]
  readonly #realPath: RawPath

  constructor(sandbox: Sandbox, fd: number, ops: FileOps, roots: readonly RealRoot[], { path, location, stat }: Checked) {
    this.#sandbox = sandbox
    this.#fd = fd
    this.#ops = ops
    this.#roots = roots
    this.#realPath = path
    this.location = location
    this.stat = stat
    this.kind = kindOf(stat)
  }

  get #path(): string {
    return `/proc/self/fd/${this.#fd}`
  }

  /**
   * Opens the file for reading. The caller closes it.
   * @throws ToolError FORBIDDEN when it is not a regular file, has another name, or its permissions refuse
   */
  async read(): Promise<OpenFile> {
    if (this.kind !== 'file') throw new ToolError('FORBIDDEN', `it is a ${this.kind}; only regular files are read`)
    if (this.#sandbox.denyHardLinks && this.stat.nlink > 1n) {
      throw new ToolError(
        'FORBIDDEN',
        `the file has ${this.stat.nlink} names (hard links), and this server reads only files with one`,
      )
    }
    const ops = this.stat.size <= maxSyncReadBytes ? this.#ops : asyncOps
    try {
      return new OpenFile(await ops.open(this.#path, O_RDONLY | O_NONBLOCK | O_NOCTTY), ops)
    } catch (error) {
      throw permissionError(error)
    }
  }

  /** The names in the folder, in the order of the file system. */
  async *names(signal: AbortSignal): AsyncGenerator<RawPath> {
    const isLocal = this.#ops === syncOps
    if (isLocal && this.stat.size <= maxSmallFolderBytes) return yield* this.#smallFolder()
    const options = { encoding: 'latin1' as const, bufferSize: 256 }
    let folder: Dir
    try {
      folder = isLocal ? opendirSync(this.#path, options) : await openFolder(this.#path, options)
    } catch (error) {
      throw permissionError(error)
    }
    try {
      for (let i = 1; ; i++) {
        const entry = isLocal ? folder.readSync() : await folder.read()
        if (entry === null) return
        signal.throwIfAborted()
        if (isLocal && i % namesInTurn === 0) await new Promise((resolve) => setImmediate(resolve))
        yield entry.name as RawPath
      }
    } finally {
      if (isLocal) folder.closeSync()
      else await folder.close()
    }
  }

  #smallFolder(): RawPath[] {
    try {
      return readdirSync(this.#path, 'latin1') as RawPath[]
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
    return this.#sandbox.openPath(`${this.#path}/${name}`, O_DIRECTORY | O_NOFOLLOW, this.#roots, this, this.#opsFor(name))
  }

  /** Opens what an entry leads to. */
  follow(name: RawPath): Promise<OpenEntry | Refused> {
    return this.#sandbox.openPath(`${this.#path}/${name}`, 0, this.#roots, this, asyncOps)
  }

  async close(): Promise<void> {
    await this.#ops.close(this.#fd)
  }

  /** Another file system may be mounted on an entry of a local folder. */
  #opsFor(name: RawPath): FileOps {
    const isForeign = this.#ops === asyncOps || this.#sandbox.mounts.isForeignMount(`${this.#realPath}/${name}` as RawPath)
    return isForeign ? asyncOps : this.#ops
  }
}

const openFolder = promisify(opendir) as (path: string, options: { bufferSize: number }) => Promise<Dir>

/** A regular file that is open for reading. */
export class OpenFile {
  readonly #fd: number
  readonly #ops: FileOps

  constructor(fd: number, ops: FileOps) {
    this.#fd = fd
    this.#ops = ops
  }

  /**
   * Fills the buffer from `position` on, as far as the file goes.
   * @returns the bytes that were read
   * @throws the signal's reason
   */
  async read(buffer: Buffer, position: number, signal: AbortSignal): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      signal.throwIfAborted()
      const count = await this.#ops.read(this.#fd, buffer, filled, buffer.length - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  async stat(): Promise<BigIntStats> {
    return this.#ops.stat(this.#fd)
  }

  async close(): Promise<void> {
    await this.#ops.close(this.#fd)
  }
}

export function kindOf(stat: BigIntStats): FileKind {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  return stat.isSocket() ? 'socket' : 'device'
}

/** Both paths come from the kernel, so they are normal, and whole components can be compared as text. */
function isBelow(root: RawPath, path: RawPath): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`)
}
