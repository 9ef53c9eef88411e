// Exact pages of log entries. Many entries may share one nanosecond (a program that logs whole seconds writes hundreds), so a page that ends
// between them is continued by their timestamp and the number already shown. Nothing is kept between calls.
import type { Entry, LogQuery, Range } from '../types.ts'

export interface PageQuery extends Range {
  readonly limit: number
  readonly direction: LogQuery['direction']
  /** Entries at the page's first timestamp (end - 1 ns backward, start forward) that earlier pages have shown. */
  readonly skip: number
  /** Most entries that one request may ask for. */
  readonly most: number
}

/** Fetches up to `limit` entries in a range, in the query's direction. */
export type Fetch = (range: Range, limit: number) => Promise<readonly Entry[]>

export type Page = Awaited<ReturnType<typeof fetchPage>>

/** Loki's own default for `max_entries_limit_per_query`. */
export const maxEntries = 5_000

/**
 * @returns the entries in the query's direction; `more`: entries exist beyond these; `split`: the next one has the timestamp of the last one
 * here; `overfull`: more share one nanosecond than one request may fetch, and the rest of them cannot be fetched
 */
export async function fetchPage(query: PageQuery, fetch: Fetch) {
  const { limit, skip, direction, most } = query
  const shown: Entry[] = []
  let range: Range = query
  let overfull = false
  const at = async (time: bigint): Promise<readonly Entry[]> => {
    const entries = await fetch({ start: time, end: time + 1n }, most)
    overfull ||= entries.length >= most
    return entries
  }

  if (skip > 0) {
    const first = direction === 'backward' ? query.end - 1n : query.start
    const rest = (await at(first)).slice(skip)
    shown.push(...rest.slice(0, limit))
    if (rest.length > limit) return { entries: shown, more: true, split: true, overfull }
    range = direction === 'backward' ? { start: query.start, end: first } : { start: first + 1n, end: query.end }
    if (range.start >= range.end) return { entries: shown, more: false, split: false, overfull }
  }
  const wanted = limit - shown.length
  const fetched = await fetch(range, wanted + 1)
  if (fetched.length <= wanted) return { entries: [...shown, ...fetched], more: false, split: false, overfull }
  // Only some of the entries at the last timestamp were fetched, and Loki does not promise which. They are taken in the order of a request
  // for this timestamp alone, which the next page can repeat.
  const last = (fetched[wanted] as Entry).at
  const before = fetched.filter((entry) => entry.at !== last)
  if (before.length === wanted) return { entries: [...shown, ...before], more: true, split: false, overfull }
  const together = await at(last)
  return { entries: [...shown, ...before, ...together.slice(0, wanted - before.length)], more: true, split: true, overfull }
}

/** Where the next page starts when the first `shown` entries of this page were shown. */
export function nextPage(query: PageQuery, page: Page, shown: number): { start: bigint; end: bigint; skip: number } {
  const { direction, start, end } = query
  const last = page.entries[shown - 1]
  if (last === undefined) return { start, end, skip: query.skip }
  const following = page.entries[shown]
  const backward = direction === 'backward'
  const again = following === undefined ? page.split : following.at === last.at
  const together = page.entries.slice(0, shown).filter(({ at }) => at === last.at).length
  // Entries of this timestamp on earlier pages count too.
  const before = last.at === (backward ? end - 1n : start) ? query.skip : 0
  const skip = again ? before + together : 0
  return backward ? { start, end: again ? last.at + 1n : last.at, skip } : { start: again ? last.at : last.at + 1n, end, skip }
}
