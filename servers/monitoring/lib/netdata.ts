// Client of Netdata's API, version 1 only: the agents of Debian 12 have no other, and those of today still serve it.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { Remembered } from '../../kit/waiting.ts'
import { missing, noChart, readForm, readNetdata } from '../errors.ts'

const timeoutMs = 8_000
const maxBytes = 1024 * 1024

export interface Source {
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

export type Netdata = ReturnType<typeof openNetdata>

/** Whose metrics are read, and until when. The agent's own node is ''. */
export interface Asked {
  readonly node: string
  readonly signal: AbortSignal
}

export function openNetdata(http: Upstream) {
  const remembered = new Remembered({ keepMs: 60_000, maxEntries: 20 }, (node, signal) => readCollected({ node, signal }))

  /** Older agents have no list of contexts; their list of charts says the context of each. */
  async function readCollected(asked: Asked): Promise<Collected> {
    const ofContexts = ({ contexts }: { contexts: Record<string, Listed> }): Collected => {
      return { contexts: unitsOf(Object.entries(contexts)), charts: undefined }
    }
    const ofCharts = ({ charts = {} }: { charts?: Record<string, Listed> }): Collected => {
      const all = Object.entries(charts)
      const named = all.map(([id, chart]) => [chart.name ?? id, chart] as const)
      return { contexts: unitsOf(all.map(([, chart]) => [chart.context, chart] as const)), charts: unitsOf([...all, ...named]) }
    }
    try {
      return await get(asked, 'contexts', {}, ofContexts)
    } catch (error) {
      if (!(error instanceof ToolError) || (error.detail !== missing.route && error.detail !== 404)) throw error
      return get(asked, 'charts', {}, ofCharts)
    }
  }

  /** @param read where it throws, the answer has an unexpected form */
  async function get<A, T>({ node, signal }: Asked, command: string, query: Record<string, string>, read: (answer: A) => T) {
    const host = node === '' ? '' : `/host/${encodeURIComponent(node)}`
    const answer = readNetdata(await http.get(`${host}/api/v1/${command}`, { signal, timeoutMs, maxBytes, query }))
    return readForm('Netdata', () => read(answer as A))
  }

  return {
    /** The agent's version, and the names of the machines whose metrics it has. */
    info(signal: AbortSignal) {
      type Answer = { version?: unknown; mirrored_hosts?: unknown }
      return get({ node: '', signal }, 'info', {}, ({ version, mirrored_hosts: hosts }: Answer) => {
        if (typeof version !== 'string' && !Array.isArray(hosts)) throw new TypeError('neither version nor hosts')
        return { version: typeof version === 'string' ? version : 'unknown', nodes: strings(hosts) }
      })
    },

    /** What is collected; remembered for a minute. */
    collected: ({ node, signal }: Asked): Promise<Collected> => remembered.get(node, signal),

    /** Ids of all charts: many more than contexts, so they are asked for only to explain why one was not found. */
    charts(asked: Asked): Promise<string[]> {
      type Answer = { contexts?: Record<string, { charts?: object }> }
      return get(asked, 'contexts', { options: 'charts' }, ({ contexts = {} }: Answer) =>
        Object.values(contexts).flatMap(({ charts }) => Object.keys(charts ?? {})),
      )
    },

    /**
     * Whether a name is a context (`disk.util`) or a chart (`disk_util.sda`); `system.cpu` is both. Netdata reads `*`, `|` and `!` in a name as a
     * pattern, and splits `&` off even where it is escaped, so only names that it lists are asked for.
     * @throws ToolError NOT_FOUND when it is neither
     */
    async source(asked: Asked, id: string, collected: Collected | undefined): Promise<Source> {
      const units = collected?.contexts.get(id)
      if (units !== undefined) return { kind: 'context', id, units }
      if (collected?.charts !== undefined) {
        if (!collected.charts.has(id)) throw noChart()
        return { kind: 'chart', id, units: collected.charts.get(id) }
      }
      const chart = await get(asked, 'chart', { chart: id }, (answer: Listed) => answer).catch((error: unknown) => {
        if (error instanceof ToolError && error.detail === missing.chart) return undefined
        throw error
      })
      if (chart?.id === id || chart?.name === id)
        return { kind: 'chart', id, units: typeof chart.units === 'string' ? chart.units : undefined }
      // Where Netdata could not list its contexts, the name may be one.
      if (collected === undefined && /^[\w./-]+$/.test(id)) return { kind: 'context', id, units: undefined }
      throw noChart()
    },

    /**
     * @param seconds back from now @param method how the collected values of a point are combined
     * @throws ToolError NOT_FOUND when there is no such chart or context
     */
    data(asked: Asked, source: Omit<Source, 'units'>, method: 'average' | 'min' | 'max', seconds: number, points: number) {
      const query = {
        [source.kind]: source.id,
        after: String(-seconds),
        points: String(points),
        group: method,
        format: 'json',
        // unaligned: otherwise the window ends at a multiple of its length, which may be before the first data.
        options: 'jsonwrap|seconds|unaligned',
      }
      return get(asked, 'data', query, readData)
    },

    /** Raised alerts only. */
    alerts(asked: Asked) {
      type Answer = { alarms?: Record<string, Record<string, unknown>> }
      return get(asked, 'alarms', { active: '' }, ({ alarms = {} }: Answer) =>
        Object.values(alarms).map((alarm) => ({
          name: String(alarm.name ?? ''),
          chart: String(alarm.chart ?? ''),
          status: String(alarm.status ?? ''),
          value: String(alarm.value_string ?? ''),
          info: String(alarm.info ?? ''),
          /** Unix seconds. */
          since: Number(alarm.last_status_change ?? 0),
        })),
      )
    },
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

export type Data = ReturnType<typeof readData>

/**
 * Reads the wrapped form (`options=jsonwrap`): with it, and only with it, each dimension says to which chart of a context it belongs.
 * @returns the `times` in Unix seconds, newest first, and for each dimension a value at each of them; `chart` is empty where there is only one
 */
function readData(json: Record<string, unknown>) {
  const { dimension_names: names, chart_ids: charts, result } = json
  const owners = strings(charts)
  const { data } = result as { data: [number, ...(number | null)[]][] }
  const column = (i: number): (number | null)[] => data.map((row) => row[i] ?? null)
  return {
    times: data.map(([at]) => Number(at)),
    dimensions: strings(names).map((name, i) => ({ name, chart: owners[i] ?? '', values: column(i + 1) })),
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
