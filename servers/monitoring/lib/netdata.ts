// Client of Netdata's API, version 1 only: the agents of Debian 12 have no other, and those of today still serve it.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { Remembered } from '../../kit/waiting.ts'
import { missing, readNetdata, unexpectedForm } from '../errors.ts'
import type { Alert, Data, DataQuery, Source } from '../types.ts'

const timeoutMs = 8_000
const maxBytes = 1024 * 1024

/** Units by id. */
export interface Collected {
  readonly contexts: ReadonlyMap<string, string>
  /** Undefined where listing the contexts did not list them. */
  readonly charts: ReadonlyMap<string, string> | undefined
}

export class Netdata {
  readonly #http: Upstream
  readonly #collected = new Remembered<Collected>({ keepMs: 60_000, maxEntries: 20 }, (node, signal) =>
    this.#readCollected(node === '' ? undefined : node, signal),
  )

  constructor(http: Upstream) {
    this.#http = http
  }

  async version(signal: AbortSignal): Promise<string> {
    const { version } = (await this.#get(undefined, 'info', {}, signal)) as { version?: unknown }
    if (typeof version !== 'string') throw unexpectedForm('Netdata')
    return version
  }

  /** Names of the machines whose metrics this agent has. */
  async nodes(signal: AbortSignal): Promise<string[]> {
    const { mirrored_hosts: hosts } = (await this.#get(undefined, 'info', {}, signal)) as { mirrored_hosts?: unknown }
    return strings(hosts)
  }

  /** What is collected; remembered for a minute. */
  collected(node: string | undefined, signal: AbortSignal): Promise<Collected> {
    return this.#collected.get(node ?? '', signal)
  }

  /** Ids of all charts: many more than contexts, so they are asked for only to explain why one was not found. */
  async charts(node: string | undefined, signal: AbortSignal): Promise<string[]> {
    const { contexts } = (await this.#get(node, 'contexts', { options: 'charts' }, signal)) as {
      contexts?: Record<string, { charts?: object }>
    }
    return Object.values(contexts ?? {}).flatMap(({ charts }) => Object.keys(charts ?? {}))
  }

  /**
   * Whether a name is a context (`disk.util`) or a chart (`disk_util.sda`); `system.cpu` is both. Netdata reads `*`, `|` and `!` in a name as a
   * pattern, and splits `&` off even where it is escaped, so only names that it lists are asked for.
   * @throws ToolError NOT_FOUND when it is neither
   */
  async source(node: string | undefined, id: string, collected: Collected | undefined, signal: AbortSignal): Promise<Source> {
    const units = collected?.contexts.get(id)
    if (units !== undefined) return { kind: 'context', id, units }
    if (collected?.charts !== undefined) {
      if (!collected.charts.has(id)) throw noChart()
      return { kind: 'chart', id, units: collected.charts.get(id) }
    }
    try {
      const chart = (await this.#get(node, 'chart', { chart: id }, signal)) as { id?: unknown; name?: unknown; units?: unknown }
      if (chart.id !== id && chart.name !== id) throw noChart()
      return { kind: 'chart', id, units: typeof chart.units === 'string' ? chart.units : undefined }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      if (error.detail === missing.route && (await this.charts(node, signal)).includes(id))
        return { kind: 'chart', id, units: undefined }
      const context = collected === undefined && error.detail === missing.chart && /^[\w./-]+$/.test(id)
      if (context) return { kind: 'context', id, units: undefined }
      throw error.detail === missing.route ? noChart() : error
    }
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
        // unaligned: otherwise the window ends at a multiple of its length, which may be before the first data.
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

  /** Older agents have no list of contexts; their list of charts says the context of each. */
  async #readCollected(node: string | undefined, signal: AbortSignal): Promise<Collected> {
    try {
      const { contexts } = (await this.#get(node, 'contexts', {}, signal)) as { contexts?: Record<string, { units?: unknown }> }
      if (contexts === undefined) throw unexpectedForm('Netdata')
      return {
        contexts: new Map(Object.entries(contexts).map(([id, { units }]) => [id, String(units ?? '')])),
        charts: undefined,
      }
    } catch (error) {
      if (!(error instanceof ToolError) || (error.detail !== missing.route && error.detail !== 404)) throw error
      const { charts } = (await this.#get(node, 'charts', {}, signal)) as {
        charts?: Record<string, { name?: unknown; context?: unknown; units?: unknown }>
      }
      const all = Object.entries(charts ?? {})
      return {
        contexts: new Map(all.map(([, { context, units }]) => [String(context), String(units ?? '')])),
        charts: new Map(
          all.flatMap(([id, { name = id, units = '' }]) => [id, name].map((each) => [String(each), String(units)])),
        ),
      }
    }
  }

  async #get(node: string | undefined, command: string, query: Record<string, string>, signal: AbortSignal): Promise<object> {
    const host = node === undefined ? '' : `/host/${encodeURIComponent(node)}`
    return readNetdata(await this.#http.get(`${host}/api/v1/${command}`, { signal, timeoutMs, maxBytes, query }))
  }
}

function noChart(): ToolError {
  return new ToolError('NOT_FOUND', 'no such chart', { detail: missing.chart })
}

/** Reads the wrapped form (`options=jsonwrap`): with it, and only with it, each dimension says to which chart of a context it belongs. */
function readData(json: object): Data {
  const {
    dimension_names: names,
    chart_ids: charts,
    result,
  } = json as {
    dimension_names?: unknown
    chart_ids?: unknown
    result?: { labels?: unknown; data?: unknown }
  }
  const owners = strings(charts)
  const rows = result?.data
  if (!Array.isArray(rows)) throw unexpectedForm('Netdata')
  try {
    return {
      dimensions: strings(names).map((name, i) => ({ name, chart: owners[i] })),
      rows: (rows as [number, ...(number | null)[]][]).map(([at, ...values]) => ({ at: Number(at), values })),
    }
  } catch (error) {
    throw unexpectedForm('Netdata', error)
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
