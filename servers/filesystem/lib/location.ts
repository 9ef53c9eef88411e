// From the path a model wrote to a place below a root, by its letters alone: nothing is opened here, and what leaves the roots is refused
// before anything is.
import { isAbsolute, normalize, relative } from 'node:path/posix'
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { Root } from '../config.ts'
import { joinRaw, type RawPath, rawPath, segmentsOf, show, textOf, unshow } from './raw-path.ts'

const maxPathBytes = 4_000 // PATH_MAX is 4,096, with the root's own path in it
const maxNameBytes = 255
const maxLevels = 256

export interface Location {
  readonly root: Root
  /** Below the root; empty for the root itself. */
  readonly segments: readonly RawPath[]
}

/**
 * The readings of a path, best first: as written; with the escapes of unprintable bytes undone; with its letters composed or decomposed,
 * because names from macOS hold `ü` as two characters and a model writes one; without the label of the only root.
 * @throws ToolError INVALID_ARGUMENT for what can be no path, FORBIDDEN for what lies outside, NOT_FOUND for an unknown root
 */
export function locate(roots: readonly Root[], path: string): Location[] {
  if (path.includes('\0')) throw new ToolError('INVALID_ARGUMENT', '"path" must not hold a NUL character')
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes) {
    throw new ToolError('INVALID_ARGUMENT', `"path" must have at most ${maxPathBytes} bytes, got ${bytes}`)
  }
  const written = below(roots, path)
  const { root, segments } = written
  const long = segments.find((segment) => segment.length > 4 * maxNameBytes) // four for each byte that is escaped
  if (long !== undefined) {
    throw new ToolError('INVALID_ARGUMENT', `a name in "path" has ${long.length} bytes; file names have at most ${maxNameBytes}`)
  }
  if (segments.length > maxLevels) {
    throw new ToolError('INVALID_ARGUMENT', `"path" must have at most ${maxLevels} levels, got ${segments.length}`)
  }
  const readings = [written]
  const whole = joinRaw(...segments)
  const unshown = unshow(whole)
  if (unshown !== undefined) readings.push({ root, segments: segmentsOf(unshown) })
  for (const form of ['NFC', 'NFD'] as const) {
    const composed = rawPath(textOf(whole).normalize(form))
    if (composed !== whole) readings.push({ root, segments: segmentsOf(composed) })
  }
  if (roots.length === 1 && segments[0] === rawPath(root.label)) readings.push({ root, segments: segments.slice(1) })
  return readings
}

/** The path by which the model may ask for this place; never a path of the host. */
export function showLocation(roots: readonly Root[], { root, segments }: Location): string {
  const path = show(joinRaw(...segments))
  if (roots.length === 1) return path === '' ? '.' : path
  return path === '' ? root.label : `${root.label}/${path}`
}

/** `root "docs"`, or all of them: how errors say what there is. */
export function labelsOf(roots: readonly Root[]): string {
  return roots.map(({ label }) => label).join(', ')
}

function below(roots: readonly Root[], path: string): Location {
  // Lexically: `a/../b` is `b` even where a is a link, which is less than the kernel would admit, never more.
  const wanted = normalize(path === '' ? '.' : path)
  if (isAbsolute(wanted)) {
    const root = roots.filter((candidate) => isBelow(candidate.path, wanted)).sort((a, b) => b.path.length - a.path.length)[0]
    if (root === undefined) throw outside(roots, wanted)
    return { root, segments: segmentsOf(rawPath(relative(root.path, wanted))) }
  }
  const segments = segmentsOf(rawPath(wanted)).filter((segment) => segment !== '.')
  if (segments[0] === '..') throw outside(roots, wanted)
  const [first] = roots
  if (roots.length === 1 && first !== undefined) return { root: first, segments }
  const root = roots.find(({ label }) => rawPath(label) === segments[0])
  if (root !== undefined) return { root, segments: segments.slice(1) }
  const labels = roots.map(({ label }) => label)
  const asked = show(segments[0] ?? rawPath('.'))
  const rest = segments.slice(1).map(show)
  const near = nearest(asked, labels, 1)[0] ?? labels[0]
  throw new ToolError('NOT_FOUND', `no root is named "${asked.slice(0, 200)}". Roots: ${labels.join(', ')}`, {
    hint: JSON.stringify({ path: [near, ...rest].join('/') }),
  })
}

/** Compares whole components: '/data-old'.startsWith('/data') is true, which is CVE-2025-53110. */
function isBelow(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way))
}

function outside(roots: readonly Root[], wanted: string): ToolError {
  const single = roots.length === 1
  const inside = segmentsOf(rawPath(wanted))
    .filter((segment) => segment !== '..')
    .map(show)
  return new ToolError(
    'FORBIDDEN',
    `that path is outside of what this server may read. ${single ? 'Root' : 'Roots'}: ${labelsOf(roots)}`,
    {
      hint: single
        ? `a path relative to the root, such as ${JSON.stringify({ path: inside.join('/') || '.' })}`
        : `a path that begins with a root, such as ${JSON.stringify({ path: [roots[0]?.label, ...inside].join('/') })}`,
    },
  )
}
