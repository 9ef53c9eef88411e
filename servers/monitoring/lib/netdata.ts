// Client of Netdata's API, version 1 only: the agents of Debian 12 have no other, and those of today still serve it.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { Remembered } from '../../kit/waiting.ts'
import { missing, noChart, readNetdata, unexpectedForm } from '../errors.ts'
import type { Data } from '../types.ts'

const timeoutMs = 8_000
const maxBytes = 1024 * 1024

interface Source {
  readonly kind: 'context' | 'chart'
  readonly id: string
  readonly units: string | undefined
}

/** Units by id. */
export interface Collected {
  readonly contexts: ReadonlyMap<string, string>
  /** Undefined where listing the contexts did not list them. */
  readonly charts: ReadonlyMap<string, string> | undefined
}

/** A node is named; the agent's own is ''. */
export class Netdata {
  readonly #http: Upstream
  readonly #collected = new Remembered({ keepMs: 60_000, maxEntries: 20 }, this.#readCollected.bind(this))

  constructor(http: Upstream) {
    this.#http = http
  }

  async version(signal: AbortSignal): Promise<string> {
    const { version } = await this.#get<{ version?: unknown }>('', 'info', {}, signal)
    if (typeof version !== 'string') throw unexpectedForm('Netdata')
    return version
  }

  /** Names of the machines whose metrics this agent has. */
  async nodes(signal: AbortSignal): Promise<string[]> {
    const { mirrored_hosts: hosts } = await this.#get<{ mirrored_hosts?: unknown }>('', 'info', {}, signal)
    return strings(hosts)
  }

  /** What is collected; remembered for a minute. */
  collected(node: string, signal: AbortSignal): Promise<Collected> {
    return this.#collected.get(node, signal)
  }

  /** Ids of all charts: many more than contexts, so they are asked for only to explain why one was not found. */
  async charts(node: string, signal: AbortSignal): Promise<string[]> {
    type Answer = { contexts?: Record<string, { charts?: object }> }
    const { contexts = {} } = await this.#get<Answer>(node, 'contexts', { options: 'charts' }, signal)
    return Object.values(contexts).flatMap(({ charts }) => Object.keys(charts ?? {}))
  }

  /**
   * Whether a name is a context (`disk.util`) or a chart (`disk_util.sda`); `system.cpu` is both. Netdata reads `*`, `|` and `!` in a name as a
   * pattern, and splits `&` off even where it is escaped, so only names that it lists are asked for.
   * @throws ToolError NOT_FOUND when it is neither
   */
  async source(node: string, id: string, collected: Collected | undefined, signal: AbortSignal): Promise<Source> {
    const units = collected?.contexts.get(id)
    if (units !== undefined) return { kind: 'context', id, units }
    if (collected?.charts !== undefined) {
      if (!collected.charts.has(id)) throw noChart()
      return { kind: 'chart', id, units: collected.charts.get(id) }
    }
    const chart = await this.#get<Listed>(node, 'chart', { chart: id }, signal).catch((error: unknown) => {
      if (error instanceof ToolError && error.detail === missing.chart) return undefined
      throw error
    })
    if (chart?.id === id || chart?.name === id)
      return { kind: 'chart', id, units: typeof chart.units === 'string' ? chart.units : undefined }
    // Where Netdata could not list its contexts, the name may be one.
    if (collected === undefined && /^[\w./-]+$/.test(id)) return { kind: 'context', id, units: undefined }
    throw noChart()
  }

  /**
   * @param seconds back from now @param method how the collected values of a point are combined
   * @throws ToolError NOT_FOUND when there is no such chart or context
   */
  async data(
    node: string,
    { kind, id }: Pick<Source, 'kind' | 'id'>,
    method: 'average' | 'min' | 'max',
    seconds: number,
    points: number,
    signal: AbortSignal,
  ): Promise<Data> {
    const query = {
      [kind]: id,
      after: String(-seconds),
      points: String(points),
      group: method,
      format: 'json',
      // unaligned: otherwise the window ends at a multiple of its length, which may be before the first data.
      options: 'jsonwrap|seconds|unaligned',
    }
    return readData(await this.#get(node, 'data', query, signal))
  }

  /** Raised alerts only. */
  async alerts(node: string, signal: AbortSignal) {
    type Answer = { alarms?: Record<string, Record<string, unknown>> }
    const { alarms = {} } = await this.#get<Answer>(node, 'alarms', { active: '' }, signal)
    return Object.values(alarms).map((alarm) => ({
      name: String(alarm.name ?? ''),
      chart: String(alarm.chart ?? ''),
      status: String(alarm.status ?? ''),
      value: String(alarm.value_string ?? ''),
      info: String(alarm.info ?? ''),
      /** Unix seconds. */
      since: Number(alarm.last_status_change ?? 0),
    }))
  }

  /** Older agents have no list of contexts; their list of charts says the context of each. */
  async #readCollected(node: string, signal: AbortSignal): Promise<Collected> {
    try {
      const { contexts } = await this.#get<{ contexts?: Record<string, Listed> }>(node, 'contexts', {}, signal)
      if (contexts === undefined) throw unexpectedForm('Netdata')
      return { contexts: unitsOf(Object.entries(contexts)), charts: undefined }
    } catch (error) {
      if (!(error instanceof ToolError) || (error.detail !== missing.route && error.detail !== 404)) throw error
      const { charts = {} } = await this.#get<{ charts?: Record<string, Listed> }>(node, 'charts', {}, signal)
      const all = Object.entries(charts)
      const named = all.map(([id, chart]) => [chart.name ?? id, chart] as const)
      return { contexts: unitsOf(all.map(([, chart]) => [chart.context, chart] as const)), charts: unitsOf([...all, ...named]) }
    }
  }

  async #get<T = object>(node: string, command: string, query: Record<string, string>, signal: AbortSignal): Promise<T> {
    const host = node === '' ? '' : `/host/${encodeURIComponent(node)}`
    return readNetdata(await this.#http.get(`${host}/api/v1/${command}`, { signal, timeoutMs, maxBytes, query })) as T
  }
}

/** A context or chart in a list. */
interface Listed {
  readonly id?: unknown
  readonly name?: unknown
  readonly context?: unknown
  readonly units?: unknown
}

function unitsOf(listed: readonly (readonly [id: unknown, entry: Listed])[]): Map<string, string> {
  return new Map(listed.map(([id, { units }]) => [String(id), String(units ?? '')]))
}

/** Reads the wrapped form (`options=jsonwrap`): with it, and only with it, each dimension says to which chart of a context it belongs. */
function readData(json: object): Data {
  const { dimension_names: names, chart_ids: charts, result } = json as Record<string, unknown>
  const owners = strings(charts)
  try {
    const { data } = result as { data: [number, ...(number | null)[]][] }
    const column = (i: number): (number | null)[] => data.map((row) => row[i] ?? null)
    return {
      times: data.map(([at]) => Number(at)),
      dimensions: strings(names).map((name, i) => ({ name, chart: owners[i] ?? '', values: column(i + 1) })),
    }
  } catch (error) {
    throw unexpectedForm('Netdata', error)
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
