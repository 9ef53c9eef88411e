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

interface Answers {
  readonly average: Data
  readonly min: Data
  readonly max: Data
  readonly now: Data
  readonly units: string | undefined
  readonly points: number
}

export function summarise({ average, min, max, now, units, points }: Answers): Chart {
  const rows = average.rows.toReversed()
  const names = namesOf(average)
  const minimum = newestValues(min)
  const maximum = newestValues(max)
  const latest = newestValues(now)
  const all = names.flatMap((name, i): Dimension[] => {
    const known = rows.map(({ values }) => values[i] ?? null)
    const numbers = known.filter((value) => value !== null)
    if (numbers.length === 0) return []
    const key = keyOf(average, i)
    const avg = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
    const current = latest.get(key) ?? (points > 0 ? numbers.at(-1) : undefined)
    const low = minimum.get(key) ?? Math.min(...numbers)
    const high = maximum.get(key) ?? Math.max(...numbers)
    // Netdata's min and max compare absolute values, and values of what is sent are often negative: the smaller number is the minimum.
    return [{ name, now: current, min: Math.min(low, high), avg, max: Math.max(low, high), points: points > 0 ? known : [] }]
  })
  const dimensions = all.filter(({ now, min, max, avg }) => [now ?? 0, min, max, avg].some((value) => value !== 0))
  dimensions.sort((a, b) => size(b) - size(a))
  return { units, dimensions, zero: all.length - dimensions.length, times: points > 0 ? rows.map(({ at }) => at) : [] }
}

function size({ min, max }: Dimension): number {
  return Math.max(Math.abs(min), Math.abs(max))
}

/** In a context with several charts each name starts with the part of the chart's id that differs. */
function namesOf({ dimensions }: Data): string[] {
  const charts = [...new Set(dimensions.map(({ chart }) => chart ?? ''))]
  if (charts.length <= 1) return dimensions.map(({ name }) => name)
  const prefix = charts[0]?.slice(0, (charts[0]?.indexOf('.') ?? -1) + 1) ?? ''
  const strip = charts.every((chart) => chart.startsWith(prefix)) ? prefix.length : 0
  return dimensions.map(({ chart = '', name }) => `${chart.slice(strip)} ${name}`)
}

function keyOf({ dimensions }: Data, i: number): string {
  const { chart = '', name = '' } = dimensions[i] ?? {}
  return `${chart} ${name}`
}

/** The newest value of each dimension that has one. */
export function newestValues(data: Data): Map<string, number> {
  const newest = new Map<string, number>()
  for (const { values } of data.rows) {
    values.forEach((value, i) => {
      const key = keyOf(data, i)
      if (value !== null && !newest.has(key)) newest.set(key, value)
    })
  }
  return newest
}
