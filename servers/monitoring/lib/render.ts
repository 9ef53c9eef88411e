// Log entries as text: labels once, lines under them, repeats folded; and how many entries fit. The series of a metric query as a table.
import { cleanText, clip, fitLines, oneLine } from '../../kit/text.ts'
import type { Entry, Labels, Series } from '../types.ts'
import { maxPoints } from './metric-plan.ts'
import { formatClock, formatSeconds } from './time.ts'

export const maxLineChars = 1_000
const maxValueChars = 100
const maxLabelsChars = 600
/** Loki's own default limit for one line is 128. */
const maxLabelsRead = 256
/** Time with date, number of the stream, count of repeats. */
const maxLineOverhead = 70

const maxSeries = 50
const maxRowChars = 8_000

/** What leads from a line to its cause comes first, because what does not fit is cut at the end. */
const importantLabels =
  /^(?:__error__|__error_details__|(?:log_?)?level|lvl|severity(?:_text|_number)?|(?:http_)?status(?:_code)?|err|error|error_\w+|exception\w*|trace_?id|span_?id|request_?id|correlation_?id|event_?id)$/i

/**
 * @param entries oldest first @param withDate before each time of day
 * @returns `labelsLeftOut`: some labels of some lines are not shown
 */
export function renderLogs(entries: readonly Entry[], format: 'grouped' | 'lines', withDate: boolean) {
  const streams = new Map(entries.map(({ stream }) => [stream.key, stream.labels]))
  const keys = [...streams.keys()]
  const common = commonLabels([...streams.values()])
  const numbered = format === 'lines' && keys.length > 1
  const lines: string[] = []
  const put = (run: readonly Entry[]): void => {
    for (const { entry, text, count, until } of fold(run)) {
      const prefix = numbered ? `[${keys.indexOf(entry.stream.key) + 1}] ` : ''
      const many = count > 1 ? ` ×${count} until ${formatClock(until, withDate)}` : ''
      lines.push(`${formatClock(entry.at, withDate)} ${prefix}${text}${many}`)
    }
  }
  if (Object.keys(common).length > 0) lines.push(`${keys.length > 1 ? 'all: ' : ''}${labelText(common)}`)
  if (numbered) lines.push(...[...streams.values()].map((labels, i) => `[${i + 1}] ${labelText(labels, common)}`))
  if (numbered || keys.length <= 1) put(entries)
  else {
    for (const [key, labels] of streams) {
      lines.push(`-- ${labelText(labels, common)}`)
      put(entries.filter(({ stream }) => stream.key === key))
    }
  }
  const labelsLeftOut = entries.some(({ metadata, parsed }) => pairsOf(firstLabels(metadata, parsed)).left > 0)
  return { text: lines.join('\n'), streams: keys.length, labelsLeftOut }
}

/** How many of the entries, taken in their order, fit into `maxChars`, labels included. At least one does: its line is clipped. */
export function fitting(entries: readonly Entry[], maxChars: number): number {
  const seen = new Set<string>()
  // The labels that all streams have in common take no more than those of one stream.
  let chars = labelText(entries[0]?.stream.labels ?? {}).length
  for (const [i, entry] of entries.entries()) {
    if (!seen.has(entry.stream.key)) {
      seen.add(entry.stream.key)
      chars += labelText(entry.stream.labels).length + 20
    }
    chars += messageOf(entry).length + maxLineOverhead
    if (chars > maxChars && i > 0) return i
  }
  return entries.length
}

/** Neighbours of one stream that are equal in all that is shown become one line with their number. */
function fold(entries: readonly Entry[]) {
  const lines: { entry: Entry; text: string; count: number; until: bigint }[] = []
  for (const entry of entries) {
    const text = messageOf(entry)
    const last = lines.at(-1)
    if (last?.text === text && last.entry.line === entry.line && last.entry.stream.key === entry.stream.key) {
      last.count += 1
      last.until = entry.at
    } else {
      lines.push({ entry, text, count: 1, until: entry.at })
    }
  }
  return lines
}

/** One line of a log may hold several lines of text, such as a stack trace; they are indented, so that none looks like another entry. */
function messageOf(entry: Entry): string {
  const labels = firstLabels(entry.metadata, entry.parsed)
  const braces = Object.keys(labels).length === 0 ? '' : ` ${labelText(labels)}`
  return `${clip(cleanText(entry.line).trimEnd().replace(/\n/g, '\n    '), maxLineChars)}${braces}`
}

/** What Loki knows of a line beside the labels of its stream; not the level that it guesses, because the line itself says it better. */
function firstLabels(...parts: (Labels | undefined)[]): Labels {
  const labels: Record<string, string> = {}
  let count = 0
  for (const part of parts) {
    // Not Object.keys: a hostile line may have tens of thousands.
    for (const name in part) {
      if (name === 'detected_level') continue
      if (++count > maxLabelsRead) return labels
      labels[name] = part[name] ?? ''
    }
  }
  return labels
}

/** The labels of a line that are shown, as data. */
export function shownLabels(all: Labels): Record<string, string> {
  const labels = firstLabels(all)
  return Object.fromEntries(pairsOf(labels).names.map((name) => [name, clip(labels[name] ?? '', maxLineChars)]))
}

/** `{app="api", level="error"}`, ready to be pasted into a query where nothing was cut, without the labels in `except`. */
export function labelText(labels: Labels, except: Labels = {}): string {
  const { texts, left } = pairsOf(Object.fromEntries(Object.entries(labels).filter(([name]) => !Object.hasOwn(except, name))))
  return `{${texts.join(', ')}${left > 0 ? `, …+${left} labels` : ''}}`
}

/** As many labels as fit; where not all do, important ones first. A long value is cut by itself. */
function pairsOf(labels: Labels) {
  const names = Object.keys(labels)
  const written = function* () {
    for (const name of names)
      yield `${oneLine(name, maxValueChars)}=${JSON.stringify(clip(cleanText(labels[name] ?? ''), maxValueChars))}`
  }
  let texts = fitLines(written(), maxLabelsChars)
  if (texts.length < names.length) {
    const rank = (name: string): number => (importantLabels.test(name) ? 0 : 1)
    names.sort((a, b) => rank(a) - rank(b))
    texts = fitLines(written(), maxLabelsChars)
  }
  return { texts, names: names.slice(0, texts.length), left: names.length - texts.length }
}

function commonLabels([first = {}, ...rest]: readonly Labels[]): Labels {
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((labels) => labels[name] === value)))
}

/**
 * Largest first.
 * @param pointsEvery seconds between the values, where they follow each series: `-` where there is none
 * @param once there is one value in each series
 * @returns the text, and the series in it, in its order
 */
export function renderSeries(
  series: readonly Series[],
  { pointsEvery, once = false, maxChars }: { pointsEvery?: number | undefined; once?: boolean; maxChars: number },
) {
  const ranked = series
    .map((one) => ({ ...one, stats: statsOf(one.points) }))
    .sort((a, b) => (b.stats.max || 0) - (a.stats.max || 0))
  const rows = function* () {
    for (const { labels, points, stats } of ranked.slice(0, maxSeries)) {
      const { last, min, avg, max, count } = stats
      const values = once ? [formatNumber(last)] : [...[last, min, avg, max].map(formatNumber), count]
      const row = [labelText(labels), ...values].join('\t')
      yield clip(
        pointsEvery === undefined ? row : `${row}\n  ${pointsText(points, pointsEvery)}`,
        Math.min(maxRowChars, maxChars),
      )
    }
  }
  const shown = fitLines(rows(), maxChars)
  const head = once ? 'labels\tvalue' : 'labels\tlast\tmin\tavg\tmax\tn'
  return { text: [head, ...shown].join('\n'), shown: ranked.slice(0, shown.length) }
}

/** Loki sends NaN where it has divided by zero; such points do not count. Without any other point all figures are NaN. */
function statsOf(points: Series['points']) {
  const values = points.map(([, text]) => numberOf(text)).filter((value) => !Number.isNaN(value))
  const known = values.length === 0 ? [Number.NaN] : values
  const avg = known.reduce((sum, value) => sum + value, 0) / known.length
  return { last: known.at(-1) ?? 0, min: Math.min(...known), max: Math.max(...known), avg, count: values.length }
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}

/** Four significant digits: enough to compare, and a third of the tokens. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e12) return String(value)
  return String(Number(value.toPrecision(4)))
}

/** The time once and then a value for each step: a time for each value would cost three times as much. */
function pointsText(points: Series['points'], stepSeconds: number): string {
  const first = points[0]?.[0] ?? 0
  const values: string[] = []
  for (const [at, value] of points) {
    const index = Math.round((at - first) / stepSeconds)
    while (values.length < Math.min(index, maxPoints)) values.push('-')
    values.push(formatNumber(numberOf(value)))
  }
  return `from ${formatSeconds(first)} every ${stepSeconds} s: ${values.join(' ')}`
}
