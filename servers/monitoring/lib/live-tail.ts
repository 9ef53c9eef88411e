// The live tail of one call: what Loki sends from now on, for some seconds, within the space that is left in the result.
import { type Context, ToolError } from '../../../protocol/index.ts'
import type { OpenTail } from '../backend.ts'
import { type Entry, type Range, readStreams } from './loki.ts'
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

/** What Loki has stored of the same query, oldest first. */
export type History = (range: Range, signal: AbortSignal) => Promise<readonly Entry[]>

export interface FollowOptions {
  readonly query: string
  /** Everything from this nanosecond on. */
  readonly from: bigint
  readonly seconds: number
  readonly limit: number
  readonly maxChars: number
}

/** By then Loki has begun to send what is new; a tail of one second has half of it. */
const catchUpMs = 1_000

/** @throws ToolError when Loki refuses the tail; the context's reason when the call was aborted */
export async function follow(tail: OpenTail, history: History, options: FollowOptions, context: Context): Promise<Followed> {
  const { query, from, seconds, limit, maxChars } = options
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const entries: Entry[] = []
  const seen = new Set<string>()
  let dropped = 0
  let full = false
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, context.signal])
  const take = (news: readonly Entry[]): void => {
    for (const entry of news) {
      // Within a stream Loki itself keeps no two equal lines of one time.
      const identity = `${entry.at} ${entry.stream.key} ${entry.line}`
      if (entry.at < from || seen.has(identity)) continue
      seen.add(identity)
      entries.push(entry)
    }
    full = entries.length >= limit || fitting(entries, maxChars) < entries.length
    if (full) stop.abort()
  }
  // Loki reads its history before it listens for what is new, or after it: a line that arrives in between is sent never, or twice.
  const catchUp = async (): Promise<void> => {
    const end = BigInt(Date.now() + 1_000) * 1_000_000n
    const missed = await history({ start: from, end }, signal)
    if (!signal.aborted) take(missed)
  }
  const time = setTimeout(() => stop.abort(), seconds * 1000)
  // When it fails, the tail goes on without it.
  const once = setTimeout(() => void catchUp().catch(() => {}), Math.min(catchUpMs, seconds * 500))
  const tick = setInterval(() => {
    const waited = Math.min(Math.round(elapsed()), seconds)
    context.progress(waited, seconds, `${waited} of ${seconds} s, ${entries.length} lines`)
  }, 1000)
  const onFrame = (json: string): void => {
    const frame = readFrame(json)
    dropped += frame.dropped
    take(frame.entries)
  }
  try {
    context.progress(0, seconds, `following for ${seconds} s`)
    // delay_for=0: what comes late within the window is worth less here than seeing a line at once.
    await tail({ query, start: String(from), limit: String(limit), delay_for: '0' }, onFrame, signal)
  } finally {
    stop.abort()
    clearTimeout(time)
    clearTimeout(once)
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
