// Netdata's API as far as it is used here. Version 1 only: the agents of Debian 12 have no other, and those of today still serve it.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream, UpstreamAnswer } from '../../kit/http/upstream.ts'
import { accepted, readJson } from '../errors.ts'

export type Method = 'average' | 'min' | 'max'

export interface Source {
  readonly kind: 'context' | 'chart'
  readonly id: string
}

/** Values of a chart's dimensions over time. */
export interface Data {
  readonly dimensions: readonly { readonly chart: string | undefined; readonly name: string }[]
  /** Newest first: Unix seconds, and a value or null for each dimension. */
  readonly rows: readonly { readonly at: number; readonly values: readonly (number | null)[] }[]
}

export interface ContextInfo {
  readonly units: string
  readonly title: string
}

export interface Alert {
  readonly name: string
  readonly chart: string
  readonly status: string
  readonly value: string
  readonly info: string
  /** Unix seconds. */
  readonly since: number
}

export interface DataQuery {
  readonly source: Source
  readonly node: string | undefined
  readonly afterSeconds: number
  readonly points: number
  readonly method: Method
}

const timeoutMs = 8_000
const maxBytes = 1024 * 1024
const discoveryKeptMs = 60_000
const maxNodesKept = 20

export class Netdata {
  readonly #http: Upstream
  /** Contexts of each node, with the time when they were asked for. */
  readonly #contexts = new Map<string, { at: number; value: Promise<ReadonlyMap<string, ContextInfo>> }>()

  constructor(http: Upstream) {
    this.#http = http
  }

  async version(signal: AbortSignal): Promise<string> {
    const { version } = (await this.#get(undefined, 'info', {}, signal)) as { version?: unknown }
    if (typeof version !== 'string') throw new ToolError('UPSTREAM_ERROR', "this address does not answer as Netdata's API does")
    return version
  }

  /** Names of the machines whose metrics this agent has. */
  async nodes(signal: AbortSignal): Promise<string[]> {
    const { mirrored_hosts: hosts } = (await this.#get(undefined, 'info', {}, signal)) as { mirrored_hosts?: unknown }
    return strings(hosts)
  }

  /** What is collected, with units; remembered for a minute. */
  async contexts(node: string | undefined, signal: AbortSignal): Promise<ReadonlyMap<string, ContextInfo>> {
    const key = node ?? ''
    const known = this.#contexts.get(key)
    if (known !== undefined && Date.now() - known.at < discoveryKeptMs) return known.value
    const value = this.#get(node, 'contexts', {}, signal).then(readContexts)
    if (this.#contexts.size >= maxNodesKept) this.#contexts.clear()
    this.#contexts.set(key, { at: Date.now(), value })
    try {
      return await value
    } catch (error) {
      this.#contexts.delete(key)
      throw error
    }
  }

  /** Ids of all charts: many more than contexts, so they are asked for only to explain why one was not found. */
  async charts(node: string | undefined, signal: AbortSignal): Promise<string[]> {
    const { contexts } = (await this.#get(node, 'contexts', { options: 'charts' }, signal)) as {
      contexts?: Record<string, { charts?: object }>
    }
    return Object.values(contexts ?? {}).flatMap(({ charts }) => Object.keys(charts ?? {}))
  }

  /** Units of one chart, which the data do not say; undefined where the agent does not tell. */
  async chartUnits(node: string | undefined, chart: string, signal: AbortSignal): Promise<string | undefined> {
    const { units } = (await this.#get(node, 'chart', { chart }, signal)) as { units?: unknown }
    return typeof units === 'string' ? units : undefined
  }

  /** @throws ToolError NOT_FOUND when there is no such chart or context */
  async data({ source, node, afterSeconds, points, method }: DataQuery, signal: AbortSignal): Promise<Data> {
    const json = await this.#get(
      node,
      'data',
      {
        [source.kind]: source.id,
        after: String(-afterSeconds),
        points: String(points),
        group: method,
        format: 'json',
        // unaligned: otherwise the window ends at a multiple of its length, which may be long ago, before the data even began.
        options: 'jsonwrap|seconds|unaligned',
      },
      signal,
    )
    return readData(json)
  }

  /** Raised alerts only. */
  async alerts(node: string | undefined, signal: AbortSignal): Promise<Alert[]> {
    const { alarms } = (await this.#get(node, 'alarms', { active: '' }, signal)) as {
      alarms?: Record<string, Record<string, unknown>>
    }
    return Object.values(alarms ?? {}).map((alarm) => ({
      name: String(alarm.name ?? ''),
      chart: String(alarm.chart ?? ''),
      status: String(alarm.status ?? ''),
      value: String(alarm.value_string ?? ''),
      info: String(alarm.info ?? ''),
      since: Number(alarm.last_status_change ?? 0),
    }))
  }

  close(): void {
    this.#http.close()
  }

  async #get(node: string | undefined, command: string, query: Record<string, string>, signal: AbortSignal): Promise<object> {
    const host = node === undefined ? '' : `/host/${encodeURIComponent(node)}`
    const path = `${host}/api/v1/${command}`
    const answer = accepted('Netdata', await this.#http.get(path, { signal, timeoutMs, maxBytes, query }))
    if (answer.status !== 200) throw refused(answer)
    const json = readJson('Netdata', answer)
    if (typeof json !== 'object' || json === null) throw unexpected()
    return json
  }
}

/** Netdata says in plain text, with status 404, which of three things is missing. Since 2.0 it has statuses of its own for who may ask. */
function refused({ status, body }: UpstreamAnswer): ToolError {
  if (status === 412) {
    return new ToolError('UPSTREAM_AUTH', 'Netdata wants a valid bearer token (412)', {
      hint: 'ask the operator to check NETDATA_API_KEY',
    })
  }
  if (status === 451) {
    return new ToolError('UPSTREAM_AUTH', 'Netdata does not admit the address of this server (451)', {
      hint: 'ask the operator to check its "allow connections from" and "allow dashboard from"',
    })
  }
  const text = body.subarray(0, 300).toString('latin1')
  if (/does not maintain a database for host|not found.*host|no.*host.*found/i.test(text))
    return new ToolError('NOT_FOUND', 'no such node')
  if (/no metrics|chart is not found|chart not found|not found: |no chart/i.test(text))
    return new ToolError('NOT_FOUND', 'no such chart')
  if (status === 404) {
    return new ToolError('UPSTREAM_ERROR', 'there is no Netdata API of version 1 at the configured address (404)', {
      hint: 'ask the operator to check the address and its path prefix',
    })
  }
  return new ToolError('UPSTREAM_ERROR', `Netdata refused the request (HTTP ${status})`)
}

function unexpected(cause?: unknown): ToolError {
  return new ToolError('UPSTREAM_ERROR', "Netdata's answer has an unexpected form", { cause })
}

function readContexts(json: object): ReadonlyMap<string, ContextInfo> {
  const { contexts } = json as { contexts?: Record<string, { units?: unknown; title?: unknown }> }
  return new Map(
    Object.entries(contexts ?? {}).map(([id, { units, title }]) => [
      id,
      { units: String(units ?? ''), title: String(title ?? '') },
    ]),
  )
}

/** Reads the wrapped form (`options=jsonwrap`): with it, and only with it, each dimension says to which chart of a context it belongs. */
export function readData(json: object): Data {
  const {
    dimension_names: names,
    chart_ids: charts,
    result,
  } = json as {
    dimension_names?: unknown
    chart_ids?: unknown
    result?: { labels?: unknown; data?: unknown }
  }
  const labels = strings(names)
  const owners = strings(charts)
  const rows = result?.data
  if (!Array.isArray(rows)) throw unexpected()
  try {
    return {
      dimensions: labels.map((name, i) => ({ name, chart: owners[i] })),
      rows: (rows as [number, ...(number | null)[]][]).map(([at, ...values]) => ({ at: Number(at), values })),
    }
  } catch (error) {
    throw unexpected(error)
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
