// Summary of one chart: now, min, avg and max of each dimension.
import type { Data } from './netdata.ts'

export type Chart = ReturnType<typeof summarise>

/**
 * @param answers of the whole time by each method, and of the last seconds @param points how many are shown
 * @returns the dimensions, the largest first, without the `zero` ones that were zero all the time; `points` and their `times` (Unix seconds)
 * are oldest first, null where there is no value, and empty unless they were asked for
 */
export function summarise(
  { average, min, max, now }: Readonly<Record<'average' | 'min' | 'max' | 'now', Data>>,
  units: string | undefined,
  points: number,
) {
  const names = namesOf(average)
  const minimum = newestValues(min)
  const maximum = newestValues(max)
  const latest = newestValues(now)
  const all = average.dimensions.flatMap((dimension, i) => {
    const known = dimension.values.toReversed()
    const numbers = known.filter((value) => value !== null)
    if (numbers.length === 0) return []
    const key = keyOf(dimension)
    const avg = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
    const current = latest.get(key) ?? (points > 0 ? numbers.at(-1) : undefined)
    const low = minimum.get(key) ?? Math.min(...numbers)
    const high = maximum.get(key) ?? Math.max(...numbers)
    // Netdata's min and max compare absolute values, and values of what is sent are often negative: the smaller number is the minimum.
    const range = { min: Math.min(low, high), max: Math.max(low, high) }
    return [{ name: names[i] ?? '', now: current, ...range, avg, points: points > 0 ? known : [] }]
  })
  const dimensions = all.filter(({ now, min, max, avg }) => [now ?? 0, min, max, avg].some((value) => value !== 0))
  const size = ({ min, max }: { min: number; max: number }): number => Math.max(Math.abs(min), Math.abs(max))
  dimensions.sort((a, b) => size(b) - size(a))
  return { units, dimensions, zero: all.length - dimensions.length, times: points > 0 ? average.times.toReversed() : [] }
}

/** In a context with several charts each name starts with the part of the chart's id that differs. */
function namesOf({ dimensions }: Data): string[] {
  const charts = [...new Set(dimensions.map(({ chart }) => chart))]
  if (charts.length <= 1) return dimensions.map(({ name }) => name)
  const prefix = /^[^.]*\./.exec(charts[0] ?? '')?.[0] ?? ''
  const strip = charts.every((chart) => chart.startsWith(prefix)) ? prefix.length : 0
  return dimensions.map(({ chart, name }) => `${chart.slice(strip)} ${name}`)
}

function keyOf({ chart, name }: Data['dimensions'][number]): string {
  return `${chart} ${name}`
}

/** The newest value of each dimension. */
export function newestValues({ dimensions }: Data): Map<string, number | undefined> {
  return new Map(dimensions.map((one) => [keyOf(one), one.values.find((value) => value !== null) ?? undefined]))
}
