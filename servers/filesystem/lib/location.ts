// From the path a model wrote to a place below a root, by its letters alone: nothing is opened here, and what leaves the roots is refused
// before anything is.
import { isAbsolute, normalize, relative } from 'node:path/posix'
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Location, Root } from '../types.ts'
import { isBelow, isPlain, type RawPath, rawPath, segmentsOf, show, showPath, textOf, unshow } from './raw-path.ts'

const maxPathBytes = 4_000 // PATH_MAX is 4,096, with the root's own path in it
const maxNameBytes = 255
const maxLevels = 256

/**
 * The candidate interpretations of a path: as written; with the escapes of unprintable bytes undone; with its letters composed or decomposed,
 * because names from macOS hold `ü` as two characters and a model writes one; without the label of the only root. For an absolute path in no
 * root (people type the path of their own machine): each of its endings in each root, the longest first, of which the first that exists is
 * taken.
 * @returns the candidates, best first; `isOutside` when they are endings
 * @throws ToolError INVALID_ARGUMENT for what cannot be a path, FORBIDDEN for what lies outside, NOT_FOUND for an unknown root
 */
export function locate(roots: readonly Root[], path: string): { candidates: readonly Location[]; isOutside: boolean } {
  if (path.includes('\0')) throw new ToolError('INVALID_ARGUMENT', '"path" must not hold a NUL character')
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes) {
    throw new ToolError('INVALID_ARGUMENT', `"path" must have at most ${maxPathBytes} bytes, got ${bytes}`)
  }
  // Lexically: `a/../b` is `b` even where a is a link, which is less than the kernel would admit, never more.
  const wanted = normalize(path)
  const segments = segmentsOf(rawPath(wanted)).filter((segment) => segment !== '.')
  const long = segments.find((segment) => segment.length > 4 * maxNameBytes) // four for each byte that is escaped
  if (long !== undefined) {
    throw new ToolError('INVALID_ARGUMENT', `a name in "path" has ${long.length} bytes; file names have at most ${maxNameBytes}`)
  }
  if (segments.length > maxLevels) {
    throw new ToolError('INVALID_ARGUMENT', `"path" must have at most ${maxLevels} levels, got ${segments.length}`)
  }
  if (!isAbsolute(wanted)) return { candidates: variantsOf(roots, below(roots, segments)), isOutside: false }
  const root = roots.filter(({ path }) => isBelow(path, wanted)).sort((a, b) => b.path.length - a.path.length)[0]
  if (root === undefined) return { candidates: endingsOf(roots, segments), isOutside: true }
  const written = { root, segments: segmentsOf(rawPath(relative(root.path, wanted))) }
  return { candidates: variantsOf(roots, written), isOutside: false }
}

/** The path by which the model may ask for this place; never a path of the host. */
export function showLocation(roots: readonly Root[], { root, segments }: Location): string {
  const path = showPath(segments)
  if (roots.length === 1) return path === '' ? '.' : path
  return path === '' ? root.label : `${root.label}/${path}`
}

/** The labels of all roots, as errors list them. */
export function labelsOf(roots: readonly Root[]): string {
  return roots.map(({ label }) => label).join(', ')
}

function variantsOf(roots: readonly Root[], written: Location): Location[] {
  const { root, segments } = written
  const whole = segments.join('/') as RawPath
  const composed = isPlain(whole) ? [] : ['NFC', 'NFD'].map((form) => rawPath(textOf(whole).normalize(form)))
  const others = [unshow(whole), ...composed].filter((path) => path !== whole)
  return [
    written,
    ...others.map((path) => ({ root, segments: segmentsOf(path) })),
    ...(roots.length === 1 && segments[0] === rawPath(root.label) ? [{ root, segments: segments.slice(1) }] : []),
  ]
}

/** A root's label counts as a name of the path: `/srv/logs/app.log` ends in `app.log` of the root `logs`. */
function endingsOf(roots: readonly Root[], segments: readonly RawPath[]): Location[] {
  const endings: Location[] = []
  for (let start = 0; start <= segments.length; start++) {
    const rest = segments.slice(start)
    const labelled = roots.find(({ label }) => rawPath(label) === segments[start - 1])
    const order = labelled === undefined ? roots : [labelled, ...roots.filter((root) => root !== labelled)]
    // The whole root is meant by `/` and by its own name only, not by any path that ends nowhere.
    for (const root of order)
      if (rest.length > 0 || segments.length === 0 || root === labelled) endings.push({ root, segments: rest })
  }
  return endings
}

function below(roots: readonly Root[], segments: readonly RawPath[]): Location {
  const [first = rawPath('.'), ...rest] = segments
  if (first === '..') throw outsideError(roots)
  const root = roots.length === 1 ? roots[0] : roots.find(({ label }) => rawPath(label) === first)
  if (root !== undefined) return { root, segments: roots.length === 1 ? segments : rest }
  const labels = roots.map(({ label }) => label)
  const [near = labels[0]] = nearest(show(first), labels)
  throw new ToolError('NOT_FOUND', `no root is named "${show(first).slice(0, 200)}". Roots: ${labelsOf(roots)}`, {
    retry: { path: [near, ...rest.map(show)].join('/') },
  })
}

/** @param existing a path that exists, to try instead */
export function outsideError(roots: readonly Root[], existing?: string): ToolError {
  const noun = roots.length === 1 ? 'Root' : 'Roots'
  const next = existing === undefined ? { hint: 'list_directory {"path":"."}' } : { retry: { path: existing } }
  return new ToolError('FORBIDDEN', `that path is outside of what this server may read. ${noun}: ${labelsOf(roots)}`, next)
}
