// read_file: from a pinned file to a result.
import type { FileHandle } from 'node:fs/promises'
import { type Context, ToolError, type ToolResult } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { formatBytes, report } from '../../kit/report.ts'
import type { FilesystemBackend } from '../backend.ts'
import { readBase64 } from '../lib/base64.ts'
import { type Pinned, showTime } from '../lib/descriptor.ts'
import { stateOf } from '../lib/line-index.ts'
import { Lines } from '../lib/lines.ts'
import { type Location, showLocation } from '../lib/location.ts'
import { reach, shown } from '../lib/reach.ts'
import { formatOf, sampleBytes, sniff, type TextFormat } from '../lib/text.ts'
import { type Caps, fromEnd, fromLine, type Window } from '../lib/window.ts'

export interface ReadArguments {
  path: string
  offset?: number | undefined
  limit?: number | undefined
  tail?: number | undefined
  encoding: 'auto' | 'utf-8' | 'latin1' | 'base64'
  line_numbers: boolean
}

const defaultLimit = 500

/** What is known of a file before its content is. */
export interface OpenedFile {
  readonly handle: FileHandle
  readonly pinned: Pinned
  /** The path to show, and to put into `next`. */
  readonly path: string
  readonly size: number
  /** `1.5 KiB, modified …, link to …`: the end of every summary. */
  readonly about: string
  readonly facts: Readonly<Record<string, unknown>>
  /** Characters that the lines of the result may have. */
  readonly charBudget: number
}

export async function readFile(
  backend: FilesystemBackend,
  environment: Environment,
  args: ReadArguments,
  context: Context,
): Promise<ToolResult<Record<string, unknown>>> {
  const { sandbox } = backend
  if ((args.tail ?? 0) > 0 && (args.offset ?? 1) > 1) {
    throw new ToolError('INVALID_ARGUMENT', '"offset" and "tail" exclude each other', {
      hint: JSON.stringify({ path: args.path, tail: args.tail }),
    })
  }
  return reach(sandbox, args.path, context.signal, async (pinned, asked) => {
    const path = showLocation(sandbox.roots, asked)
    context.annotate({ upstream: pinned.location.root.label })
    if (pinned.kind === 'dir') {
      throw new ToolError('INVALID_ARGUMENT', `"${shown(sandbox, asked)}" is a folder`, {
        hint: `list_directory ${JSON.stringify({ path })}`,
      })
    }
    const handle = await pinned.read()
    try {
      return await readOpened(backend, args, context, describe(backend, environment, handle, pinned, asked, context))
    } finally {
      await handle.close()
    }
  })
}

function describe(
  backend: FilesystemBackend,
  environment: Environment,
  handle: FileHandle,
  pinned: Pinned,
  asked: Location,
  context: Context,
): OpenedFile {
  const { roots } = backend.sandbox
  const path = showLocation(roots, asked)
  const real = showLocation(roots, pinned.location)
  const size = Number(pinned.stat.size)
  const modified = showTime(Number(pinned.stat.mtimeMs))
  const link = real === path ? '' : `, link to ${shown(backend.sandbox, pinned.location)}`
  // What the text holds beside the lines: the summary, the boundary's tags, notes, and the arguments of the next page.
  const around = 700 + 2 * JSON.stringify(path).length + link.length + context.warnings.join(' argument ').length
  return {
    handle,
    pinned,
    path,
    size,
    about: `${formatBytes(size)}, modified ${modified}${link}`,
    facts: { path, ...(link === '' ? {} : { link_target: real }), size, modified },
    charBudget: Math.max(200, environment.maxResultChars - around),
  }
}

async function readOpened(backend: FilesystemBackend, args: ReadArguments, context: Context, file: OpenedFile) {
  if (args.encoding === 'base64') return readBase64(backend.limits, args, context, file)
  const sample = Buffer.alloc(Math.min(sampleBytes, file.size))
  const { bytesRead } = await file.handle.read(sample, 0, sample.length, 0)
  context.signal.throwIfAborted()
  const head = sample.subarray(0, bytesRead)
  if (args.encoding !== 'auto') return readText(backend, args, context, file, formatOf(args.encoding, head))
  const content = sniff(head)
  if (content.kind === 'text') return readText(backend, args, context, file, content.format)
  if (content.kind === 'image' && file.size <= backend.limits.maxImageBytes) return readImage(context, file, content.type)
  return report(context, {
    summary: `${file.path}: not text but ${content.type}, ${file.about}`,
    body: `first bytes: ${head.subarray(0, 64).toString('hex')}`,
    notes: [
      content.kind === 'image'
        ? `pictures are shown up to ${formatBytes(backend.limits.maxImageBytes)}; encoding "base64" gives the bytes`
        : 'encoding "base64" gives the bytes, "latin1" reads it as text all the same',
    ],
    truncated: file.size > 0,
    structured: { ...file.facts, type: content.type },
  })
}

async function readImage(context: Context, file: OpenedFile, mimeType: string) {
  const bytes = Buffer.alloc(file.size)
  let filled = 0
  while (filled < bytes.length) {
    context.signal.throwIfAborted()
    const { bytesRead } = await file.handle.read(bytes, filled, bytes.length - filled, filled)
    if (bytesRead === 0)
      throw new ToolError('UPSTREAM_ERROR', 'the picture became shorter while it was read', { hint: 'the same call again' })
    filled += bytesRead
  }
  return report(context, {
    summary: `${file.path}: ${mimeType}, ${file.about}`,
    blocks: [{ type: 'image', data: bytes.toString('base64'), mimeType }],
    structured: { ...file.facts, type: mimeType },
  })
}

async function readText(backend: FilesystemBackend, args: ReadArguments, context: Context, file: OpenedFile, format: TextFormat) {
  const { limits, lineIndex } = backend
  const size = file.size - ((file.size - format.start) % format.width)
  const state = stateOf(file.pinned.stat, format.charset, limits.settledMs)
  const lines = new Lines(file.handle, {
    size,
    format,
    signal: context.signal,
    searchMs: limits.searchMs,
    onMark(position, linesBefore) {
      if (state !== undefined) lineIndex.mark(state, position, linesBefore)
      context.progress(position, size)
    },
  })
  const knownTotal = state === undefined ? undefined : lineIndex.totalLines(state)
  const small = size < limits.countBelowBytes
  const tail = args.tail ?? 0
  const caps: Caps = {
    chars: file.charBudget,
    bytes: limits.maxReadBytes,
    lines: Math.min(args.limit ?? (tail > 0 ? tail : defaultLimit), limits.maxReadLines),
    lineChars: Math.min(limits.maxLineChars, file.charBudget - 60),
    extraChars: args.line_numbers ? 12 : 1,
  }
  const known = {
    totalLines: knownTotal,
    mark: (linesBefore: number) => (state === undefined ? undefined : lineIndex.nearestMark(state, linesBefore)),
  }
  let window: Window
  if (tail > 0) {
    const total = knownTotal ?? (small ? (await lines.skip(format.start, Number.MAX_SAFE_INTEGER)).skipped : undefined)
    window = await fromEnd(lines, format, caps, tail, Math.min(args.limit ?? tail, tail), total)
  } else {
    const offset = args.offset ?? 1
    const page = await fromLine(lines, format, caps, offset, known, small)
    if (state !== undefined && page.more && !page.endless) lineIndex.mark(state, page.end, offset - 1 + page.lines.length)
    window = page
  }
  const after = await file.handle.stat({ bigint: true })
  const changed = lines.truncated || after.size !== file.pinned.stat.size || after.mtimeNs !== file.pinned.stat.mtimeNs
  if (state !== undefined && !changed && window.totalLines !== undefined) lineIndex.setTotal(state, window.totalLines)
  return textResult(args, context, file, format, window, changed)
}

function textResult(
  args: ReadArguments,
  context: Context,
  file: OpenedFile,
  format: TextFormat,
  window: Window,
  changed: boolean,
) {
  const { lines, first, totalLines, more, latin1, damaged, endless } = window
  const last = first === undefined ? undefined : first + lines.length - 1
  const tail = args.tail ?? 0
  const skipped = tail - Math.min(args.limit ?? tail, tail)
  const options = {
    ...(args.encoding === 'auto' ? {} : { encoding: args.encoding }),
    ...(args.line_numbers ? { line_numbers: true } : {}),
  }
  const shownCount = skipped + lines.length
  const next = !more
    ? undefined
    : tail > 0
      ? {
          path: file.path,
          tail: shownCount + Math.min(args.limit ?? tail, 5_000),
          limit: Math.min(args.limit ?? tail, 5_000),
          ...options,
        }
      : { path: file.path, offset: (last as number) + 1, ...(args.limit === undefined ? {} : { limit: args.limit }), ...options }
  const of = totalLines === undefined ? '' : ` of ${totalLines}`
  const range =
    lines.length === 0
      ? file.size === 0
        ? 'empty'
        : 'no lines'
      : first === undefined
        ? `lines -${shownCount} to -${skipped + 1}, counted from the end`
        : `lines ${first}-${last}${of}`
  const number = (i: number): number => (first === undefined ? i - shownCount : first + i)
  const charset = format.charset === 'auto' ? (latin1 > 0 && latin1 === lines.length ? 'latin1' : 'utf-8') : format.charset
  const notes = [
    ...(latin1 > 0 ? [`${latin1} of these lines ${latin1 === 1 ? 'is' : 'are'} not UTF-8 and read as latin1`] : []),
    ...(damaged > 0
      ? [`${damaged} of these lines ${damaged === 1 ? 'holds' : 'hold'} bytes that are not UTF-8, shown as �`]
      : []),
    ...(endless ? ['the last line goes on for longer than there was time to search'] : []),
    ...(changed ? ['the file changed while it was read'] : []),
  ]
  return report(context, {
    summary: `${file.path}: ${range}, ${file.about}${charset === 'utf-8' ? '' : `, ${charset}`}`,
    ...(lines.length === 0
      ? {}
      : { untrusted: (args.line_numbers ? lines.map((line, i) => `${number(i)}\t${line}`) : lines).join('\n') }),
    notes,
    next,
    truncated: more,
    rows: lines.length,
    structured: {
      ...file.facts,
      encoding: charset,
      ...(totalLines === undefined ? {} : { total_lines: totalLines }),
      ...(first === undefined || lines.length === 0 ? {} : { first_line: first, last_line: last }),
      lines,
    },
  })
}
