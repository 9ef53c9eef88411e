// The result of a metric query as a small table.
import { clip } from '../../kit/text.ts'
import type { Series } from '../types.ts'
import { maxPoints } from './metric-plan.ts'
import { labelText } from './render-logs.ts'
import { formatSeconds } from './time.ts'

const maxSeries = 50
const maxRowChars = 8_000

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
  const lines = [(once ? ['labels', 'value'] : ['labels', 'last', 'min', 'avg', 'max', 'n']).join('\t')]
  let chars = 0
  const shown: typeof ranked = []
  for (const one of ranked) {
    const { last, min, avg, max, count } = one.stats
    const values = once ? [formatNumber(last)] : [...[last, min, avg, max].map(formatNumber), count]
    const row = [labelText(one.labels), ...values].join('\t')
    const text = clip(pointsEvery === undefined ? row : `${row}\n  ${pointsText(one.points, pointsEvery)}`, maxRowChars)
    if (shown.length >= maxSeries || (chars += text.length + 1) > maxChars) break
    lines.push(text)
    shown.push(one)
  }
  return { text: lines.join('\n'), shown }
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
