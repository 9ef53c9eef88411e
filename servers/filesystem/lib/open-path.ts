// From the path a model wrote to an open file or folder, or to an error that says what exists instead.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { clip, visibleJson } from '../../kit/text.ts'
import { ioError, refusalError } from '../errors.ts'
import type { Cancellable, Location, Refused } from '../types.ts'
import { locate, outsideError, showLocation } from './location.ts'
import { type RawPath, rawPath, show } from './raw-path.ts'
import { OpenEntry, type Sandbox } from './sandbox.ts'

/** Characters times characters: comparing takes the event loop, and names may have 255 bytes. */
const maxComparisons = 2_000_000
const maxCandidates = 5
const maxShownPath = 300

export interface Opened {
  readonly entry: OpenEntry
  /** As it was asked for; where links lead is in `entry.location`. */
  readonly path: string
  /** What the caller should know of how the path was read. */
  readonly notes: readonly string[]
}

/**
 * Opens what the path leads to for as long as `work` runs.
 * @throws ToolError with the same call for something that exists, where there is something similar
 */
export async function withOpened<T>(
  sandbox: Sandbox,
  path: string,
  context: Cancellable,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  if (sandbox.roots.length === 0) throw new ToolError('UPSTREAM_UNREACHABLE', 'this server is not configured: set FS_ROOTS')
  const { candidates, isOutside } = locate(sandbox.roots, path)
  let first: Refused | undefined
  for (const asked of candidates) {
    if (first !== undefined) context.signal.throwIfAborted()
    const entry = await sandbox.open(asked)
    if (entry instanceof OpenEntry) {
      const path = showLocation(sandbox.roots, asked)
      const note = `no root holds that absolute path; this is "${shortened(path)}", where it ends in a root`
      try {
        return await work({ entry, path, notes: isOutside ? [note] : [] })
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
  if (!isOutside) throw await explain(sandbox, candidates[0] as Location, first as Refused, context)
  // Of the endings those with one name only, which are in the roots themselves.
  for (const { root, segments } of candidates.filter(({ segments }) => segments.length === 1)) {
    const [near] = await similar(sandbox, { root, segments: [] }, segments[0] as RawPath, context)
    if (near !== undefined) throw outsideError(sandbox.roots, showLocation(sandbox.roots, { root, segments: [near] }))
  }
  throw outsideError(sandbox.roots)
}

/** The path as it is named in a message. */
export function shortened(path: string): string {
  return clip(path, maxShownPath)
}

async function explain(sandbox: Sandbox, asked: Location, reason: Refused, context: Cancellable): Promise<ToolError> {
  const { root, segments } = asked
  const upTo = (depth: number): Location => ({ root, segments: segments.slice(0, depth) })
  const name = shortened(showLocation(sandbox.roots, asked))
  if (reason !== 'missing' && reason !== 'not-a-directory' && reason !== 'not-permitted') return refusalError(name, reason)
  // The kernel's answer may come from outside, behind a link. So the path is walked again, one name at a time, and only what lies inside is
  // named.
  for (const [depth, segment] of segments.entries()) {
    context.signal.throwIfAborted()
    const next = await sandbox.open(upTo(depth + 1))
    if (next instanceof OpenEntry) {
      await next.close()
      continue
    }
    const found = await sandbox.use(upTo(depth), async (parent) => {
      if (parent.kind !== 'dir') {
        if (depth === 0) return undefined
        const file = showLocation(sandbox.roots, upTo(depth))
        return new ToolError('NOT_FOUND', `"${name}" not found: "${shortened(file)}" is a ${parent.kind}, not a folder`, {
          hint: `read_file ${visibleJson({ path: file })}`,
        })
      }
      const entry = await parent.lstat(segment)
      if (typeof entry === 'object' && entry.isSymbolicLink()) return refusalError(name, 'outside')
      if (next !== 'missing') return refusalError(name, next)
      return notFound(sandbox, asked, depth, context)
    })
    return found ?? new ToolError('UPSTREAM_UNREACHABLE', `root "${root.label}" is not a folder, or may not be entered`)
  }
  return new ToolError('NOT_FOUND', `"${name}" was replaced while it was opened`, { hint: 'the same call again' })
}

/** The folder above the name at `depth` is the deepest of the path that exists. */
async function notFound(sandbox: Sandbox, { root, segments }: Location, depth: number, context: Cancellable): Promise<ToolError> {
  const shown = (each: readonly RawPath[]): string => showLocation(sandbox.roots, { root, segments: each })
  const folder = { root, segments: segments.slice(0, depth) }
  const rest = segments.slice(depth + 1)
  const found: (readonly RawPath[])[] = []
  for (const name of await similar(sandbox, folder, segments[depth] as RawPath, context)) {
    const candidate = [...folder.segments, name]
    const complete = [...candidate, ...rest]
    if (rest.length > 0 && (await sandbox.use({ root, segments: complete }, () => true))) found.unshift(complete)
    else if (rest.length !== 1) found.push(candidate)
    else {
      const names = await similar(sandbox, { root, segments: candidate }, rest[0] as RawPath, context)
      found.push(...names.slice(0, 2).map((last) => [...candidate, last]))
    }
  }
  const paths = found.slice(0, maxCandidates).map(shown)
  const message = `"${shortened(shown(segments))}" not found in root "${root.label}"`
  if (paths.length === 0) {
    const path = shown(folder.segments)
    return new ToolError('NOT_FOUND', `${message}; nothing in "${shortened(path)}" has a similar name`, {
      hint: `list_directory ${visibleJson({ path })}`,
    })
  }
  return new ToolError('NOT_FOUND', `${message}. Nearby: ${paths.join(', ')}`, { retry: { path: paths[0] } })
}

/** Names in the folder that are like the wanted one and may be read, first the one that differs only in case; none where it may not be listed. */
async function similar(sandbox: Sandbox, location: Location, wanted: RawPath, context: Cancellable): Promise<RawPath[]> {
  try {
    return (await sandbox.use(location, (folder) => similarIn(sandbox, folder, wanted, context))) ?? []
  } catch (error) {
    if (error instanceof ToolError) return []
    throw error
  }
}

async function similarIn(sandbox: Sandbox, folder: OpenEntry, wanted: RawPath, context: Cancellable): Promise<RawPath[]> {
  if (folder.kind !== 'dir') return []
  const wantedText = show(wanted)
  const byShown = new Map<string, RawPath>()
  let exact: RawPath | undefined
  let comparisons = 0
  for await (const name of folder.names(context)) {
    const text = show(name)
    if (text.toLowerCase() === wantedText.toLowerCase()) exact ??= name
    const half = Math.max(name.length, wanted.length) / 2
    if (Math.abs(name.length - wanted.length) > half && !name.includes(wanted) && !wanted.includes(name)) continue
    byShown.set(text, name)
    comparisons += name.length * wanted.length
    if (comparisons > maxComparisons) break
  }
  const near = nearest(wantedText, byShown.keys()).map((text) => byShown.get(text) as RawPath)
  const { root, segments } = folder.location
  return [...new Set(exact === undefined ? near : [exact, ...near])].filter(
    (name) => sandbox.check(rawPath(root.path), [...segments, name]) === undefined,
  )
}
