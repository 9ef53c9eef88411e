// The live tail of one call: what Loki sends from now on, for some seconds, as much as fits into the result.
import { type Context, monotonicMs } from '../../../protocol/index.ts'
import { parseJson } from '../../kit/http/answer.ts'
import type { MonitoringBackend } from '../backend.ts'
import type { Entry, Range } from '../types.ts'
import { readStreams } from './loki.ts'
import { fitting } from './render.ts'

export type Followed = Awaited<ReturnType<typeof follow>>

/** By then Loki has started to send new lines; a tail of one second waits half of it. */
const catchUpMs = 1_000

/**
 * @param stored the range before the tail, which starts at its end, and how many of its lines Loki returns at once
 * @returns the entries, oldest first; how many `seconds` the call waited; `full`: there was no room for more before that time was over;
 * `dropped`: entries that Loki says it could not send fast enough
 * @throws ToolError when Loki refuses the tail; the context's reason when the call was aborted
 */
export async function follow(
  { loki, tail }: MonitoringBackend,
  { query, limit, follow_seconds: seconds }: { query: string; limit: number; follow_seconds: number },
  stored: Range & { limit: number },
  maxChars: number,
  context: Context,
) {
  const from = stored.end
  const began = monotonicMs()
  const elapsed = (): number => (monotonicMs() - began) / 1000
  const entries: Entry[] = []
  const seen = new Set<string>()
  let dropped = 0
  let full = false
  const stop = new AbortController()
  const signal = AbortSignal.any([context.signal, stop.signal])
  const take = (news: readonly Entry[]): void => {
    for (const entry of news) {
      // Within a stream Loki keeps no two equal lines of one time.
      const identity = `${entry.at} ${entry.stream.key} ${entry.line}`
      if (entry.at < from || seen.has(identity)) continue
      seen.add(identity)
      entries.push(entry)
    }
    full = entries.length >= limit || fitting(entries, maxChars) < entries.length
    if (full) stop.abort()
  }
  // Loki reads its history before or after it starts to listen for new lines: a line that arrives in between is sent never, or twice.
  const catchUp = async (): Promise<void> => {
    const end = BigInt(Date.now() + 1_000) * 1_000_000n
    const missed = await loki().logs({ query, start: from, end, limit: stored.limit, direction: 'forward' }, signal)
    if (!signal.aborted) take(missed.entries)
  }
  const tick = (): void => {
    const waited = Math.min(Math.round(elapsed()), seconds)
    context.progress(waited, seconds, `${waited} of ${seconds} s, ${entries.length} lines`)
  }
  const timers = [
    setTimeout(() => stop.abort(), seconds * 1000),
    // When it fails, the tail goes on without it.
    setTimeout(() => void catchUp().catch(() => {}), Math.min(catchUpMs, seconds * 500)),
    setInterval(tick, 1000),
  ]
  try {
    context.progress(0, seconds, `following for ${seconds} s`)
    // delay_for=0: a line is sent at once, also where an older one may still arrive.
    for await (const json of tail({ query, start: String(from), limit: String(limit), delay_for: '0' }, signal)) {
      if (signal.aborted) break
      const frame = (parseJson('Loki', json) ?? {}) as { streams?: unknown; dropped_entries?: unknown[] | null }
      dropped += frame.dropped_entries?.length ?? 0
      take(readStreams(frame.streams ?? [], 'forward'))
    }
  } finally {
    stop.abort()
    for (const timer of timers) clearTimeout(timer)
  }
  context.signal.throwIfAborted()
  entries.sort((a, b) => Number(a.at - b.at))
  return { entries: entries.slice(0, Math.min(limit, fitting(entries, maxChars))), seconds: elapsed(), full, dropped }
}
