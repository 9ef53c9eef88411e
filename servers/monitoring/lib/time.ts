// Points in time as Loki counts them: nanoseconds since 1970 as BigInt, because a double cannot hold them.

export const nsPerMs = 1_000_000n
const nsPerSecond = 1_000_000_000n
const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/**
 * Reads `now`, `now-2h`, `now-1h30m`, RFC 3339 with up to nanoseconds, a date, or Unix time in s, ms, µs or ns.
 * A time without a zone is read as UTC. Undefined when it is none of these.
 */
export function parseTime(text: string, now: bigint): bigint | undefined {
  const value = text.trim()
  if (value.length > 60) return undefined
  const relative = /^now(?:\s*-\s*((?:\d+(?:\.\d+)?[smhdw])+))?$/i.exec(value)
  if (relative !== null) return now - (relative[1] === undefined ? 0n : durationNs(relative[1]))
  if (/^\d{10}(?:\d{3}|\d{6}|\d{9})?$/.test(value)) return BigInt(value) * 10n ** BigInt(19 - value.length)
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(value)
  if (date === null) return undefined
  const [, day, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = date
  const ms = Date.parse(
    `${day}T${time}:${seconds}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()}`,
  )
  // Date.parse turns February 30 into March 2; nobody who writes it means that.
  if (Number.isNaN(ms) || (zone.toUpperCase() === 'Z' && !new Date(ms).toISOString().startsWith(day ?? ''))) return undefined
  return BigInt(ms) * nsPerMs + BigInt(fraction.padEnd(9, '0'))
}

function durationNs(text: string): bigint {
  let seconds = 0
  for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/gi)) {
    seconds += Number(count) * (unitSeconds[unit.toLowerCase()] ?? 0)
  }
  return BigInt(Math.round(seconds * 1000)) * nsPerMs
}

/** `2026-11-22T14:21:26.946317199Z`, without trailing zeros: exact, unlike a Date. */
export function formatTime(ns: bigint): string {
  const seconds = ns / nsPerSecond
  const fraction = (ns % nsPerSecond).toString().padStart(9, '0').replace(/0+$/, '')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`
}

/** `14:21:26.946` for a line, with the date before it where a page spans several. */
export function formatClock(ns: bigint, withDate: boolean): string {
  const iso = new Date(Number(ns / nsPerMs)).toISOString()
  return withDate ? `${iso.slice(5, 10)} ${iso.slice(11, 23)}` : iso.slice(11, 23)
}

/** `24 h`, `90 s`, `3 d`: a length of time for people. */
export function formatSpan(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 7_200) return `${Number((seconds / 60).toFixed(1))} min`
  if (seconds <= 172_800) return `${Number((seconds / 3_600).toFixed(1))} h`
  return `${Number((seconds / 86_400).toFixed(1))} d`
}
