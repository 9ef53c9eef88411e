// Summary of one chart: now, min, avg and max of each dimension.
import type { Data } from '../types.ts'

interface Dimension {
  /** `user`, or `/var used` where a context has several charts. */
  readonly name: string
  readonly now: number | undefined
  readonly min: number
  readonly avg: number
  readonly max: number
  /** Oldest first, null where there is no value; empty unless points were asked for. */
  readonly points: readonly (number | null)[]
}

export interface Chart {
  readonly units: string | undefined
  /** Largest first. */
  readonly dimensions: readonly Dimension[]
  /** How many dimensions were zero all the time and are left out. */
  readonly zero: number
  /** Unix seconds of the points, oldest first. */
  readonly times: readonly number[]
}

/** @param answers of the whole time by each method, and of the last seconds @param points how many are shown */
export function summarise(
  { average, min, max, now }: Readonly<Record<'average' | 'min' | 'max' | 'now', Data>>,
  units: string | undefined,
  points: number,
): Chart {
  const names = namesOf(average)
  const minimum = newestValues(min)
  const maximum = newestValues(max)
  const latest = newestValues(now)
  const all = average.dimensions.flatMap((dimension, i): Dimension[] => {
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
  dimensions.sort((a, b) => size(b) - size(a))
  return { units, dimensions, zero: all.length - dimensions.length, times: points > 0 ? average.times.toReversed() : [] }
}

function size({ min, max }: Dimension): number {
  return Math.max(Math.abs(min), Math.abs(max))
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
