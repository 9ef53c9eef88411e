// The file system calls that the sandbox uses, once asynchronous and once synchronous, and the rule for when the synchronous ones are allowed.
//
// A synchronous call costs a tenth of an asynchronous one, but stops the process for as long as the file system takes. It is therefore only
// used on local file systems (ext4, xfs, btrfs, tmpfs, overlay), and never on a path that could lead to another one: FUSE and network file
// systems may not answer at all.

import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { monotonicMs } from '../../../protocol/index.ts'
import { pathArgument, type RawPath, rawPath, segmentsOf } from './raw-path.ts'

/** include/uapi/asm-generic/fcntl.h, the same on every architecture Node runs on; node:fs has no name for it. */
export const O_PATH = 0o10000000

const bigint = { bigint: true } as const
const fstatAsync = promisify(fs.fstat)
const readAsync = promisify(fs.read)

export type FileOps = typeof asyncOps | typeof syncOps

export const asyncOps = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  stat: (fd: number) => fstatAsync(fd, bigint),
  lstat: (path: fs.PathLike) => fs.promises.lstat(path, bigint),
  statfs: (path: string) => fs.promises.statfs(path),
  /** Returns the number of bytes read. */
  read: async (...part: ReadArguments) => (await readAsync(...part)).bytesRead,
}

export const syncOps = {
  open: fs.openSync,
  close: fs.closeSync,
  stat: (fd: number) => fs.fstatSync(fd, bigint),
  lstat: (path: fs.PathLike) => fs.lstatSync(path, bigint),
  statfs: (path: string) => fs.statfsSync(path),
  read: (...part: ReadArguments) => fs.readSync(...part),
}

type ReadArguments = [fd: number, buffer: Buffer, offset: number, length: number, position: number]

/** A path that leads to what is open under this descriptor, whatever its name is now. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}

/** The path that the kernel knows for a descriptor; it asks no file system for it. */
export function pathOf(fd: number): RawPath {
  return fs.readlinkSync(descriptorPath(fd), 'latin1') as RawPath
}

/** Whether a descriptor is on a pseudo file system. */
export async function isKernelFile(fd: number, ops: FileOps): Promise<boolean> {
  return kernelFileSystems.has((await ops.statfs(descriptorPath(fd))).type >>> 0)
}

/**
 * Opens what is so many names below `base` with O_PATH, one name at a time, so that no link can lead to another file system. A link at the
 * end is opened itself. @throws the error of the system call, also for a link on the way
 */
export function openByNames(base: string, [first, ...others]: readonly string[]): number {
  // Without a slash at the end, which would follow a link.
  const start = first === undefined ? base || '/' : `${base}/${first}`
  let fd = fs.openSync(pathArgument(start), O_PATH | fs.constants.O_NOFOLLOW)
  for (const name of others) {
    const folder = fd
    try {
      fd = fs.openSync(pathArgument(`${descriptorPath(folder)}/${name}`), O_PATH | fs.constants.O_NOFOLLOW)
    } finally {
      fs.closeSync(folder)
    }
  }
  return fd
}

/** The real path of a folder, without waiting for a thread of the process; undefined when it is not local or a link leads to it. */
export function localRealPath(path: string): RawPath | undefined {
  if (!isLocal(path)) return undefined
  let fd: number | undefined
  try {
    fd = openByNames('', segmentsOf(rawPath(path)))
    return fs.fstatSync(fd).isDirectory() ? pathOf(fd) : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Types in /proc/self/mountinfo that answer from this machine's own memory or disks. */
const localTypes = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'tmpfs', 'ramfs', 'overlay', 'zfs', 'f2fs'])
/** How long the list of mounts is used. */
const mountsKeptMs = 1_000

let mounts: ReadonlyMap<string, boolean> = new Map()
let mountsReadAt = Number.NEGATIVE_INFINITY

/** Whether the path, which must have no links in it, leads through local file systems only. */
export function isLocal(path: string): boolean {
  const known = currentMounts()
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (known.get(path.slice(0, end)) === false) return false
  }
  return known.get('/') ?? false
}

/** The same for an entry of a folder that is local. */
export function isLocalEntry(path: string): boolean {
  const known = currentMounts()
  return known.get(path) ?? known.size > 0
}

/**
 * Whether a local file system is mounted there, by path. From /proc/self/mountinfo, which the kernel answers without asking any file system;
 * empty when no descriptor is left to read it: then no path counts as local, and opening it says why.
 */
function currentMounts(): ReadonlyMap<string, boolean> {
  if (monotonicMs() - mountsReadAt < mountsKeptMs) return mounts
  // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw (proc(5)); blanks in paths are \040
  const lines = /(?<![^\n])(?:[^ \n]+ ){4}([^ \n]+) [^\n]*? - ([^ \n]+)/g
  try {
    const found = Array.from(fs.readFileSync('/proc/self/mountinfo', 'latin1').matchAll(lines), ([, point = '', type = '']) => {
      const path = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
      return [path, localTypes.has(type)] as const
    })
    mounts = new Map(found) // of several that are mounted over each other, the last one is seen
    mountsReadAt = monotonicMs()
    return mounts
  } catch {
    return new Map()
  }
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
export async function nameOf(opened: RawPath, { ino, dev }: fs.BigIntStats): Promise<RawPath | undefined> {
  if (!opened.endsWith(deletedSuffix)) return opened
  for (const path of [opened, opened.slice(0, -deletedSuffix.length) as RawPath]) {
    const named = await fs.promises.lstat(pathArgument(path), bigint).catch(() => undefined)
    if (named?.ino === ino && named.dev === dev) return path
  }
  return undefined
}
