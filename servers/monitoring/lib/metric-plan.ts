// How a metric query is evaluated: at which step, or once at the end, so that its windows leave no part of the range out.
import { formatSpan } from '../../kit/report.ts'
import type { Range } from '../types.ts'
import { type Logql, readLogql, withWindows } from './logql.ts'
import { formatDuration, nanoseconds, secondsOf } from './time.ts'

type MetricPlan = ReturnType<typeof planMetric>

/** Loki's own limit for the points of one series. */
export const maxPoints = 11_000
const pointsWanted = 100

/**
 * @param call writes the arguments of the same call with another query
 * @returns `steps`: seconds between values, 0 for one value at the end; the second is coarser, for when the first gives too many values;
 * `note`: what to say about the step that was used, if anything
 */
export function planMetric(asked: Logql, range: Range, step: number | undefined, call: (query: string) => string) {
  const length = Math.max(1, Math.ceil(secondsOf(range)))
  const coarse = Math.max(1, step ?? Math.ceil(length / pointsWanted))
  // The variables that Grafana fills in.
  const filled = withWindows(asked, ({ text }) =>
    text === '$__range' ? `${length}s` : /^\$__((rate_)?interval|auto)$/.test(text) ? `${coarse}s` : text,
  )
  const query = readLogql(filled)
  const widened = (least: number): string =>
    withWindows(query, ({ text, seconds }) => (seconds < least ? formatDuration(least) : text))
  const shortest = Math.min(...query.windows.map(({ seconds }) => seconds).filter((seconds) => seconds > 0))
  if (step === 0 || (step === undefined && !(shortest < length))) return { query, steps: [0], note: () => undefined }
  if (step === undefined && query.top) {
    const windows = query.windows.map(({ text }) => `[${text}]`).join(', ')
    const note = `the top was chosen once for the whole range: ${windows} became [${formatDuration(length)}]. With "step" it is chosen again at each point`
    return { query: readLogql(widened(length)), steps: [0], note: () => note }
  }
  const fine = Math.min(coarse, Math.max(shortest, Math.ceil(length / maxPoints)))
  const covered = (used: number): string => `${Number(((100 * shortest) / used).toPrecision(2))} %`
  const note = (used: number): string | undefined => {
    const whole = `TRY: ${call(widened(coarse))}`
    if (used > shortest)
      return `values for every window of ${formatSpan(shortest)} would be too many: they are ${used} s apart and cover ${covered(used)} of the time. For all of it ${whole}`
    if (step === undefined || used === step) return undefined
    return `"step" was set to ${used} from ${step}, because windows of ${formatSpan(shortest)} would cover ${covered(step)} of the time. For a value every ${step} s ${whole}`
  }
  return { query, steps: fine < coarse ? [fine, coarse] : [coarse], note }
}

/** What each selector of the query reads for a range: its window ends at each of the values, or at the end alone. */
export function rangesOf({ query, steps }: MetricPlan, range: Range): Range[] {
  const first = steps[0] === 0 ? range.end : range.start
  return query.leaves.map(({ window }) => {
    const offset = nanoseconds(window?.offsetSeconds || 0)
    return { start: first - nanoseconds(window?.seconds || 0) - offset, end: range.end - offset }
  })
}

/** How far these reach out of the range, in seconds. */
export function reachSeconds(ranges: readonly Range[], range: Range): number {
  const before = ranges.map(({ start }) => secondsOf({ start, end: range.start }))
  const after = ranges.map(({ end }) => secondsOf({ start: range.end, end }))
  return Math.max(0, ...before) + Math.max(0, ...after)
}
