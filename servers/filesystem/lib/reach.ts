// From the path a model wrote to a pinned file or folder, or to an error that says what there is instead.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { Pinned } from './descriptor.ts'
import { type Location, locate, showLocation } from './location.ts'
import { type RawPath, rawPath, show } from './raw-path.ts'
import { ioError, type Refused, type Sandbox } from './sandbox.ts'

/** Characters times characters: comparing takes the event loop, and names may have 255 bytes. */
const maxComparisons = 2_000_000
const maxCandidates = 5
const maxShownPath = 300

/** Pins what `path` leads to for as long as `work` runs. */
export async function reach<T>(
  sandbox: Sandbox,
  path: string,
  signal: AbortSignal,
  work: (pinned: Pinned, asked: Location) => Promise<T>,
): Promise<T> {
  if (sandbox.roots.length === 0) throw new ToolError('UPSTREAM_UNREACHABLE', 'this server is not configured: set FS_ROOTS')
  const readings = locate(sandbox.roots, path)
  let first: Refused | undefined
  for (const asked of readings) {
    signal.throwIfAborted()
    const pinned = await sandbox.pin(asked)
    if (pinned instanceof Pinned) {
      try {
        return await work(pinned, asked)
      } catch (error) {
        throw ioError(error)
      } finally {
        await pinned.close()
      }
    }
    first ??= pinned
    if (pinned !== 'missing' && pinned !== 'not-a-directory') break
  }
  const [asked] = readings as [Location]
  throw await explain(sandbox, asked, first as Refused, signal)
}

/** The path as it is named in a message. */
export function shown(sandbox: Sandbox, location: Location): string {
  const path = showLocation(sandbox.roots, location)
  return path.length > maxShownPath ? `${path.slice(0, maxShownPath)}…` : path
}

async function explain(sandbox: Sandbox, asked: Location, reason: Refused, signal: AbortSignal): Promise<ToolError> {
  const name = shown(sandbox, asked)
  if (reason !== 'missing' && reason !== 'not-a-directory' && reason !== 'not-permitted') return refusal(name, reason)
  // The kernel's answer may come from outside, behind a link. So the way is walked again, one name at a time, and only what lies inside is
  // spoken of.
  let parent = await sandbox.pin({ root: asked.root, segments: [] })
  if (!(parent instanceof Pinned)) {
    return new ToolError('UPSTREAM_UNREACHABLE', `root "${asked.root.label}" is not a folder, or may not be entered`)
  }
  try {
    for (const [i, segment] of asked.segments.entries()) {
      if (!(parent instanceof Pinned)) break
      signal.throwIfAborted()
      if (parent.kind !== 'dir') {
        const file = shown(sandbox, { root: asked.root, segments: asked.segments.slice(0, i) })
        return new ToolError('NOT_FOUND', `"${name}" not found: "${file}" is a ${parent.kind}, not a folder`, {
          hint: JSON.stringify({ path: file }),
        })
      }
      const next = await sandbox.pin({ root: asked.root, segments: asked.segments.slice(0, i + 1) })
      if (!(next instanceof Pinned)) {
        const entry = await parent.lstat(segment)
        if (typeof entry === 'object' && entry.isSymbolicLink()) return refusal(name, 'outside')
        return next === 'missing' ? await notFound(sandbox, asked, parent, i, signal) : refusal(name, next)
      }
      await parent.close()
      parent = next
    }
    return new ToolError('NOT_FOUND', `"${name}" was replaced while it was opened`, { hint: 'the same call again' })
  } finally {
    if (parent instanceof Pinned) await parent.close()
  }
}

function refusal(name: string, reason: Refused): ToolError {
  switch (reason) {
    case 'outside':
      return new ToolError('FORBIDDEN', `"${name}" is a link that leads outside of the roots, or nowhere, or lies behind one`)
    case 'denied':
      return new ToolError(
        'FORBIDDEN',
        `"${name}" is on this server's list of files that are not read (secrets). Ask the operator`,
      )
    case 'hidden':
      return new ToolError(
        'FORBIDDEN',
        `"${name}" is hidden (a name that begins with a dot), and this server reads no hidden files`,
      )
    case 'kernel':
      return new ToolError('FORBIDDEN', `"${name}" lies on a file system of the kernel, such as /proc, which is not read`)
    case 'not-permitted':
      return new ToolError('FORBIDDEN', `the permissions on the way to "${name}" do not let this server read it`)
    default:
      return new ToolError('NOT_FOUND', `"${name}" not found`)
  }
}

/** `parent` is the deepest folder on the way that exists; the name at `index` is not in it. */
async function notFound(
  sandbox: Sandbox,
  asked: Location,
  parent: Pinned,
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
    const pinned = await sandbox.pin(complete)
    if (pinned instanceof Pinned) {
      await pinned.close()
      found.unshift(showLocation(sandbox.roots, complete))
    } else if (rest.length === 1) {
      const folder = await sandbox.pin(candidate)
      if (!(folder instanceof Pinned)) continue
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
      hint: `list_directory ${JSON.stringify({ path: folder })}`,
    })
  }
  return new ToolError('NOT_FOUND', `${message}. Nearby: ${found.slice(0, maxCandidates).join(', ')}`, {
    hint: JSON.stringify({ path: found[0] }),
  })
}

/** Names in the folder that are like the wanted one and may be read. */
async function similar(sandbox: Sandbox, folder: Pinned, wanted: RawPath, signal: AbortSignal): Promise<RawPath[]> {
  const byShown = new Map<string, RawPath>()
  let comparisons = 0
  try {
    for await (const name of folder.names(signal)) {
      const half = Math.max(name.length, wanted.length) / 2
      if (Math.abs(name.length - wanted.length) > half && !name.includes(wanted) && !wanted.includes(name)) continue
      byShown.set(show(name), name)
      comparisons += name.length * wanted.length
      if (comparisons > maxComparisons) break
    }
  } catch (error) {
    if (error instanceof ToolError) return [] // a folder that may not be listed has nothing to suggest
    throw error
  }
  const { root, segments } = folder.location
  return nearest(show(wanted), byShown.keys())
    .map((text) => byShown.get(text) as RawPath)
    .filter((name) => sandbox.judge(rawPath(root.path), [...segments, name]) === undefined)
}
