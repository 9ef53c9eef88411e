// Walks a folder in the order of its names, each folder before its content. With this order a position is enough to continue from later, so
// that a tree of any size is listed in pages and nothing is kept between calls.
import type { BigIntStats } from 'node:fs'
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import { turnsOf } from '../../kit/waiting.ts'
import type { Cancellable, FileKind } from '../types.ts'
import { showLocation } from './location.ts'
import { type RawPath, rawPath } from './raw-path.ts'
import { kindOf, OpenEntry, type Sandbox } from './sandbox.ts'

/** Entries that are looked up together; one by one, a folder of 20,000 takes three times as long. */
const batch = 64

/** How long a walk runs before other calls get a turn. */
const turnMs = 10

const tooMany = 'one listing looks at no more entries than it has looked at'
const tooLate = 'the time for one listing is over'

/** Listed, but not entered: they hold thousands of files that nobody asks for. */
const ignored = new Set(['node_modules', '.git'])

export interface Entry {
  /** Below the folder that is listed. */
  readonly segments: readonly RawPath[]
  readonly kind: FileKind | 'unknown'
  /** Of a file, or of the file that a link leads to. */
  readonly size?: number | undefined
  readonly mtimeMs?: number
  /** Where a link leads, if that is inside; the path by which to ask for it. */
  readonly target?: string
  readonly remark?: 'denied' | 'not searched' | 'leads outside or nowhere' | undefined
}

export interface WalkOptions {
  /** Levels of folders; 1 is the folder itself. */
  readonly levels: number
  readonly showHidden: boolean
  matches(segments: readonly RawPath[]): boolean
  readonly maxVisited: number
  readonly maxMs: number
  readonly context: Cancellable
}

export class Walk {
  /** Why the listing is a part, as a sentence: its limit of entries or of time was reached. */
  incomplete: string | undefined
  /** The last entry that is done with, matching or not; undefined when no entry came after the place to start from. */
  position: { readonly segments: readonly RawPath[] } | undefined
  /** Names left out because they begin with a dot. */
  hidden = 0
  #visited = 0
  /** A pattern may take milliseconds for each name. */
  readonly #pause = turnsOf(turnMs)
  readonly #sandbox: Sandbox
  readonly #options: WalkOptions
  readonly #deadline: number

  constructor(sandbox: Sandbox, options: WalkOptions) {
    this.#sandbox = sandbox
    this.#options = options
    this.#deadline = monotonicMs() + options.maxMs
  }

  /** The matching entries after the place `after`. Open folders are closed when the loop over them ends, however it ends. */
  async *entries(folder: OpenEntry, after?: readonly RawPath[], above: readonly RawPath[] = []): AsyncGenerator<Entry> {
    const { names, all } = await this.#names(folder, after?.[0])
    for (let start = 0; start < names.length; start += batch) {
      if (this.#visited > 0) this.#options.context.signal.throwIfAborted()
      const some = names.slice(start, start + batch)
      const stats = await Promise.all(some.map((name) => folder.lstat(name)))
      for (const [i, name] of some.entries()) {
        if (this.#visited >= this.#options.maxVisited) this.incomplete = tooMany
        else if (monotonicMs() > this.#deadline) this.incomplete = tooLate
        if (this.incomplete !== undefined) return
        await this.#pause()
        const stat = stats[i] as BigIntStats | 'vanished' | 'unreadable'
        const segments = [...above, name]
        const isPlace = name === after?.[0] // shown before, or a folder whose content was partly shown
        this.#visited += 1
        const { root, segments: way } = folder.location
        const denied = this.#sandbox.check(rawPath(root.path), [...way, name], way.length) !== undefined
        if (!isPlace) {
          if (stat !== 'vanished' && this.#options.matches(segments)) yield await this.#entry(folder, segments, stat, denied)
          this.position = { segments }
        }
        if (denied || typeof stat === 'string' || !stat.isDirectory()) continue
        if (segments.length >= this.#options.levels || ignored.has(name)) continue
        const subfolder = await folder.enter(name)
        if (!(subfolder instanceof OpenEntry)) continue
        try {
          yield* this.entries(subfolder, isPlace && after.length > 1 ? after.slice(1) : undefined, segments)
        } catch (error) {
          // A subfolder that may not be listed is shown and not entered.
          if (!(error instanceof ToolError && error.code === 'FORBIDDEN')) throw error
        } finally {
          await subfolder.close()
        }
        if (this.incomplete !== undefined) return
      }
    }
    if (!all) this.incomplete = tooMany
  }

  async #entry(folder: OpenEntry, segments: RawPath[], stat: BigIntStats | 'unreadable', denied: boolean): Promise<Entry> {
    const name = segments.at(-1) as RawPath
    const kind = stat === 'unreadable' ? 'unknown' : kindOf(stat)
    if (denied || stat === 'unreadable') return { segments, kind, remark: denied ? 'denied' : undefined }
    if (kind !== 'symlink') {
      const isSkipped = kind === 'dir' && segments.length < this.#options.levels && ignored.has(name)
      return { segments, kind, ...factsOf(stat), remark: isSkipped ? 'not searched' : undefined }
    }
    // Nothing of the link itself is shown: its text, and its size, which is the length of the text, may be of the host.
    const target = await folder.follow(name)
    if (!(target instanceof OpenEntry)) {
      return { segments, kind, remark: target === 'denied' || target === 'hidden' ? 'denied' : 'leads outside or nowhere' }
    }
    await target.close()
    const path = showLocation(this.#sandbox.roots, target.location)
    return { segments, kind, ...factsOf(target.stat), target: target.kind === 'dir' ? `${path}/` : path }
  }

  /** The folder's names from `from` on, sorted. Of more than may be visited the first are kept, so that memory is limited and the order exact. */
  async #names(folder: OpenEntry, from: RawPath | undefined): Promise<{ names: RawPath[]; all: boolean }> {
    const most = this.#options.maxVisited
    let names: RawPath[] = []
    let count = 0
    for await (const name of folder.names(this.#options.context)) {
      if (from !== undefined && name < from) continue
      if (!this.#options.showHidden && name.startsWith('.')) {
        this.hidden += 1
        continue
      }
      names.push(name)
      count += 1
      if (names.length >= most * 2) names = names.sort().slice(0, most) // by the bytes of each name
      if (count % 1_024 === 0 && monotonicMs() > this.#deadline) {
        this.incomplete = tooLate
        return { names: [], all: false } // an arbitrary part of the names has no position to continue from
      }
    }
    return { names: names.sort().slice(0, most), all: count <= most }
  }
}

function factsOf(stat: BigIntStats): Pick<Entry, 'size' | 'mtimeMs'> {
  return { size: stat.isFile() ? Number(stat.size) : undefined, mtimeMs: Number(stat.mtimeNs) / 1e6 }
}

/** Whether the walk comes to `a` after `b`: by the bytes of each name, a folder before what is in it. NUL is in no name and before all that is. */
export function isBehind(a: readonly RawPath[], b: readonly RawPath[]): boolean {
  return a.join('\0') > b.join('\0')
}
