// Points in time as nanoseconds since 1970 in a BigInt, because a double cannot hold them; and the range of a search.
import { formatSpan } from '../../kit/report.ts'
import { quoted } from '../../kit/text.ts'
import { invalid } from '../errors.ts'
import type { Range } from '../types.ts'

const nsPerMs = 1_000_000n
export const nsPerSecond = 1_000_000_000n
const defaultHours = 24
const minHours = 0.01
const unitSeconds = new Map(
  Object.entries({ ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 }),
)
const durationPart = /(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhdwy])/gi

/** Seconds of `90s`, `1h30m` or `2d`; NaN for anything else. */
export function durationSeconds(text: string): number {
  if (text === '' || text.length > 40 || text.replace(durationPart, '') !== '') return Number.NaN
  let seconds = 0
  for (const [, count, unit = ''] of text.matchAll(durationPart)) {
    seconds += Number(count) * (unitSeconds.get(unit.toLowerCase()) ?? 0)
  }
  return seconds
}

/**
 * Reads `now`, `now-2h`, `now-1h30m`, RFC 3339 with up to nanoseconds, a date, or Unix time in s, ms, µs or ns.
 * A time without a zone is read as UTC. Undefined when it is none of these.
 */
export function parseTime(text: string, now: bigint): bigint | undefined {
  const value = text.trim()
  if (value.length > 60) return undefined
  const relative = /^now(?:\s*-\s*(\w[\w.]*))?$/i.exec(value)
  if (relative !== null) {
    const seconds = relative[1] === undefined ? 0 : durationSeconds(relative[1])
    return Number.isNaN(seconds) ? undefined : now - nanoseconds(seconds)
  }
  if (/^\d{10}(?:\d{3}|\d{6}|\d{9})?$/.test(value)) return BigInt(value) * 10n ** BigInt(19 - value.length)
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(value)
  if (date === null) return undefined
  const [, day, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = date
  const ms = Date.parse(`${day}T${time}:${seconds}${zone.toUpperCase()}`)
  // Date.parse turns February 30 into March 2.
  if (Number.isNaN(ms) || (zone.toUpperCase() === 'Z' && !new Date(ms).toISOString().startsWith(day ?? ''))) return undefined
  return BigInt(ms) * nsPerMs + BigInt(fraction.padEnd(9, '0'))
}

export function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1000)) * nsPerMs
}

interface RangeArguments {
  readonly hours?: number | string | undefined
  readonly start?: string | undefined
  readonly end?: string | undefined
}

/**
 * The range that a search asks for, at most `maxHours` long.
 * @param lookbackSeconds how long before the range a metric query reads, by its windows and offsets
 * @throws ToolError for what is not a time, not a range, or longer than the operator allows
 */
export function readRange(
  { hours, start, end }: RangeArguments,
  maxHours: number,
  lookbackSeconds: number,
  notes: string[],
  nowMs = Date.now(),
): Range {
  const now = BigInt(nowMs) * nsPerMs
  const until = end === undefined ? now : readTime('end', end, now)
  const longest = maxHours * 3_600 - lookbackSeconds
  const allowed = formatSpan(maxHours * 3_600)
  const counted = lookbackSeconds === 0 ? '' : `, ${formatSpan(lookbackSeconds)} of it for the windows and offsets of the query`
  const from = start === undefined ? until - nanoseconds(readHours(hours) * 3_600) : readTime('start', start, now)
  if (start !== undefined && hours !== undefined) notes.push('"hours" was ignored, because "start" is given')
  if (from >= until)
    throw invalid(`"start" must be before "end"${end === undefined ? ', which is now' : ''}`, { start: 'now-2h', end: 'now' })
  const wanted = secondsOf({ start: from, end: until })
  if (wanted <= longest) return { start: from, end: until }
  if (start === undefined && longest >= minHours * 3_600) {
    const set = `"hours" was set to ${Math.floor(longest / 36) / 100} from ${wanted / 3_600}`
    notes.push(`${set}: this server searches at most ${allowed}${counted}`)
    return { start: until - nanoseconds(longest), end: until }
  }
  const hint = longest > 0 ? 'several calls, each with a part of the range' : 'a shorter window and offset'
  throw invalid(`this would search ${formatSpan(wanted + lookbackSeconds)}${counted}; at most ${allowed} are allowed`, hint)
}

/** A number of hours, or a duration such as `30m`, `1h` or `2 days`. */
function readHours(hours: number | string = defaultHours): number {
  if (typeof hours === 'number') return hours
  const written = hours.trim().toLowerCase()
  const words = /^(\d+(?:\.\d+)?)?\s*(minute|min|hour|hr|day|week)s?$/.exec(written)
  const value = /^\d+(?:\.\d+)?$/.test(written)
    ? Number(written)
    : durationSeconds(words === null ? written : `${words[1] ?? 1}${words[2]?.[0]}`) / 3_600
  if (value > 0) return Math.max(value, minHours)
  throw invalid(`"hours" is ${quoted(hours)}, expected a number of hours`, { hours: 1 })
}

function readTime(name: string, text: string, now: bigint): bigint {
  const at = parseTime(text, now)
  if (at !== undefined) return at
  throw invalid(`"${name}" is not a time: ${quoted(text)}`, { [name]: name === 'end' ? 'now' : 'now-2h' })
}

export function secondsOf({ start, end }: Range): number {
  return Number((end - start) / nsPerMs) / 1000
}

/** `2026-11-22T14:21:26.946317199Z`, without trailing zeros: exact, unlike a Date. */
export function formatTime(ns: bigint): string {
  const seconds = ns / nsPerSecond
  const fraction = (ns % nsPerSecond).toString().padStart(9, '0').replace(/0+$/, '')
  return `${formatSeconds(Number(seconds)).slice(0, -1)}${fraction === '' ? '' : `.${fraction}`}Z`
}

/** `2026-11-22T14:21:26Z` from Unix seconds. */
export function formatSeconds(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

/** `14:21:26.946`, with the date before it where a page may hold several days. */
export function formatClock(ns: bigint, withDate: boolean): string {
  const iso = new Date(Number(ns / nsPerMs)).toISOString()
  return withDate ? `${iso.slice(5, 10)} ${iso.slice(11, 23)}` : iso.slice(11, 23)
}

/** `24h`, `15m`, `864s`: a duration as LogQL writes it. */
export function formatDuration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
