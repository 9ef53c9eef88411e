// list_directory: from a pinned folder to a page of its entries.
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import type { FilesystemBackend } from '../backend.ts'
import { type Pinned, showTime } from '../lib/descriptor.ts'
import { type Place, readCursor, writeCursor } from '../lib/directory-cursor.ts'
import { compileGlob, foldSegments } from '../lib/glob.ts'
import { showLocation } from '../lib/location.ts'
import { joinRaw, type RawPath, rawPath, show, textOf } from '../lib/raw-path.ts'
import { reach, shown } from '../lib/reach.ts'
import { type Entry, inWalkOrder, Walk } from '../lib/walk.ts'

export interface ListArguments {
  path: string
  pattern?: string | undefined
  recursive: boolean
  depth?: number | undefined
  sort: 'name' | 'size' | 'mtime'
  show_hidden: boolean
  limit: number
  cursor?: string | undefined
}

const maxDepth = 5

export async function listDirectory(
  backend: FilesystemBackend,
  environment: Environment,
  args: ListArguments,
  context: Context,
): Promise<ToolResult<Record<string, unknown>>> {
  const { sandbox } = backend
  if (sandbox.roots.length > 1 && /^[./]*$/.test(args.path) && !args.path.includes('..')) return listRoots(backend, args, context)
  return reach(sandbox, args.path, context.signal, async (folder, asked) => {
    const path = showLocation(sandbox.roots, asked)
    context.annotate({ upstream: folder.location.root.label })
    if (folder.kind !== 'dir') {
      throw new ToolError('INVALID_ARGUMENT', `"${shown(sandbox, asked)}" is a ${folder.kind}, not a folder`, {
        hint: `read_file ${JSON.stringify({ path })}`,
      })
    }
    const levels = args.depth ?? (args.recursive ? maxDepth : 1)
    const listing = [path, args.pattern ?? null, levels, args.sort, args.show_hidden]
    const place = args.cursor === undefined ? undefined : readCursor(listing, args.cursor, args.sort === 'name')
    const walk = new Walk(sandbox, {
      levels,
      showHidden: args.show_hidden,
      matches: matcher(args.pattern),
      maxVisited: backend.limits.maxScanned,
      maxMs: backend.limits.listMs,
      signal: context.signal,
    })
    const around =
      600 + 2 * JSON.stringify(path).length + (args.pattern?.length ?? 0) + context.warnings.join(' argument ').length
    const page = new Page(args.limit, environment.maxResultChars - around)
    if (args.sort === 'name') await fillByName(page, walk, folder, place)
    else await fillSorted(page, walk, folder, args.sort, place)
    const end = endOf(page, walk, args.sort, place)
    const { cursor: _, ...same } = args
    const next = end === undefined ? undefined : { ...given(same, path), cursor: writeCursor(listing, end) }
    return listResult(context, path, args, levels, page, walk, next)
  })
}

/** @throws ToolError INVALID_ARGUMENT when the pattern's braces stand for too many */
function matcher(pattern: string | undefined): (segments: readonly RawPath[]) => boolean {
  if (pattern === undefined) return () => true
  try {
    const glob = compileGlob(pattern)
    return (segments) => glob(foldSegments(segments.map(textOf)))
  } catch (error) {
    if (error instanceof RangeError) throw new ToolError('INVALID_ARGUMENT', `"pattern": ${error.message}`, { cause: error })
    throw error
  }
}

async function fillByName(page: Page, walk: Walk, folder: Pinned, place: Place | undefined): Promise<void> {
  for await (const entry of walk.entries(folder, place?.segments)) if (!page.add(entry, undefined)) break
}

async function fillSorted(
  page: Page,
  walk: Walk,
  folder: Pinned,
  sort: 'size' | 'mtime',
  place: Place | undefined,
): Promise<void> {
  const all: { entry: Entry; key: number; segments: readonly RawPath[] }[] = []
  for await (const entry of walk.entries(folder, undefined)) {
    all.push({ entry, key: (sort === 'size' ? entry.size : entry.mtimeMs) ?? -1, segments: entry.segments })
  }
  // Largest and newest first; of equal ones in the order of the walk.
  const compare = (a: { key: number; segments: readonly RawPath[] }, b: { key: number; segments: readonly RawPath[] }): number =>
    b.key - a.key || inWalkOrder(a.segments, b.segments)
  const from = place?.key === undefined ? undefined : { key: place.key, segments: place.segments }
  for (const item of all.sort(compare)) {
    if (from !== undefined && compare(item, from) <= 0) continue
    if (!page.add(item.entry, item.key)) break
  }
}

/** The place after which the next page begins; undefined when there is none, or when it could not come any further. */
function endOf(page: Page, walk: Walk, sort: ListArguments['sort'], place: Place | undefined): Place | undefined {
  if (page.full) return page.end
  if (walk.incomplete === undefined || sort !== 'name' || walk.position === undefined) return undefined
  const hasAdvanced = place === undefined || inWalkOrder(walk.position, place.segments) > 0
  return hasAdvanced ? { key: undefined, segments: walk.position } : undefined
}

/** Entries up to the limits of one result. */
class Page {
  readonly entries: Entry[] = []
  readonly rows: string[] = []
  /** There was an entry more than fits. */
  full = false
  end: Place | undefined
  readonly #limit: number
  readonly #maxChars: number
  #chars = 0

  constructor(limit: number, maxChars: number) {
    this.#limit = limit
    this.#maxChars = maxChars
  }

  /** False when the entry does not fit: then there is a next page. */
  add(entry: Entry, key: number | undefined): boolean {
    const row = rowOf(entry)
    // The cursor holds the path as base64 of JSON, and with it the result must still fit.
    const cursor = Math.ceil(joinRaw(...entry.segments).length * 2.7) + 60
    if (
      this.entries.length >= this.#limit ||
      (this.entries.length > 0 && this.#chars + row.length + 1 + cursor > this.#maxChars)
    ) {
      this.full = true
      return false
    }
    this.entries.push(entry)
    this.rows.push(row)
    this.#chars += row.length + 1
    this.end = { key, segments: entry.segments }
    return true
  }
}

function rowOf({ segments, kind, size, mtimeMs, target, remark }: Entry): string {
  const type = `${kind}${target === undefined ? '' : `→${target}`}${remark === undefined ? '' : ` (${remark})`}`
  const modified = mtimeMs === undefined ? '' : showTime(mtimeMs)
  return [show(joinRaw(...segments)), type, size ?? '', modified].join('\t').trimEnd()
}

function listResult(
  context: Context,
  path: string,
  args: ListArguments,
  levels: number,
  page: Page,
  walk: Walk,
  next: Record<string, unknown> | undefined,
) {
  const { entries, rows } = page
  const files = entries.filter(({ kind }) => kind === 'file')
  const folders = entries.filter(({ kind }) => kind === 'dir').length
  const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0)
  const truncated = page.full || walk.incomplete !== undefined
  const notes: string[] = []
  if (walk.hidden > 0 && args.cursor === undefined) {
    notes.push(
      `${truncated ? 'hidden entries' : count(walk.hidden, 'hidden entry', 'hidden entries')} left out; show_hidden lists them`,
    )
  }
  if (args.pattern?.includes('/') === true && levels === 1)
    notes.push('a pattern with a slash matches nothing without "recursive"')
  if (args.recursive && args.depth === 1) notes.push('"depth" 1 is this folder only')
  if (walk.incomplete !== undefined) {
    const why =
      walk.incomplete === 'time'
        ? 'the time for one listing was over'
        : 'as many entries as one listing may look at were looked at'
    notes.push(`${why}${next === undefined ? ', so this is a part; list a subfolder' : ''}`)
  }
  const noun = entries.length === 1 ? 'entry' : 'entries'
  const what = args.pattern === undefined ? noun : `${noun} matching ${JSON.stringify(show(rawPath(args.pattern)))}`
  return report(context, {
    summary: `${path}: ${args.cursor === undefined ? '' : 'the next '}${entries.length} ${what}${truncated ? ' (of more)' : ''}; ${count(files.length, 'file', 'files')} with ${formatBytes(bytes)}, ${count(folders, 'folder', 'folders')}`,
    ...(rows.length === 0 ? {} : { untrusted: ['name\ttype\tbytes\tmodified', ...rows].join('\n') }),
    notes,
    next,
    truncated,
    rows: entries.length,
    structured: {
      path,
      entries: entries.map(({ segments, kind, size, mtimeMs, target, remark }) => ({
        name: show(joinRaw(...segments)),
        type: kind,
        ...(size === undefined ? {} : { size }),
        ...(mtimeMs === undefined ? {} : { modified: showTime(mtimeMs) }),
        ...(target === undefined ? {} : { target }),
        ...(remark === undefined ? {} : { remark }),
      })),
      files: files.length,
      folders,
      total_bytes: bytes,
    },
  })
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}

/** What was asked, without what is the default anyway. */
function given(args: Omit<ListArguments, 'cursor'>, path: string): Record<string, unknown> {
  const { pattern, recursive, depth, sort, show_hidden, limit } = args
  return {
    path,
    ...(pattern === undefined ? {} : { pattern }),
    ...(recursive ? { recursive } : {}),
    ...(depth === undefined ? {} : { depth }),
    ...(sort === 'name' ? {} : { sort }),
    ...(show_hidden ? { show_hidden } : {}),
    ...(limit === 200 ? {} : { limit }),
  }
}

function listRoots(backend: FilesystemBackend, args: ListArguments, context: Context) {
  const { roots } = backend.sandbox
  return report(context, {
    summary: `${roots.length} roots; paths begin with one of them`,
    body: roots.map(({ label }) => label).join('\n'),
    notes: args.recursive || args.pattern !== undefined ? ['list one of the roots to search in it'] : [],
    rows: roots.length,
    structured: { path: '.', entries: roots.map(({ label }) => ({ name: label, type: 'dir' })) },
  })
}
