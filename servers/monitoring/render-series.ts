// The result of a metric query as a small table.
import { cleanText, clip } from '../runtime/report.ts'
import type { Series } from './loki.ts'
import { labelText } from './render-logs.ts'

const maxSeries = 50

export interface RenderedSeries {
  readonly text: string
  readonly shown: number
}

/** Largest first. With `points`, the values in their order follow each series. */
export function renderSeries(series: readonly Series[], points: boolean, maxChars: number): RenderedSeries {
  const ranked = series
    .map((one) => ({ ...one, stats: statsOf(one.points.map(([, value]) => value)) }))
    .sort((a, b) => (b.stats.max || 0) - (a.stats.max || 0))
  const lines = [['labels', 'last', 'min', 'avg', 'max', 'n'].join('\t')]
  let chars = 0
  let shown = 0
  for (const { labels, points: values, stats } of ranked) {
    const { last, min, avg, max, count } = stats
    const row = [cell(labelText(labels)), ...[last, min, avg, max].map(formatNumber), count].join('\t')
    const more = points ? `\n  ${values.map(([at, value]) => `${clock(at)}=${formatNumber(value)}`).join(' ')}` : ''
    const text = clip(`${row}${more}`, 8_000)
    if (shown >= maxSeries || (chars += text.length + 1) > maxChars) break
    lines.push(text)
    shown += 1
  }
  return { text: lines.join('\n'), shown }
}

export function statsOf(values: readonly number[]) {
  const numbers = values.filter((value) => !Number.isNaN(value))
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let sum = 0
  for (const value of numbers) {
    if (value < min) min = value
    if (value > max) max = value
    sum += value
  }
  return { last: numbers.at(-1) ?? Number.NaN, min, max, avg: sum / numbers.length, count: numbers.length }
}

/** Four significant digits: enough to compare, and a third of the tokens. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '-' : String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e12) return String(value)
  return String(Number(value.toPrecision(4)))
}

function clock(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(5, 19)
}

function cell(text: string): string {
  return cleanText(text).replace(/[\t\n]/g, ' ')
}
