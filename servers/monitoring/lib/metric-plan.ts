// How a metric query is evaluated: at which step, or once at the end, so that its windows leave no part of the range out.
import type { Range } from '../types.ts'
import { type Logql, readLogql, type Window, withWindows } from './logql.ts'
import { formatSpan, secondsOf, shifted } from './time.ts'

export interface MetricPlan {
  readonly query: Logql
  /** Seconds between values, 0 for one value at the end. The second is coarser, for when the first gives too many values. */
  readonly steps: readonly number[]
  readonly notes: readonly string[]
  /** What to say when the step is longer than the shortest window; undefined where it is not. */
  coverageNote(step: number): string | undefined
}

/** Loki's own limit for the points of one series. */
export const maxPoints = 11_000
const pointsWanted = 100

/** @param call writes the arguments of the same call with another query and step */
export function planMetric(
  asked: Logql,
  range: Range,
  step: number | undefined,
  call: (query: string, step?: number) => string,
): MetricPlan {
  const length = Math.max(1, Math.ceil(secondsOf(range)))
  const coarse = Math.max(1, step ?? Math.ceil(length / pointsWanted))
  // The variables that Grafana fills in.
  const variables = new Map([
    ['$__range', length],
    ['$__interval', coarse],
    ['$__rate_interval', coarse],
    ['$__auto', coarse],
  ])
  const query = readLogql(withWindows(asked, ({ text }) => (variables.has(text) ? `${variables.get(text)}s` : text)))
  const widened = (least: number): string => withWindows(query, ({ text, seconds }) => (seconds < least ? `${least}s` : text))
  const shortest = Math.min(...query.windows.map(({ seconds }) => seconds).filter((seconds) => seconds > 0))
  if (step === 0 || (step === undefined && !(shortest < length))) return once(query)
  if (step === undefined && query.top) {
    return once(readLogql(widened(length)), [
      `the top was chosen once for the whole range: [${query.windows.map(({ text }) => text).join('], [')}] became [${length}s]. With "step" it is chosen again at each point`,
    ])
  }
  const fine = Math.min(coarse, shortest)
  const coverage = `${Number(((100 * shortest) / coarse).toPrecision(2))} %`
  const whole = (): string => `TRY: ${call(widened(coarse), step)}`
  if (fine === coarse || length / fine > maxPoints) {
    return { query, steps: [coarse], notes: [], coverageNote: () => (fine === coarse ? undefined : sparse()) }
  }
  const notes =
    step === undefined
      ? []
      : [
          `"step" was set to ${fine} from ${step}, because windows of ${formatSpan(shortest)} would cover ${coverage} of the time. For a value every ${step} s ${whole()}`,
        ]
  return { query, steps: [fine, coarse], notes, coverageNote: (used) => (used === fine ? undefined : sparse()) }

  function sparse(): string {
    return `the values are ${coarse} s apart and their windows ${formatSpan(shortest)} long, which covers ${coverage} of the time, because a value for each window would be too many. For all of it ${whole()}`
  }
}

function once(query: Logql, notes: readonly string[] = []): MetricPlan {
  return { query, steps: [0], notes, coverageNote: () => undefined }
}

/** What one window reads in a range, or at its end alone. */
export function windowRange({ seconds, offsetSeconds }: Window, range: Range, onlyAtEnd: boolean): Range {
  const from = onlyAtEnd ? { start: range.end, end: range.end } : range
  return shifted(from, -(seconds || 0) - (offsetSeconds || 0), -(offsetSeconds || 0))
}

/** How much longer than the range the time is that its windows and offsets reach into. */
export function reachSeconds({ query, steps }: MetricPlan, range: Range): number {
  const ranges = query.windows.map((window) => windowRange(window, range, steps[0] === 0))
  const start = ranges.reduce((least, each) => (each.start < least ? each.start : least), range.start)
  const end = ranges.reduce((most, each) => (each.end > most ? each.end : most), range.end)
  return Math.max(0, secondsOf({ start, end }) - secondsOf(range))
}
