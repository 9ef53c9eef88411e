// From the path a model wrote to an open file or folder, or to an error that says what exists instead.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { visibleJson } from '../../kit/text.ts'
import { ioError, refusalError } from '../errors.ts'
import type { Location, Refused } from '../types.ts'
import { locate, outsideError, showLocation } from './location.ts'
import { type RawPath, rawPath, show } from './raw-path.ts'
import { OpenEntry, type Sandbox } from './sandbox.ts'

/** Characters times characters: comparing takes the event loop, and names may have 255 bytes. */
const maxComparisons = 2_000_000
const maxCandidates = 5
const maxShownPath = 300

/** The arguments of a call without those that have their default, for `TRY:` and `NEXT:`. */
export interface GivenArguments {
  readonly path: string
  readonly [name: string]: unknown
}

export interface Opened {
  readonly entry: OpenEntry
  readonly asked: Location
  /** What the caller should know of how the path was read. */
  readonly notes: readonly string[]
}

/**
 * Opens what `args.path` leads to for as long as `work` runs.
 * @throws ToolError with the same call for something that exists, where there is something similar
 */
export async function withOpened<T>(
  sandbox: Sandbox,
  args: GivenArguments,
  signal: AbortSignal,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  if (sandbox.roots.length === 0) throw new ToolError('UPSTREAM_UNREACHABLE', 'this server is not configured: set FS_ROOTS')
  const { candidates, isOutside } = locate(sandbox.roots, args)
  let first: Refused | undefined
  for (const asked of candidates) {
    signal.throwIfAborted()
    const entry = await sandbox.open(asked)
    if (entry instanceof OpenEntry) {
      const notes = isOutside
        ? [`no root holds that absolute path; this is "${shown(sandbox, asked)}", where it ends in a root`]
        : []
      try {
        return await work({ entry, asked, notes })
      } catch (error) {
        throw ioError(error)
      } finally {
        await entry.close()
      }
    }
    first ??= entry
    // An ending that may not be read says nothing about the path that was meant.
    if (!isOutside && entry !== 'missing' && entry !== 'not-a-directory') break
  }
  if (isOutside) throw await outside(sandbox, args, candidates, signal)
  throw await explain(sandbox, args, candidates[0] as Location, first as Refused, signal)
}

/** The path as it is named in a message. */
export function shown(sandbox: Sandbox, location: Location): string {
  const path = showLocation(sandbox.roots, location)
  return path.length > maxShownPath ? `${path.slice(0, maxShownPath)}…` : path
}

/** An absolute path of which no ending exists: names what is similar to its last name, or the root. */
async function outside(
  sandbox: Sandbox,
  args: GivenArguments,
  endings: readonly Location[],
  signal: AbortSignal,
): Promise<ToolError> {
  for (const { root, segments } of endings) {
    const [name] = segments
    if (name === undefined || segments.length > 1) continue
    const top = await sandbox.open({ root, segments: [] })
    if (!(top instanceof OpenEntry)) continue
    try {
      const [near] = await similar(sandbox, top, name, signal)
      if (near !== undefined) return outsideError(sandbox.roots, args, showLocation(sandbox.roots, { root, segments: [near] }))
    } finally {
      await top.close()
    }
  }
  return outsideError(sandbox.roots, args)
}

async function explain(
  sandbox: Sandbox,
  args: GivenArguments,
  asked: Location,
  reason: Refused,
  signal: AbortSignal,
): Promise<ToolError> {
  const name = shown(sandbox, asked)
  if (reason !== 'missing' && reason !== 'not-a-directory' && reason !== 'not-permitted') return refusalError(name, reason)
  // The kernel's answer may come from outside, behind a link. So the path is walked again, one name at a time, and only what lies inside is
  // named.
  let parent = await sandbox.open({ root: asked.root, segments: [] })
  const noRoot = new ToolError('UPSTREAM_UNREACHABLE', `root "${asked.root.label}" is not a folder, or may not be entered`)
  if (!(parent instanceof OpenEntry)) return noRoot
  try {
    if (parent.kind !== 'dir') return noRoot
    for (const [i, segment] of asked.segments.entries()) {
      if (!(parent instanceof OpenEntry)) break
      signal.throwIfAborted()
      if (parent.kind !== 'dir') {
        const file = shown(sandbox, { root: asked.root, segments: asked.segments.slice(0, i) })
        return new ToolError('NOT_FOUND', `"${name}" not found: "${file}" is a ${parent.kind}, not a folder`, {
          hint: `read_file ${visibleJson({ path: file })}`,
        })
      }
      const next = await sandbox.open({ root: asked.root, segments: asked.segments.slice(0, i + 1) })
      if (!(next instanceof OpenEntry)) {
        const entry = await parent.lstat(segment)
        if (typeof entry === 'object' && entry.isSymbolicLink()) return refusalError(name, 'outside')
        return next === 'missing' ? await notFound(sandbox, args, asked, parent, i, signal) : refusalError(name, next)
      }
      await parent.close()
      parent = next
    }
    return new ToolError('NOT_FOUND', `"${name}" was replaced while it was opened`, { hint: 'the same call again' })
  } finally {
    if (parent instanceof OpenEntry) await parent.close()
  }
}

/** `parent` is the deepest existing folder of the path; the name at `index` is not in it. */
async function notFound(
  sandbox: Sandbox,
  args: GivenArguments,
  asked: Location,
  parent: OpenEntry,
  index: number,
  signal: AbortSignal,
): Promise<ToolError> {
  const { root, segments } = asked
  const above = segments.slice(0, index)
  const rest = segments.slice(index + 1)
  const found: string[] = []
  for (const name of await similar(sandbox, parent, segments[index] as RawPath, signal)) {
    if (found.length >= maxCandidates) break
    const candidate = { root, segments: [...above, name] }
    if (rest.length === 0) {
      found.push(showLocation(sandbox.roots, candidate))
      continue
    }
    const complete = { root, segments: [...candidate.segments, ...rest] }
    const entry = await sandbox.open(complete)
    if (entry instanceof OpenEntry) {
      await entry.close()
      found.unshift(showLocation(sandbox.roots, complete))
    } else if (rest.length === 1) {
      const folder = await sandbox.open(candidate)
      if (!(folder instanceof OpenEntry)) continue
      try {
        if (folder.kind !== 'dir') continue
        for (const last of (await similar(sandbox, folder, rest[0] as RawPath, signal)).slice(0, 2)) {
          found.push(showLocation(sandbox.roots, { root, segments: [...candidate.segments, last] }))
        }
      } finally {
        await folder.close()
      }
    } else found.push(showLocation(sandbox.roots, candidate))
  }
  const folder = showLocation(sandbox.roots, { root, segments: above })
  const message = `"${shown(sandbox, asked)}" not found in root "${root.label}"`
  if (found.length === 0) {
    return new ToolError('NOT_FOUND', `${message}; nothing in "${folder.slice(0, maxShownPath)}" has a similar name`, {
      hint: `list_directory ${visibleJson({ path: folder })}`,
    })
  }
  return new ToolError('NOT_FOUND', `${message}. Nearby: ${found.slice(0, maxCandidates).join(', ')}`, {
    hint: visibleJson({ ...args, path: found[0] }),
  })
}

/** Names in the folder that are like the wanted one and may be read; first the one that differs only in case. */
async function similar(sandbox: Sandbox, folder: OpenEntry, wanted: RawPath, signal: AbortSignal): Promise<RawPath[]> {
  const byShown = new Map<string, RawPath>()
  const wantedText = show(wanted)
  const folded = wantedText.toLowerCase()
  let exact: RawPath | undefined
  let comparisons = 0
  try {
    for await (const name of folder.names(signal)) {
      const text = show(name)
      if (text.toLowerCase() === folded) exact ??= name
      const half = Math.max(name.length, wanted.length) / 2
      if (Math.abs(name.length - wanted.length) > half && !name.includes(wanted) && !wanted.includes(name)) continue
      byShown.set(text, name)
      comparisons += name.length * wanted.length
      if (comparisons > maxComparisons) break
    }
  } catch (error) {
    if (error instanceof ToolError) return [] // a folder that may not be listed has nothing to suggest
    throw error
  }
  const { root, segments } = folder.location
  const near = nearest(wantedText, byShown.keys()).map((text) => byShown.get(text) as RawPath)
  return [...new Set(exact === undefined ? near : [exact, ...near])].filter(
    (name) => sandbox.check(rawPath(root.path), [...segments, name]) === undefined,
  )
}
