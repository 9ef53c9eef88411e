// Prometheus text format, by hand: a few counters and one histogram, with the names of OpenTelemetry's MCP conventions.
import { type Middleware, ProtocolError, ToolError } from '../../protocol/index.ts'

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const maxSeries = 2_000

interface Series {
  labels: string
  counts: number[]
  sum: number
  count: number
}

export interface ToolTotals {
  calls: number
  errors: number
  lastError: { at: string; tool: string; code: string } | undefined
}

export class Metrics {
  readonly #durations = new Map<string, Series>()
  readonly #counters = new Map<string, number>()
  readonly #inFlight = new Map<string, number>()
  readonly #totals = new Map<string, ToolTotals>()

  middleware(server: string): Middleware {
    const totals: ToolTotals = { calls: 0, errors: 0, lastError: undefined }
    this.#totals.set(server, totals)
    const seriesOf = new Map<string, Series>() // formats the labels once per series instead of once per call
    return async (call, next) => {
      const started = performance.now()
      const isCall = call.method === 'tools/call'
      // Only names of existing tools become labels, so that callers cannot create series.
      const tool = isCall ? (call.tool?.name ?? 'unknown') : ''
      if (isCall) this.#inFlight.set(server, (this.#inFlight.get(server) ?? 0) + 1)
      let code = ''
      try {
        const outcome = await next()
        if (outcome.isError) code = 'tool_error'
        return outcome
      } catch (error) {
        code = error instanceof ToolError ? error.code : error instanceof ProtocolError ? String(error.code) : 'INTERNAL'
        throw error
      } finally {
        if (isCall) {
          this.#inFlight.set(server, (this.#inFlight.get(server) ?? 1) - 1)
          totals.calls += 1
          if (code !== '') {
            totals.errors += 1
            totals.lastError = { at: new Date().toISOString(), tool, code }
          }
          if (call.attributes.truncated === true)
            this.count('mcp_server_truncated_results_total', { server, gen_ai_tool_name: tool })
        }
        const method = knownMethods.has(call.method) ? call.method : 'unknown'
        const key = `${method} ${tool} ${code}`
        let series = seriesOf.get(key)
        if (series === undefined) {
          series = this.#series({ server, mcp_method_name: method, gen_ai_tool_name: tool, error_type: code })
          if (series !== undefined) seriesOf.set(key, series)
        }
        if (series !== undefined) observe(series, (performance.now() - started) / 1000)
      }
    }
  }

  count(name: string, labels: Readonly<Record<string, string>>, by = 1): void {
    const key = `${name}${format(labels)}`
    if (this.#counters.has(key) || this.#counters.size < maxSeries) this.#counters.set(key, (this.#counters.get(key) ?? 0) + by)
  }

  totals(server: string): ToolTotals {
    return this.#totals.get(server) ?? { calls: 0, errors: 0, lastError: undefined }
  }

  /** @param gauges further gauges, such as open sessions */
  render(gauges: readonly { name: string; help: string; values: [labels: Record<string, string>, value: number][] }[]): string {
    const name = 'mcp_server_operation_duration_seconds'
    const out = [`# HELP ${name} Time from a request to its result.`, `# TYPE ${name} histogram`]
    for (const { labels, counts, sum, count } of this.#durations.values()) {
      let cumulative = 0
      buckets.forEach((le, i) => {
        cumulative += counts[i] ?? 0
        out.push(`${name}_bucket{${labels},le="${le}"} ${cumulative}`)
      })
      out.push(
        `${name}_bucket{${labels},le="+Inf"} ${count}`,
        `${name}_sum{${labels}} ${sum}`,
        `${name}_count{${labels}} ${count}`,
      )
    }
    const families = new Map<string, string[]>()
    for (const [key, value] of this.#counters) {
      const family = key.slice(0, key.indexOf('{'))
      families.set(family, [...(families.get(family) ?? []), `${key} ${value}`])
    }
    for (const [family, lines] of families) out.push(`# TYPE ${family} counter`, ...lines)
    const running = {
      name: 'mcp_server_calls_in_flight',
      help: 'Tool calls that run or wait now.',
      values: [...this.#inFlight].map(([server, value]) => [{ server }, value] as [Record<string, string>, number]),
    }
    for (const gauge of [running, ...gauges]) {
      out.push(`# HELP ${gauge.name} ${gauge.help}`, `# TYPE ${gauge.name} gauge`)
      for (const [labels, value] of gauge.values) out.push(`${gauge.name}${format(labels)} ${value}`)
    }
    return `${out.join('\n')}\n`
  }

  #series(labels: Record<string, string>): Series | undefined {
    const key = format(labels).slice(1, -1)
    const known = this.#durations.get(key)
    if (known !== undefined || this.#durations.size >= maxSeries) return known
    const series = { labels: key, counts: buckets.map(() => 0), sum: 0, count: 0 }
    this.#durations.set(key, series)
    return series
  }
}

function observe(series: Series, seconds: number): void {
  const bucket = buckets.findIndex((le) => seconds <= le)
  if (bucket !== -1) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
  series.sum += seconds
  series.count += 1
}

const knownMethods = new Set(['initialize', 'ping', 'tools/list', 'tools/call', 'logging/setLevel', 'server/discover'])

function format(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return `{${pairs.join(',')}}`
}
