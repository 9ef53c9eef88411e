// The file system calls that the sandbox uses, once asynchronous and once synchronous, and the rule for when the synchronous ones are allowed.
//
// A synchronous call costs a tenth of an asynchronous one, but stops the process for as long as the file system takes. It is therefore only
// used on local file systems (ext4, xfs, btrfs, tmpfs, overlay), and never on a path that could lead to another one: FUSE and network file
// systems may not answer at all.
import {
  type BigIntStats,
  close,
  closeSync,
  fstat,
  fstatSync,
  lstat,
  lstatSync,
  open,
  openSync,
  type PathLike,
  read,
  readFileSync,
  readlinkSync,
  readSync,
  statfs,
} from 'node:fs'
import { promisify } from 'node:util'
import { pathArgument, type RawPath } from './raw-path.ts'

type Maybe<T> = T | Promise<T>

export interface FileOps {
  open(path: PathLike, flags: number): Maybe<number>
  close(fd: number): Maybe<void>
  stat(fd: number): Maybe<BigIntStats>
  lstat(path: PathLike): Maybe<BigIntStats>
  /** Returns the number of bytes read. */
  read(fd: number, buffer: Buffer, offset: number, length: number, position: number): Maybe<number>
}

const linkOf = (fd: number): string => `/proc/self/fd/${fd}`
const bigint = { bigint: true } as const
const opened = promisify(open) as (path: PathLike, flags: number) => Promise<number>
const closed = promisify(close)
const described = promisify(fstat) as unknown as (fd: number, options: typeof bigint) => Promise<BigIntStats>
const named = promisify(lstat) as unknown as (path: PathLike, options: typeof bigint) => Promise<BigIntStats>
const typed = promisify(statfs)
const filled = promisify(read) as unknown as (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>

export const asyncOps: FileOps = {
  open: opened,
  close: closed,
  stat: (fd) => described(fd, bigint),
  lstat: (path) => named(path, bigint),
  read: async (fd, buffer, offset, length, position) => (await filled(fd, buffer, offset, length, position)).bytesRead,
}

export const syncOps: FileOps = {
  open: openSync,
  close: closeSync,
  stat: (fd) => fstatSync(fd, bigint),
  lstat: (path) => lstatSync(path, bigint),
  read: readSync,
}

/** The path that the kernel knows for a descriptor; it asks no file system for it. */
export function pathOf(fd: number): RawPath {
  return readlinkSync(linkOf(fd), 'latin1') as RawPath
}

/** Whether a descriptor is on a pseudo file system. */
export async function isKernelFile(fd: number): Promise<boolean> {
  return kernelFileSystems.has((await typed(linkOf(fd))).type >>> 0)
}

/** Types in /proc/self/mountinfo that answer from this machine's own memory or disks. */
const localTypes = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'tmpfs', 'ramfs', 'overlay', 'zfs', 'f2fs'])
/** How long the list of mounts is used. */
const mountsKeptMs = 1_000

/** Where other file systems are mounted, from /proc/self/mountinfo, which the kernel answers without asking any of them. */
export class Mounts {
  #local = new Map<string, boolean>()
  #readAt = Number.NEGATIVE_INFINITY

  /** Whether `path`, which must have no links in it, lies on a local file system. */
  isLocal(path: RawPath): boolean {
    const local = this.#read()
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const known = local.get(path.slice(0, end))
      if (known !== undefined) return known
    }
    return local.get('/') ?? false
  }

  /** Whether another kind of file system than a local one is mounted exactly at `path`. */
  isForeignMount(path: RawPath): boolean {
    return this.#read().get(path) === false
  }

  #read(): Map<string, boolean> {
    if (performance.now() - this.#readAt < mountsKeptMs) return this.#local
    this.#local = readMounts()
    this.#readAt = performance.now()
    return this.#local
  }
}

/** Mount points, with whether their file system is local. Where several are mounted over each other, the last one is seen. */
function readMounts(): Map<string, boolean> {
  const mounts = new Map<string, boolean>()
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw (proc(5)); blanks in paths are \040
    const [before = '', after = ''] = line.split(' - ')
    const point = before.split(' ')[4]
    const type = after.split(' ')[0]
    if (point === undefined || type === undefined) continue
    const path = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    mounts.set(path, localTypes.has(type))
  }
  return mounts
}

/** Pseudo file systems (linux/magic.h): /proc/self/environ would be this server's own secrets. By type, because they can be mounted anywhere. */
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

const deletedSuffix = ' (deleted)'

/**
 * The kernel appends ` (deleted)` to the path of a name that is gone; taken for the name, `x.pem (deleted)` would pass a pattern for `*.pem`.
 * It does the same to a single file that is mounted, as containers do with configuration, after the host has replaced it: there the file
 * still is what the path without the suffix leads to. Undefined when the file has no name any more.
 */
export async function nameOf(opened: RawPath, stat: BigIntStats): Promise<RawPath | undefined> {
  if (!opened.endsWith(deletedSuffix) || (await isNamed(opened, stat))) return opened
  const before = opened.slice(0, -deletedSuffix.length) as RawPath
  return (await isNamed(before, stat)) ? before : undefined
}

/** Whether there is a file of exactly this name, and it is this one. */
async function isNamed(path: RawPath, { ino, dev }: BigIntStats): Promise<boolean> {
  try {
    const named = await asyncOps.lstat(pathArgument(path))
    return named.ino === ino && named.dev === dev
  } catch {
    return false
  }
}
