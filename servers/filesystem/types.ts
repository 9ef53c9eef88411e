// Types that several files of this server share.
import type { RawPath } from './lib/raw-path.ts'

export interface Root {
  /** What the model calls it. */
  readonly label: string
  /** Absolute; never leaves this server. */
  readonly path: string
}

export interface Location {
  readonly root: Root
  /** Below the root; empty for the root itself. */
  readonly segments: readonly RawPath[]
}

/** Whether this path is denied: `relative` is below a root, `absolute` on the host; both in the form of foldPath (glob.ts). */
export type Deny = (relative: string, absolute: string) => boolean

export type FileKind = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'device'

/**
 * Why something was not opened. `outside` is also the answer for a link whose target does not exist, so that nobody learns which files exist
 * outside.
 */
export type Refused = 'outside' | 'denied' | 'hidden' | 'kernel' | 'missing' | 'not-a-directory' | 'not-permitted'

export interface Limits {
  /** Lines are counted to the end in files smaller than this. */
  readonly countBelowBytes: number
  readonly maxLineChars: number
  readonly maxReadLines: number
  readonly maxReadBytes: number
  readonly maxImageBytes: number
  /** How long one call may search for a line in a large file, or for a text in several files. */
  readonly searchMs: number
  /** Bytes that one call reads in order to find `containing`. */
  readonly searchBytes: number
  /** A file that changed more recently is not remembered. */
  readonly settledMs: number
  /** Entries that one listing looks at, by name and by size or time. */
  readonly maxScanned: number
  readonly maxSorted: number
  readonly listMs: number
}
