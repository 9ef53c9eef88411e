// Client of Loki's HTTP API: queries, label names and values, estimates of the index.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream, UpstreamRequest } from '../../kit/http/upstream.ts'
import { Remembered } from '../../kit/waiting.ts'
import { readForm, readLoki } from '../errors.ts'
import type { Entry, Labels, LogQuery, Range, Series } from '../types.ts'

/** Keeps structured metadata apart from the stream's labels, so that a trace id does not make each line a stream of its own. */
export const metadataApart = { 'x-loki-response-encoding-flags': 'categorize-labels' } as const

const queryTimeoutMs = 10_000
/** For requests that only explain or estimate: the time of the call itself must remain. */
const helpTimeoutMs = 3_000
/** Its bytes, its text, its strings and the result made of them are in memory at once, for two queries, beside a process of 45 of 64 MiB. */
const maxQueryBytes = 1024 * 1024
const maxHelpBytes = 512 * 1024
const maxUrlQueryChars = 1_500
const nsPerMinute = 60_000_000_000n

/** https://grafana.com/docs/loki/latest/reference/loki-http-api/ */
const resultTypes: ReadonlySet<unknown> = new Set(['streams', 'matrix', 'vector', 'scalar'])

export type Loki = ReturnType<typeof openLoki>

export function openLoki(http: Upstream) {
  const remembered = new Remembered<string[]>({ keepMs: 60_000, maxEntries: 50 }, (key, signal) => {
    const { path, ...query } = JSON.parse(key) as { path: string } & Record<string, string>
    return readNames(path, query, signal)
  })

  async function ask(command: string, kinds: unknown[], query: Record<string, string>, signal: AbortSignal, headers = {}) {
    const path = `/loki/api/v1/${command}`
    const request: UpstreamRequest = { signal, timeoutMs: queryTimeoutMs, maxBytes: maxQueryBytes, headers }
    const long = (query.query ?? '').length > maxUrlQueryChars
    const answer = long ? http.postForm(path, query, request) : http.get(path, { ...request, query })
    const { data } = (readLoki(await answer) ?? {}) as {
      data?: { resultType?: unknown; result?: unknown; stats?: { summary?: Record<string, unknown> } }
    }
    const kind = data?.resultType
    if (!kinds.includes(kind)) {
      if (resultTypes.has(kind)) throw new ToolError('UPSTREAM_ERROR', 'the answer of Loki has an unexpected form')
      throw new ToolError('UPSTREAM_ERROR', 'the answer has no result of Loki', {
        hint: 'ask the operator to check that LOKI_URL is the address of Loki',
      })
    }
    const scanned = data?.stats?.summary?.totalBytesProcessed
    return { kind, result: data?.result, scannedBytes: typeof scanned === 'number' ? scanned : 0 }
  }

  async function help(path: string, query: Record<string, string>, signal: AbortSignal): Promise<unknown> {
    return readLoki(await http.get(path, { signal, timeoutMs: helpTimeoutMs, maxBytes: maxHelpBytes, query }))
  }

  async function readNames(path: string, query: Record<string, string>, signal: AbortSignal): Promise<string[]> {
    const { data } = ((await help(path, query, signal)) ?? {}) as { data?: unknown } // a label without values has no `data` at all
    return Array.isArray(data) ? data.filter((name): name is string => typeof name === 'string') : []
  }

  return {
    /** Entries in the query's direction. */
    async logs(asked: LogQuery, signal: AbortSignal) {
      const { query, direction, limit, mixed = false } = asked
      const parameters = { query, ...times(asked), limit: String(limit), direction }
      const { result, scannedBytes } = await ask('query_range', ['streams'], parameters, signal, mixed ? {} : metadataApart)
      return { entries: readStreams(result, direction), scannedBytes }
    },

    /** @param stepSeconds between two values; 0 for one value at the end */
    async series(query: string, range: Range, stepSeconds: number, signal: AbortSignal) {
      const when = stepSeconds === 0 ? { time: String(range.end) } : { ...times(range), step: String(stepSeconds) }
      const command = stepSeconds === 0 ? 'query' : 'query_range'
      const kinds = ['matrix', 'vector', 'scalar']
      const { kind, result, scannedBytes } = await ask(command, kinds, { query, ...when }, signal)
      return { series: readSeries(kind === 'scalar' ? [{ metric: {}, value: result }] : result), scannedBytes }
    },

    /** What the index says a selector would make Loki read; 0 where it does not say. */
    async estimateBytes(selector: string, range: Range, signal: AbortSignal): Promise<number> {
      const json = await help('/loki/api/v1/index/stats', { query: selector, ...times(range) }, signal)
      const { bytes } = (json ?? {}) as { bytes?: unknown }
      return typeof bytes === 'number' ? bytes : 0
    },

    /** Does Loki accept this query? Also true where it does not say. */
    async isValid(query: string, signal: AbortSignal): Promise<boolean> {
      try {
        await help('/loki/api/v1/format_query', { query }, signal)
        return true
      } catch (error) {
        signal.throwIfAborted()
        return !(error instanceof ToolError && error.code === 'INVALID_ARGUMENT')
      }
    },

    /** Names of the labels in a range; remembered for a minute. */
    labels: (range: Range, signal: AbortSignal) => remembered.get(nameKey('/loki/api/v1/labels', range, {}), signal),

    /** Values of a label, of all streams or those of a selector; remembered for a minute. */
    values(label: string, range: Range, signal: AbortSignal, selector?: string): Promise<string[]> {
      const path = `/loki/api/v1/label/${encodeURIComponent(label)}/values`
      return remembered.get(nameKey(path, range, selector === undefined ? {} : { query: selector }), signal)
    },

    /** Rejects when Loki would not answer a query now. Not by /ready: it says 503 for half a minute after a start, and proxies hide it. */
    async probe(signal: AbortSignal): Promise<void> {
      const end = BigInt(Date.now()) * 1_000_000n
      await readNames('/loki/api/v1/labels', times({ start: end - 60n * nsPerMinute, end }), signal)
    },
  }
}

function times({ start, end }: Range): { start: string; end: string } {
  return { start: String(start), end: String(end) }
}

/** Whole minutes, so that calls one after the other share an answer although their ranges move with the clock. */
function nameKey(path: string, { start, end }: Range, query: Record<string, string>): string {
  const minutes = { start: (start / nsPerMinute) * nsPerMinute, end: (end / nsPerMinute + 1n) * nsPerMinute }
  return JSON.stringify({ path, ...times(minutes), ...query })
}

/**
 * All entries in the query's direction. Those of one timestamp are put in the order of their labels and text: Loki returns them in no fixed
 * order, and a page that is cut among them must be continued in the same order.
 * @throws ToolError for another form
 */
export function readStreams(result: unknown, direction: LogQuery['direction']): Entry[] {
  return readForm('Loki', () => {
    type Line = [at: string, line: string, labels?: { structuredMetadata?: Labels; parsed?: Labels }]
    const streams = result as { stream: Labels; values: Line[] }[]
    const entries = streams.flatMap(({ stream: labels, values }) => {
      const stream = { labels, key: keyOf(labels) }
      checkText(Object.values(labels))
      return values.map(([at, line, { structuredMetadata: metadata, parsed } = {}]): Entry => {
        checkText([line, ...Object.values(metadata ?? {}), ...Object.values(parsed ?? {})])
        return { at: BigInt(at), line, stream, metadata, parsed }
      })
    })
    const sign = direction === 'forward' ? 1 : -1
    return entries.sort((a, b) => sign * (compare(a.at, b.at) || compare(a.stream.key, b.stream.key) || compare(a.line, b.line)))
  })
}

function checkText(values: readonly unknown[]): void {
  if (!values.every((value) => typeof value === 'string')) throw new TypeError('a line or a label is not text')
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function readSeries(result: unknown): Series[] {
  return readForm('Loki', () =>
    (result as { metric: Labels; value?: unknown; values?: unknown }[]).map(({ metric, value, values = [value] }) => {
      if (!Array.isArray(values) || !values.every(Array.isArray)) throw new TypeError('a series without points')
      checkText([...Object.values(metric), ...values.map((point: unknown[]) => point[1])])
      return { labels: metric, points: values as unknown as Series['points'] }
    }),
  )
}
