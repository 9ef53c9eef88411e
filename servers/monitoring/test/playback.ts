// Recorded answers of a running Loki and a running Netdata, and upstreams that send them.
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'

interface Recorded {
  readonly status: number
  readonly type: string
  readonly body: unknown
}

export function recorded(name: string): Recorded {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'))
}

export interface Asked {
  readonly path: string
  readonly query: URLSearchParams
}

/** What to answer instead of the recording: a recording's name, or a whole handler. */
export type Override = (asked: Asked) => string | RequestListener | undefined

/** Answers by path with recordings, and notes what it was asked. */
export function playback(
  routes: Readonly<Record<string, string>>,
  override: Override = () => undefined,
  log: Asked[] = [],
): RequestListener {
  return (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://upstream')
    const asked = { path: pathname, query: searchParams }
    log.push(asked)
    const chosen = override(asked) ?? Object.entries(routes).find(([end]) => pathname.endsWith(end))?.[1]
    if (typeof chosen === 'function') return chosen(req, res)
    const { status, type, body } = recorded(chosen ?? 'netdata-not-found')
    res.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

export const lokiRoutes = {
  '/query_range': 'loki-query-range-streams',
  // Instant queries: the tests send none that is valid.
  '/query': 'loki-bad-logql-parse',
  '/labels': 'loki-labels',
  '/values': 'loki-label-values',
  '/index/stats': 'loki-label-values-unknown',
} as const

export const netdataRoutes = {
  '/contexts': 'netdata-contexts',
  '/data': 'netdata-data-context',
  '/alarms': 'netdata-alarms-active',
  '/info': 'netdata-info',
  '/chart': 'netdata-chart-system-cpu',
} as const
