// Loki's HTTP API as far as it is used here: queries, labels, the index's estimate. Turns its answers into entries and its errors into ours.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream, UpstreamAnswer } from '../../kit/http/upstream.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { accepted, readJson } from '../errors.ts'

export interface Entry {
  /** Nanoseconds since 1970. */
  readonly at: bigint
  readonly line: string
  readonly stream: Stream
  /** Structured metadata of this line, such as a trace id. */
  readonly metadata: Readonly<Record<string, string>> | undefined
}

export interface Stream {
  readonly labels: Readonly<Record<string, string>>
  /** Equal for equal labels. */
  readonly key: string
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Unix seconds and value as Loki writes it, oldest first: copies of them all would cost more than the answer itself. */
  readonly points: readonly (readonly [number, string])[]
}

export type QueryResult =
  | { readonly kind: 'logs'; readonly entries: readonly Entry[]; readonly scannedBytes: number }
  | { readonly kind: 'metric'; readonly series: readonly Series[]; readonly scannedBytes: number }

export interface Range {
  readonly start: bigint
  /** Exclusive. */
  readonly end: bigint
}

export interface LogQuery extends Range {
  readonly query: string
  readonly limit: number
  readonly direction: 'backward' | 'forward'
  readonly stepSeconds: number
  /** Structured metadata is mixed into the streams' labels. */
  readonly mixed?: boolean
}

/** Keeps structured metadata apart from the stream's labels, so that a trace id does not make each line a stream of its own. */
export const metadataApart = { 'x-loki-response-encoding-flags': 'categorize-labels' } as const

const queryTimeoutMs = 10_000
/** For what only helps to explain or to guard; it must not use up the time of the query itself. */
const helpTimeoutMs = 3_000
/** Its bytes, its text, its strings and the result made of them are in memory at once, for two queries, beside a process of 45 of 64 MiB. */
const maxQueryBytes = 1024 * 1024
const maxHelpBytes = 512 * 1024
const maxUrlQueryChars = 1_500
const labelsKeptMs = 60_000

export class Loki {
  readonly #http: Upstream
  readonly #remembered = new Map<string, { at: number; value: Promise<string[]> }>()

  constructor(http: Upstream) {
    this.#http = http
  }

  async query(
    { query, start, end, limit, direction, stepSeconds, mixed = false }: LogQuery,
    signal: AbortSignal,
  ): Promise<QueryResult> {
    const parameters = {
      query,
      start: String(start),
      end: String(end),
      limit: String(limit),
      direction,
      step: String(stepSeconds),
    }
    const path = '/loki/api/v1/query_range'
    const request = {
      signal,
      timeoutMs: queryTimeoutMs,
      maxBytes: maxQueryBytes,
      headers: mixed ? {} : metadataApart,
    }
    const long = query.length > maxUrlQueryChars
    const asked = long ? this.#http.postForm(path, parameters, request) : this.#http.get(path, { ...request, query: parameters })
    const answer = accepted('Loki', await asked)
    if (answer.status !== 200) throw refused(answer)
    return readResult(readJson('Loki', answer), direction)
  }

  /** What the index says a selector would make Loki read; undefined where it cannot say. */
  async estimateBytes(selector: string, range: Range, signal: AbortSignal): Promise<number | undefined> {
    const answer = await this.#help('/loki/api/v1/index/stats', { query: selector, ...times(range) }, signal)
    const bytes = answer.status === 200 ? (readJson('Loki', answer) as { bytes?: unknown } | null)?.bytes : undefined
    return typeof bytes === 'number' ? bytes : undefined
  }

  /** Names of the labels in a range; remembered for a minute. */
  labels(range: Range, signal: AbortSignal): Promise<string[]> {
    return this.#remember('', range, () => this.#names('/loki/api/v1/labels', times(range), signal))
  }

  /** Values of a label; remembered for a minute. */
  values(label: string, range: Range, signal: AbortSignal): Promise<string[]> {
    return this.#remember(label, range, () =>
      this.#names(`/loki/api/v1/label/${encodeURIComponent(label)}/values`, times(range), signal),
    )
  }

  /** Rejects when Loki would not answer a query now. Not by /ready: it says 503 for half a minute after a start, and proxies hide it. */
  async probe(signal: AbortSignal): Promise<void> {
    const end = BigInt(Date.now()) * 1_000_000n
    await this.#names('/loki/api/v1/labels', times({ start: end - 3_600_000_000_000n, end }), signal)
  }

  close(): void {
    this.#http.close()
  }

  async #help(path: string, query: Record<string, string>, signal: AbortSignal): Promise<UpstreamAnswer> {
    return accepted('Loki', await this.#http.get(path, { signal, timeoutMs: helpTimeoutMs, maxBytes: maxHelpBytes, query }))
  }

  async #names(path: string, query: Record<string, string>, signal: AbortSignal): Promise<string[]> {
    const answer = await this.#help(path, query, signal)
    if (answer.status !== 200) throw refused(answer)
    const { data } = (readJson('Loki', answer) ?? {}) as { data?: unknown } // a label without values has no `data` at all
    return Array.isArray(data) ? data.filter((name): name is string => typeof name === 'string') : []
  }

  async #remember(label: string, { start, end }: Range, ask: () => Promise<string[]>): Promise<string[]> {
    // What exists depends on the range; that it moves on with the clock within the minute does not matter.
    const key = `${label} ${end - start} ${end / 3_600_000_000_000n}`
    const known = this.#remembered.get(key)
    if (known !== undefined && Date.now() - known.at < labelsKeptMs) return known.value
    const value = ask()
    if (this.#remembered.size >= 50) this.#remembered.clear()
    this.#remembered.set(key, { at: Date.now(), value })
    try {
      return await value
    } catch (error) {
      this.#remembered.delete(key)
      throw error
    }
  }
}

function times({ start, end }: Range): { start: string; end: string } {
  return { start: String(start), end: String(end) }
}

/** Loki explains a 400 in one line of plain text, about the query: the model can act on it. */
export function refused({ status, body }: Pick<UpstreamAnswer, 'status' | 'body'>): ToolError {
  const text = clip(cleanText(body.subarray(0, 2_000).toString()).trim().replace(/\s+/g, ' '), 400)
  if (status === 404) {
    return new ToolError('UPSTREAM_ERROR', 'there is no Loki at the configured address (404)', {
      hint: 'ask the operator to check the address and its path prefix',
    })
  }
  if (status !== 400 && status !== 422) {
    return new ToolError('UPSTREAM_ERROR', `Loki refused the request (HTTP ${status})`, { hint: 'ask the operator' })
  }
  return new ToolError('INVALID_ARGUMENT', `Loki cannot run this query: ${text === '' ? 'it does not say why' : text}`)
}

/** @throws ToolError when the answer has another form than Loki's */
export function readResult(json: unknown, direction: LogQuery['direction']): QueryResult {
  const { data } = (json ?? {}) as {
    data?: { resultType?: unknown; result?: unknown; stats?: { summary?: Record<string, unknown> } }
  }
  const scanned = data?.stats?.summary?.totalBytesProcessed
  const scannedBytes = typeof scanned === 'number' ? scanned : 0
  const { resultType, result } = data ?? {}
  try {
    if (resultType === 'streams') return { kind: 'logs', entries: readStreams(result, direction), scannedBytes }
    if (resultType === 'matrix' || resultType === 'vector' || resultType === 'scalar') {
      const rows = resultType === 'scalar' ? [{ metric: {}, value: result }] : (result as { metric: Record<string, string> }[])
      return { kind: 'metric', series: rows.map(readSeries), scannedBytes }
    }
  } catch (error) {
    throw new ToolError('UPSTREAM_ERROR', "Loki's answer has an unexpected form", { cause: error })
  }
  throw new ToolError('UPSTREAM_ERROR', "Loki's answer has no result: is this address really Loki's?")
}

/**
 * All entries in the query's direction. Those of one timestamp are put in the order of their labels and text: Loki gives them in an order of
 * its own, in which they did not arrive either, and a page that is cut among them must be continued in the same one.
 */
export function readStreams(result: unknown, direction: LogQuery['direction']): Entry[] {
  const entries = (result as { stream: Record<string, string>; values: [string, string, LineLabels?][] }[]).flatMap(
    ({ stream: labels, values }) => {
      const stream = { labels, key: keyOf(labels) }
      checkText(Object.values(labels))
      return values.map(([at, line, extra]): Entry => {
        const metadata = extra?.structuredMetadata
        checkText([line, ...Object.values(metadata ?? {})])
        return { at: BigInt(at), line, stream, metadata }
      })
    },
  )
  const sign = direction === 'forward' ? 1 : -1
  return entries.sort((a, b) => sign * (compare(a.at, b.at) || compare(a.stream.key, b.stream.key) || compare(a.line, b.line)))
}

function checkText(values: readonly unknown[]): void {
  if (!values.every((value) => typeof value === 'string')) throw new TypeError('a line, or a label, that is no text')
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface LineLabels {
  structuredMetadata?: Record<string, string>
}

export function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function readSeries(row: { metric: Record<string, string>; value?: unknown; values?: unknown }): Series {
  const points = row.values ?? [row.value]
  if (!Array.isArray(points) || !points.every(Array.isArray)) throw new TypeError('a series without points')
  return { labels: row.metric, points: points as unknown as Series['points'] }
}
