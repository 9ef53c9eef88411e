// Log entries as text: labels once, lines under them, repeats folded; and how many entries fit.
import { cleanText, clip } from '../../kit/text.ts'
import type { Entry } from './loki.ts'
import { formatClock } from './time.ts'

export type LogFormat = 'grouped' | 'lines'

export interface Rendered {
  readonly text: string
  readonly streams: number
  /** Lines that stand for several entries. */
  readonly folded: number
}

export const maxLineChars = 1_000
const maxLabelChars = 300
const maxMetadata = 20
/** Time, number of the stream, count of repeats. */
const maxLineOverhead = 60

/** @param entries oldest first */
export function renderLogs(entries: readonly Entry[], format: LogFormat): Rendered {
  const keys = [...new Set(entries.map(({ stream }) => stream.key))]
  const common = commonLabels(entries)
  const headers = new Map(entries.map(({ stream }) => [stream.key, labelText(stream.labels, common)]))
  const withDate = new Set(entries.map(({ at }) => at / 86_400_000_000_000n)).size > 1
  const lines: string[] = []
  let folded = 0
  if (Object.keys(common).length > 0) lines.push(`${keys.length > 1 ? 'all: ' : ''}${labelText(common)}`)
  const put = (run: readonly Entry[], prefix: string): void => {
    for (const { entry, count, until } of fold(run)) {
      if (count > 1) folded += 1
      const many = count > 1 ? ` ×${count} until ${formatClock(until, withDate)}` : ''
      lines.push(`${formatClock(entry.at, withDate)} ${prefix}${messageOf(entry)}${many}`)
    }
  }
  if (keys.length <= 1) {
    put(entries, '')
  } else if (format === 'grouped') {
    for (const key of keys) {
      lines.push(`-- ${headers.get(key) ?? ''}`)
      put(
        entries.filter(({ stream }) => stream.key === key),
        '',
      )
    }
  } else {
    keys.forEach((key, i) => {
      lines.push(`[${i + 1}] ${headers.get(key) ?? ''}`)
    })
    for (const run of runs(entries)) put(run, `[${keys.indexOf(run[0]?.stream.key ?? '') + 1}] `)
  }
  return { text: lines.join('\n'), streams: keys.length, folded }
}

/** How many of the entries, taken in their order, fit into `maxChars`, labels included. At least one does: its line is clipped. */
export function fitting(entries: readonly Entry[], maxChars: number): number {
  const seen = new Set<string>()
  let chars = 0
  for (const [i, entry] of entries.entries()) {
    if (!seen.has(entry.stream.key)) {
      seen.add(entry.stream.key)
      chars += Math.min(entry.stream.key.length, maxLabelChars) + 20
    }
    chars += messageOf(entry).length + maxLineOverhead
    if (chars > maxChars && i > 0) return i
  }
  return entries.length
}

/** Neighbours with the same text become one line with their number. */
function fold(entries: readonly Entry[]): { entry: Entry; count: number; until: bigint }[] {
  const lines: { entry: Entry; count: number; until: bigint }[] = []
  for (const entry of entries) {
    const last = lines.at(-1)
    if (last !== undefined && last.entry.line === entry.line) {
      last.count += 1
      last.until = entry.at
    } else {
      lines.push({ entry, count: 1, until: entry.at })
    }
  }
  return lines
}

/** Neighbours of one stream. */
function runs(entries: readonly Entry[]): Entry[][] {
  const all: Entry[][] = []
  for (const entry of entries) {
    const last = all.at(-1)
    if (last?.[0]?.stream.key === entry.stream.key) last.push(entry)
    else all.push([entry])
  }
  return all
}

/** One line of a log may hold several lines of text, such as a stack trace; they are indented, so that no line poses as another entry. */
function messageOf(entry: Entry): string {
  return `${clip(cleanText(entry.line).trimEnd().replace(/\n/g, '\n    '), maxLineChars)}${metadataText(entry)}`
}

function metadataText({ metadata }: Entry): string {
  if (metadata === undefined) return ''
  const text = labelText(shownMetadata(metadata))
  return text === '{}' ? '' : ` ${text}`
}

/** The first of a line's structured metadata; whoever sends logs may attach as many as they like. */
export function shownMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = {}
  let count = 0
  for (const name in metadata) {
    // Loki guesses the level of every line; the line itself says it better.
    if (name === 'detected_level') continue
    if (++count > maxMetadata) break
    shown[name] = String(metadata[name])
  }
  return shown
}

function commonLabels(entries: readonly Entry[]): Record<string, string> {
  const [first, ...rest] = new Map(entries.map(({ stream }) => [stream.key, stream.labels])).values()
  return Object.fromEntries(Object.entries(first ?? {}).filter(([name, value]) => rest.every((labels) => labels[name] === value)))
}

/** `{app="api", level="error"}`, ready to be pasted into a query, without the labels in `except`. */
export function labelText(labels: Readonly<Record<string, string>>, except: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels)
    .filter(([name]) => !Object.hasOwn(except, name))
    .map(([name, value]) => `${cleanText(name)}=${JSON.stringify(cleanText(value))}`)
  return clip(`{${pairs.join(', ')}}`, maxLabelChars)
}
