// The results of search_logs, as text and as data.
import type { Context } from '../../../protocol/index.ts'
import { formatBytes, report } from '../../kit/report.ts'
import { clip } from '../../kit/text.ts'
import type { Search, SearchArguments } from '../tools/search-logs.ts'
import type { Followed } from './live-tail.ts'
import type { Entry, Range, Series } from './loki.ts'
import { nextPage, type Page } from './paging.ts'
import { fitting, maxLineChars, renderLogs, shownMetadata } from './render-logs.ts'
import { renderSeries } from './render-series.ts'
import { formatTime } from './time.ts'

export function reportLogs(search: Search, page: Page, followed: Followed | undefined, maxChars: number, context: Context) {
  const { args, range, notes, query } = search
  const shown = page.entries.slice(0, fitting(page.entries, maxChars))
  const more = page.more || shown.length < page.entries.length
  if (shown.length < page.entries.length)
    notes.push(`${page.entries.length} lines were found; these are as many as fit into one result`)
  if (page.overfull) notes.push(`at least ${query.most} lines share one nanosecond; Loki gives no more of them`)
  const history = renderLogs(oldestFirst(shown, args.direction), args.format)
  const which = more ? ` (the ${args.direction === 'backward' ? 'newest' : 'oldest'}; more exist)` : ''
  const lines = shown.length === 1 ? '1 line' : `${shown.length} lines`
  const summary = `${lines}${which} in ${history.streams === 1 ? '1 stream' : `${history.streams} streams`}, ${span(range)}, scanned ${formatBytes(search.scannedBytes)}`
  const live = followed === undefined ? [] : ['== live', renderLogs(followed.entries, args.format).text]
  const text = [history.text, ...live].filter((part) => part !== '').join('\n')
  if (followed !== undefined) notes.push(...liveNotes(followed, args.limit))
  return report(context, {
    summary:
      followed === undefined ? summary : `${summary}; then ${followed.entries.length} live in ${followed.seconds.toFixed(1)} s`,
    ...(shown.length + (followed?.entries.length ?? 0) === 0 ? {} : { untrusted: text }),
    notes,
    next: more ? nextArguments(args, query.limit, nextPage(query, page, shown.length)) : undefined,
    truncated: more || followed?.full === true,
    rows: shown.length + (followed?.entries.length ?? 0),
    structured: {
      lines: shown.map(structuredLine),
      ...(followed === undefined ? {} : { live: followed.entries.map(structuredLine) }),
      scanned_bytes: search.scannedBytes,
    },
  })
}

export function reportSeries(
  { args, range, notes, scannedBytes }: Search,
  series: readonly Series[],
  maxChars: number,
  context: Context,
) {
  const { text, shown } = renderSeries(series, args.step, maxChars)
  const truncated = shown.length < series.length
  if (truncated)
    notes.push(
      `${series.length - shown.length} more series, with smaller values, are not shown; sum by (…) or topk() leaves fewer`,
    )
  if (series.length === 0)
    notes.push('no stream matches, or no line passes the filters: try the query without its function first')
  const summary = `${series.length} series, ${span(range)}, scanned ${formatBytes(scannedBytes)}`
  return report(context, {
    summary,
    ...(series.length === 0 ? {} : { untrusted: text }),
    notes,
    truncated,
    rows: shown.length,
    structured: {
      series: shown.map(({ labels, stats, points }) => ({ labels, ...stats, ...(args.step === undefined ? {} : { points }) })),
      scanned_bytes: scannedBytes,
    },
  })
}

/** To the second: enough to read. The next page's times are exact. */
function span({ start, end }: Range): string {
  const second = 1_000_000_000n
  return `${formatTime((start / second) * second)} to ${formatTime((end / second) * second)}`
}

function oldestFirst(entries: readonly Entry[], direction: SearchArguments['direction']): readonly Entry[] {
  return direction === 'forward' ? entries : entries.toReversed()
}

function liveNotes({ full, dropped, seconds }: Followed, limit: number): string[] {
  return [
    ...(full ? [`the live tail was ended after ${seconds.toFixed(1)} s: ${limit} lines, or as many as fit, had arrived`] : []),
    ...(dropped > 0 ? [`Loki left out at least ${dropped} live lines because they came too fast`] : []),
  ]
}

/** The range stays fixed while somebody pages through it, so it is given as two times whatever it was given as. */
function nextArguments(args: SearchArguments, limit: number, next: { start: bigint; end: bigint; skip: number }) {
  const { query, direction, format } = args
  return {
    query,
    start: formatTime(next.start),
    end: formatTime(next.end),
    limit,
    ...(direction === 'backward' ? {} : { direction }),
    ...(format === 'grouped' ? {} : { format }),
    ...(next.skip === 0 ? {} : { skip: next.skip }),
  }
}

function structuredLine({ at, line, stream, metadata }: Entry) {
  return {
    time: formatTime(at),
    line: clip(line, maxLineChars),
    labels: stream.labels,
    ...(metadata === undefined ? {} : { metadata: shownMetadata(metadata) }),
  }
}
