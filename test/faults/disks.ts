// Small disks for audit trails: one that can be filled, by bytes or by files, and one that turns read-only under a process, as a file system
// does after an error of its device. Need root.
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { adminCommand as run } from './admin-command.ts'

const bytes = 256 * 1024 * 1024
const files = 2_000

export class SmallDisk {
  readonly folder: string
  readonly #filler: string

  /** A tmpfs in a new folder. */
  constructor(folder: string) {
    this.folder = folder
    this.#filler = join(folder, 'filler')
    mkdirSync(folder)
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=${files}`, 'tmpfs', folder)
  }

  /** Until not a byte is free. */
  fill(): void {
    const piece = Buffer.alloc(64 * 1024)
    const fd = openSync(this.#filler, 'a')
    try {
      for (let size = piece.length; size > 0; ) {
        try {
          writeSync(fd, piece, 0, size)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          size >>= 1
        }
      }
    } finally {
      closeSync(fd)
    }
  }

  /** Until no file can be created. */
  useInodes(): void {
    mkdirSync(`${this.#filler}s`)
    for (let i = 0; ; i += 1) {
      try {
        writeFileSync(join(`${this.#filler}s`, String(i)), '')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return
        throw error
      }
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true })
    rmSync(`${this.#filler}s`, { recursive: true, force: true })
  }

  remove(): void {
    run('umount', '--lazy', this.folder)
  }
}

export class FailingDisk {
  readonly folder: string
  readonly #image: string

  /** An ext4 file system in a file, mounted by a loop device on a new folder. */
  constructor(folder: string) {
    this.folder = folder
    this.#image = `${folder}.img`
    mkdirSync(folder)
    writeFileSync(this.#image, '')
    run('truncate', '-s', String(bytes), this.#image)
    run('mkfs.ext4', '-q', '-F', '-O', '^has_journal', this.#image)
    this.#mount('errors=remount-ro')
  }

  /** Why there is no such disk here. */
  static get unavailable(): string | undefined {
    return existsSync('/dev/loop-control') ? undefined : 'there are no loop devices'
  }

  /** As after an error of the device: what is open stays open, and every write fails with EROFS. */
  fail(): void {
    const device = basename(run('findmnt', '-no', 'SOURCE', this.folder).trim())
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'test')
  }

  /** Mounts it again. No process may have a file open on it. */
  repair(options = 'errors=remount-ro'): void {
    run('umount', this.folder)
    // Bitmaps and inodes that were not written contradict each other: without a check, the next file to be removed turns the disk read-only again.
    check(this.#image)
    this.#mount(options)
  }

  remove(): void {
    run('umount', '--lazy', this.folder)
    rmSync(this.#image)
  }

  #mount(options: string): void {
    run('mount', '-o', `loop,${options}`, this.#image, this.folder)
  }
}

function check(image: string): void {
  try {
    run('e2fsck', '-fy', image)
  } catch (error) {
    if ((error as { status?: unknown }).status !== 1) throw error // e2fsck(8): 1, errors were corrected
  }
}
