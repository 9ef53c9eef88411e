// The live tail of one call: what Loki sends from now on, for some seconds, within the space that is left in the result.
import { type Context, ToolError } from '../../protocol/index.ts'
import type { OpenTail } from './backend.ts'
import { type Entry, readStreams } from './loki.ts'
import { fitting } from './render-logs.ts'

export interface Followed {
  /** Oldest first. */
  readonly entries: readonly Entry[]
  /** How long was really waited. */
  readonly seconds: number
  /** The result was full before the time was over. */
  readonly full: boolean
  /** Entries that Loki says it could not send fast enough. */
  readonly dropped: number
}

export interface FollowOptions {
  readonly query: string
  /** Everything from this nanosecond on. */
  readonly from: bigint
  readonly seconds: number
  readonly limit: number
  readonly maxChars: number
}

/** @throws ToolError when Loki refuses the tail; the context's reason when the call was aborted */
export async function follow(tail: OpenTail, options: FollowOptions, context: Context): Promise<Followed> {
  const { query, from, seconds, limit, maxChars } = options
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const entries: Entry[] = []
  let dropped = 0
  let full = false
  const stop = new AbortController()
  const time = setTimeout(() => stop.abort(), seconds * 1000)
  const tick = setInterval(() => {
    const waited = Math.min(Math.round(elapsed()), seconds)
    context.progress(waited, seconds, `${waited} of ${seconds} s, ${entries.length} lines`)
  }, 1000)
  const onFrame = (json: string): boolean => {
    const frame = readFrame(json)
    dropped += frame.dropped
    entries.push(...frame.entries.filter(({ at }) => at >= from))
    full = entries.length >= limit || fitting(entries, maxChars) < entries.length
    return !full
  }
  try {
    context.progress(0, seconds, `following for ${seconds} s`)
    await tail(
      // delay_for=0: what comes late within the window is worth less here than seeing a line at once.
      { query, start: String(from), limit: String(limit), delay_for: '0' },
      onFrame,
      AbortSignal.any([stop.signal, context.signal]),
    )
  } finally {
    clearTimeout(time)
    clearInterval(tick)
  }
  context.signal.throwIfAborted()
  entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  return { entries: entries.slice(0, Math.min(limit, fitting(entries, maxChars))), seconds: elapsed(), full, dropped }
}

function readFrame(json: string): { entries: Entry[]; dropped: number } {
  try {
    const { streams, dropped_entries: dropped } = JSON.parse(json) as { streams?: unknown; dropped_entries?: unknown[] | null }
    return { entries: readStreams(streams ?? [], 'forward'), dropped: dropped?.length ?? 0 }
  } catch (error) {
    throw new ToolError('UPSTREAM_ERROR', "a message of Loki's live tail has an unexpected form", { cause: error })
  }
}
