// The sandbox: whatever is read was opened first and judged afterwards, by what was really opened.
//
// Checking a path and then opening it is a race: a link that is exchanged in between leads outside. Here a name is opened as O_PATH, which
// pins an inode without reading it, waking a FIFO's writer or touching a device; /proc/self/fd says which path it really has; and only after
// that was checked, the same inode is opened for reading through /proc/self/fd. No name is resolved a second time.
import type { BigIntStats } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, statfs } from 'node:fs/promises'
import { ToolError } from '../../../protocol/index.ts'
import type { Deny, Root } from '../config.ts'
import { Pinned } from './descriptor.ts'
import { foldSegments } from './glob.ts'
import type { Location } from './location.ts'
import { type RawPath, rawBytes, rawFromBytes, rawPath, segmentsOf, textOf } from './raw-path.ts'

/** include/uapi/asm-generic/fcntl.h, the same on every architecture Node runs on; node:fs has no name for it. */
const O_PATH = 0o10000000

const deleted = ' (deleted)'

/** How often a name is opened again when the file behind it was replaced in between. */
const maxRetries = 8

/**
 * File systems whose files are windows into the kernel (linux/magic.h): /proc/self/environ would be this server's own secrets. Known by
 * type and not by path, because monitoring containers mount them elsewhere.
 */
const kernelFileSystems = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x1cd1, // devpts
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x62656570, // configfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xcafe4a11, // bpf
  0xf97cff8c, // selinuxfs
  0xde5e81e4, // efivarfs
  0x42494e4d, // binfmt_misc
  0x6e736673, // nsfs
])

/**
 * Why something was not pinned. `outside` is also the answer for a link that leads nowhere, so that nobody learns by it which files exist
 * outside.
 */
export type Refused = 'outside' | 'denied' | 'hidden' | 'kernel' | 'missing' | 'not-a-directory' | 'not-permitted'

export interface SandboxRules {
  readonly deny: Deny
  readonly allowHidden: boolean
  readonly denyHardLinks: boolean
}

/** A root and the real path it has in this call: the operator may move a link above it at any time, as Kubernetes does. */
export interface RealRoot {
  readonly root: Root
  readonly real: RawPath
}

/** From where something is opened: its root names what is found, and its file system was approved. */
export interface Origin {
  readonly location: { readonly root: Root }
  readonly stat?: BigIntStats
}

export class Sandbox {
  readonly roots: readonly Root[]
  readonly denyHardLinks: boolean
  readonly #rules: SandboxRules

  constructor(roots: readonly Root[], rules: SandboxRules) {
    this.roots = roots
    this.denyHardLinks = rules.denyHardLinks
    this.#rules = rules
  }

  /**
   * Pins what the location leads to. The caller closes it.
   * @throws ToolError UPSTREAM_UNREACHABLE when the root itself is not there
   */
  async pin({ root, segments }: Location): Promise<Pinned | Refused> {
    const refused = this.judge(rawPath(root.path), segments)
    if (refused !== undefined) return refused
    const roots = await this.#realRoots()
    const base = roots.find((candidate) => candidate.root === root)
    if (base === undefined)
      throw new ToolError('UPSTREAM_UNREACHABLE', `root "${root.label}" is not there, or may not be entered`)
    return this.open(`${base.real}/${segments.join('/')}`, 0, roots, { location: { root } })
  }

  /**
   * Opens the raw path with O_PATH and judges what it got. For this folder's own use: `path` must begin at a real root or a pinned folder.
   */
  async open(path: string, flags: number, roots: readonly RealRoot[], from: Origin): Promise<Pinned | Refused> {
    for (let attempt = 0; attempt < maxRetries; attempt++) {
      let handle: FileHandle | undefined
      try {
        handle = await open(rawBytes(path), O_PATH | flags)
        const verdict = await this.#judgeOpened(handle, roots, from)
        if (verdict === 'replaced') continue
        if (typeof verdict === 'string') return verdict
        const pinned = new Pinned(this, handle, roots, verdict.location, verdict.stat)
        handle = undefined
        return pinned
      } catch (error) {
        return refusalOf(error)
      } finally {
        await handle?.close()
      }
    }
    return 'missing'
  }

  /** Judges a path below `base` by its letters; each folder on the way counts too, but for the first `approved` ones. */
  judge(base: RawPath, segments: readonly RawPath[], approved = 0): 'denied' | 'hidden' | undefined {
    if (!this.#rules.allowHidden && segments.some((segment) => segment.startsWith('.'))) return 'hidden'
    const folded = foldSegments(segments.map(textOf))
    const above = foldSegments(segmentsOf(base).map(textOf))
    for (let end = approved + 1; end <= folded.length; end++) {
      const relative = folded.slice(0, end)
      if (this.#rules.deny(relative, [...above, ...relative])) return 'denied'
    }
    return undefined
  }

  async #judgeOpened(
    handle: FileHandle,
    roots: readonly RealRoot[],
    from: Origin,
  ): Promise<{ location: Location; stat: BigIntStats } | Refused | 'replaced'> {
    const opened = rawFromBytes(await readlink(`/proc/self/fd/${handle.fd}`, { encoding: 'buffer' }))
    const homes = roots.filter((root) => isBelow(root.real, opened)).sort((a, b) => b.real.length - a.real.length)
    const home = homes.find(({ root }) => root === from.location.root) ?? homes[0]
    if (home === undefined) return 'outside'
    const stat = await handle.stat({ bigint: true })
    const real = await nameOf(opened, stat)
    if (real === undefined) return 'replaced'
    // Every root that the file lies below has a say.
    for (const { real: base } of homes) {
      const refused = this.judge(base, segmentsOf(real.slice(base.length) as RawPath))
      if (refused !== undefined) return refused
    }
    if (stat.dev !== from.stat?.dev) {
      const { type } = await statfs(`/proc/self/fd/${handle.fd}`)
      if (kernelFileSystems.has(type >>> 0)) return 'kernel'
    }
    return { location: { root: home.root, segments: segmentsOf(real.slice(home.real.length) as RawPath) }, stat }
  }

  async #realRoots(): Promise<RealRoot[]> {
    const found = await Promise.all(
      this.roots.map(async (root): Promise<RealRoot[]> => {
        try {
          return [{ root, real: rawFromBytes(await realpath(root.path, { encoding: 'buffer' })) }]
        } catch {
          return [] // a root that is not there now contains nothing; pin() says so where it is the one asked for
        }
      }),
    )
    return found.flat()
  }
}

/** Both paths come from the kernel, so they are normal, and a comparison of whole components is one of the letters and a slash. */
function isBelow(root: RawPath, path: RawPath): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`)
}

/**
 * The kernel appends ` (deleted)` to the path of a name that is gone; taken for the name, `x.pem (deleted)` would pass a pattern for `*.pem`.
 * It does the same to a single file that is mounted, as containers do with configuration, after the host has replaced it: there the file
 * still is what the path without the appendix leads to. Undefined when the file has no name any more.
 */
async function nameOf(opened: RawPath, stat: BigIntStats): Promise<RawPath | undefined> {
  if (!opened.endsWith(deleted) || (await isNamed(opened, stat))) return opened
  const before = opened.slice(0, -deleted.length) as RawPath
  return (await isNamed(before, stat)) ? before : undefined
}

/** Is there a file of exactly this name, and is it this one? */
async function isNamed(path: RawPath, stat: BigIntStats): Promise<boolean> {
  try {
    const named = await lstat(rawBytes(path), { bigint: true })
    return named.ino === stat.ino && named.dev === stat.dev
  } catch {
    return false
  }
}

function refusalOf(error: unknown): Refused {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
    case 'ENAMETOOLONG':
      return 'missing'
    case 'ENOTDIR':
      return 'not-a-directory'
    case 'EACCES':
    case 'EPERM':
      return 'not-permitted'
    case 'ELOOP':
      return 'outside'
    default:
      throw ioError(error)
  }
}

/** Node's own messages hold the path on the host. */
export function ioError(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof ToolError || syscall === undefined || code === undefined) return error
  return new ToolError('UPSTREAM_ERROR', `the file system answered ${code}`, { cause: error })
}
