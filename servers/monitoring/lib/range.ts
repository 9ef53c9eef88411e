// The time range of a search, from its arguments.
import { ToolError } from '../../../protocol/index.ts'
import type { Range } from './loki.ts'
import { formatSpan, parseTime } from './time.ts'

interface RangeArguments {
  readonly hours: number
  readonly start?: string | undefined
  readonly end?: string | undefined
}

/** @throws ToolError for what is no time, no range, or a longer one than the operator allows */
export function rangeOf({ hours, start, end }: RangeArguments, maxHours: number, notes: string[], nowMs = Date.now()): Range {
  const now = BigInt(nowMs) * 1_000_000n
  const until = end === undefined ? now : time('end', end, now)
  const maxNs = BigInt(maxHours) * 3_600_000_000_000n
  if (start === undefined) {
    if (hours > maxHours) notes.push(`"hours" was set to ${maxHours}, the most this server searches, from ${hours}`)
    return { start: until - BigInt(Math.round(Math.min(hours, maxHours) * 3_600_000)) * 1_000_000n, end: until }
  }
  const from = time('start', start, now)
  if (from >= until) {
    throw new ToolError('INVALID_ARGUMENT', `"start" must be before "end"${end === undefined ? ', which is now' : ''}`, {
      hint: '{"start":"now-2h","end":"now"}',
    })
  }
  if (until - from > maxNs) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `the range is longer than the ${formatSpan(maxHours * 3600)} that this server searches at once`,
      {
        hint: 'several calls, each with a part of the range',
      },
    )
  }
  return { start: from, end: until }
}

function time(name: string, text: string, now: bigint): bigint {
  const at = parseTime(text, now)
  if (at === undefined) {
    throw new ToolError('INVALID_ARGUMENT', `"${name}" is not a time: ${JSON.stringify(text.slice(0, 60))}`, {
      hint: '"2026-11-22T14:00:00Z" or "now-2h"',
    })
  }
  return at
}

export function secondsOf({ start, end }: Range): number {
  return Number((end - start) / 1_000_000n) / 1000
}
