// The result of a metric query as a small table.
import { cleanText, clip } from '../../kit/text.ts'
import type { Series } from './loki.ts'
import { labelText } from './render-logs.ts'

const maxSeries = 50
/** Loki's own limit for one series. */
const maxPoints = 11_000

export interface RenderedSeries {
  readonly text: string
  /** Those in the text, in its order. */
  readonly shown: readonly (Series & { readonly stats: SeriesStats })[]
}

/** Largest first. With the seconds between them, the values in their order follow each series, `-` where there is none. */
export function renderSeries(series: readonly Series[], stepSeconds: number | undefined, maxChars: number): RenderedSeries {
  const ranked = series
    .map((one) => ({ ...one, stats: statsOf(one.points) }))
    .sort((a, b) => (b.stats.max || 0) - (a.stats.max || 0))
  const lines = [['labels', 'last', 'min', 'avg', 'max', 'n'].join('\t')]
  let chars = 0
  const shown: RenderedSeries['shown'][number][] = []
  for (const one of ranked) {
    const { labels, points: values, stats } = one
    const { last, min, avg, max, count } = stats
    const row = [cell(labelText(labels)), ...[last, min, avg, max].map(formatNumber), count].join('\t')
    const more = stepSeconds === undefined ? '' : `\n  ${pointsText(values, stepSeconds)}`
    const text = clip(`${row}${more}`, 8_000)
    if (shown.length >= maxSeries || (chars += text.length + 1) > maxChars) break
    lines.push(text)
    shown.push(one)
  }
  return { text: lines.join('\n'), shown }
}

export interface SeriesStats {
  readonly last: number
  readonly min: number
  readonly avg: number
  readonly max: number
  readonly count: number
}

/** NaN does not count: Loki sends it where it has divided by nothing. */
export function statsOf(points: Series['points']): SeriesStats {
  let last = Number.NaN
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let sum = 0
  let count = 0
  for (const [, text] of points) {
    const value = Number(text)
    if (Number.isNaN(value)) continue
    last = value
    if (value < min) min = value
    if (value > max) max = value
    sum += value
    count += 1
  }
  return { last, min, max, avg: sum / count, count }
}

/** Four significant digits: enough to compare, and a third of the tokens. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '-' : String(value)
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
    values.push(formatNumber(Number(value)))
  }
  return `from ${new Date(first * 1000).toISOString().slice(0, 19)}Z every ${stepSeconds} s: ${values.join(' ')}`
}

function cell(text: string): string {
  return cleanText(text).replace(/[\t\n]/g, ' ')
}
