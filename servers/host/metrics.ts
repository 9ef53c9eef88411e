// Prometheus text format, by hand: a few counters and one histogram, with the names of OpenTelemetry's MCP conventions.
import type { Call } from '../../protocol/index.ts'

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const maxSeries = 2_000
const minute = 60_000

/** Every metric, with its type and its meaning: the HELP lines of /metrics and the table of docs/operate.md. */
export const metricFamilies = {
  mcp_server_operation_duration_seconds: ['histogram', 'Time from a request to its result, by method, tool and error code.'],
  mcp_server_calls_in_flight: ['gauge', 'Tool calls that run or wait now.'],
  mcp_server_refused_total: ['counter', 'HTTP requests that were refused, by reason.'],
  mcp_server_truncated_results_total: ['counter', 'Results that were cut at their limit, by tool.'],
  mcp_server_upstream_up: ['gauge', '1 if the backend answered when it was last asked, else 0. Only for configured servers.'],
  mcp_server_upstream_since_timestamp_seconds: ['gauge', 'Unix time since when mcp_server_upstream_up has its value.'],
  mcp_server_tools: ['gauge', 'Tools that are offered.'],
  mcp_server_open_sessions: ['gauge', 'Open HTTP+SSE sessions.'],
  mcp_server_last_error_timestamp_seconds: [
    'gauge',
    'Unix time of the last tool call that failed, with its tool and error code.',
  ],
  octet_audit_records: ['gauge', 'Sequence number of the last audit record.'],
  octet_audit_written: ['gauge', '1 if the last audit record could be written, else 0.'],
  octet_audit_lost_records_total: ['counter', 'Audit records of this process that could not be written.'],
  process_resident_memory_bytes: ['gauge', 'Resident memory of the process.'],
} as const satisfies Record<string, readonly [type: 'counter' | 'gauge' | 'histogram', help: string]>

type Family = keyof typeof metricFamilies
export type GaugeValues = Partial<Record<Family, readonly (readonly [labels: Record<string, string>, value: number])[]>>

interface Series {
  labels: string
  counts: number[]
  sum: number
  count: number
}

interface Minute {
  at: number
  calls: number
  errors: number
}

/** What one server was asked. */
export interface Usage {
  readonly server: string
  calls: number
  errors: number
  lastError: { at: string; tool: string; code: string } | undefined
  /** Calls that run or wait. */
  inFlight: number
  /** At most sixty. */
  readonly minutes: Minute[]
  /** By method, tool and code: the labels are formatted once for each series instead of once for each call. */
  readonly series: Map<string, Series>
}

/** Calls and errors of the last sixty minutes. */
export function lastHour({ minutes }: Usage): { calls: number; errors: number } {
  const first = Math.floor(Date.now() / minute) - 59
  const sum = { calls: 0, errors: 0 }
  for (const { at, calls, errors } of minutes) {
    if (at < first) continue
    sum.calls += calls
    sum.errors += errors
  }
  return sum
}

export class Metrics {
  readonly #counters = new Map<string, number>()
  readonly #servers = new Map<string, Usage>()
  #seriesCount = 0

  usageOf(server: string): Usage {
    const known = this.#servers.get(server)
    if (known !== undefined) return known
    const usage: Usage = { server, calls: 0, errors: 0, lastError: undefined, inFlight: 0, minutes: [], series: new Map() }
    this.#servers.set(server, usage)
    return usage
  }

  /** @param code of the error; empty for a success */
  record(usage: Usage, { method, tool, attributes }: Call, code: string, ms: number): void {
    const { server } = usage
    const isCall = method === 'tools/call'
    // Only names of existing tools become labels, so that callers cannot create series.
    const name = isCall ? (tool?.name ?? 'unknown') : ''
    if (isCall) {
      countCall(usage, name, code)
      if (attributes.truncated === true) this.count('mcp_server_truncated_results_total', { server, gen_ai_tool_name: name })
    }
    const knownMethod = knownMethods.has(method) ? method : 'unknown'
    const key = `${knownMethod} ${name} ${code}`
    let series = usage.series.get(key)
    if (series === undefined) {
      if (this.#seriesCount >= maxSeries) return
      this.#seriesCount += 1
      const labels = { server, mcp_method_name: knownMethod, gen_ai_tool_name: name, error_type: code }
      series = { labels: format(labels).slice(1, -1), counts: buckets.map(() => 0), sum: 0, count: 0 }
      usage.series.set(key, series)
    }
    const seconds = ms / 1000
    const bucket = buckets.findIndex((le) => seconds <= le)
    if (bucket !== -1) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
    series.count += 1
  }

  count(name: Family, labels: Readonly<Record<string, string>>): void {
    const key = `${name}${format(labels)}`
    if (this.#counters.has(key) || this.#counters.size < maxSeries) this.#counters.set(key, (this.#counters.get(key) ?? 0) + 1)
  }

  /** @param gauges those that are not counted here */
  render(gauges: GaugeValues): string {
    const name = 'mcp_server_operation_duration_seconds'
    const values = new Map(Object.keys(metricFamilies).map((family) => [family, [] as string[]]))
    const add = (family: string, line: string): void => void values.get(family)?.push(line)
    const series = [...this.#servers.values()].flatMap((usage) => [...usage.series.values()])
    for (const { labels, counts, sum, count } of series) {
      let cumulative = 0
      buckets.forEach((le, i) => {
        cumulative += counts[i] ?? 0
        add(name, `${name}_bucket{${labels},le="${le}"} ${cumulative}`)
      })
      add(name, `${name}_bucket{${labels},le="+Inf"} ${count}\n${name}_sum{${labels}} ${sum}\n${name}_count{${labels}} ${count}`)
    }
    for (const [key, value] of this.#counters) add(key.slice(0, key.indexOf('{')), `${key} ${value}`)
    for (const [server, { calls, inFlight }] of this.#servers)
      if (calls + inFlight > 0) add('mcp_server_calls_in_flight', `mcp_server_calls_in_flight{server="${server}"} ${inFlight}`)
    for (const [family, each] of Object.entries(gauges))
      for (const [labels, value] of each) add(family, `${family}${format(labels)} ${value}`)
    const out = Object.entries(metricFamilies).flatMap(([family, [type, help]]) => {
      const lines = values.get(family) ?? []
      return lines.length === 0 ? [] : [`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`, ...lines]
    })
    return `${out.join('\n')}\n`
  }
}

function countCall(usage: Usage, tool: string, code: string): void {
  const { minutes } = usage
  const at = Math.floor(Date.now() / minute)
  let last = minutes.at(-1)
  if (last?.at !== at) {
    last = { at, calls: 0, errors: 0 }
    minutes.push(last)
    if (minutes.length > 60) minutes.shift()
  }
  usage.inFlight -= 1
  usage.calls += 1
  last.calls += 1
  if (code === '') return
  usage.errors += 1
  last.errors += 1
  usage.lastError = { at: new Date().toISOString(), tool, code }
}

const knownMethods = new Set(['initialize', 'ping', 'tools/list', 'tools/call', 'logging/setLevel', 'server/discover'])

function format(labels: Readonly<Record<string, string>>): string {
  if (Object.keys(labels).length === 0) return ''
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return `{${pairs.join(',')}}`
}
