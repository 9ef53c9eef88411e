// Types that several files of this server share.
import type { Context } from '../../protocol/index.ts'
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

/** The call that something is done for. Its signal is made at first use, which costs as much as opening a file: read it in loops only. */
export type Cancellable = Pick<Context, 'signal'>
