// The result of get_system_metrics: a table of all charts and the raised alerts, in less than a kilobyte for the default charts.
import type { Context, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../../kit/definition.ts'
import { report } from '../../kit/report.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { ChartResult } from '../tools/get-system-metrics.ts'
import type { Chart } from './chart.ts'
import type { Alert } from './netdata.ts'
import { formatNumber } from './render-series.ts'
import { formatSpan } from './time.ts'

export interface Metrics {
  readonly results: readonly ChartResult[]
  readonly alerts: readonly Alert[] | ToolError | undefined
  readonly suggestions: ReadonlyMap<string, readonly string[]>
  readonly node: string | undefined
  readonly afterSeconds: number
  readonly points: number
  /** Who chose the charts: one of the defaults that is not collected here is no news. */
  readonly asked: 'named' | 'default'
}

const maxAlerts = 10
const maxDimensions = 40
const overheadChars = 1_000

export function reportMetrics(metrics: Metrics, environment: Environment, context: Context) {
  const { results, alerts, suggestions, node, afterSeconds, asked } = metrics
  const notes: string[] = []
  const sections: string[] = []
  let left = environment.maxResultChars - overheadChars
  let rows = 0
  let truncated = false
  for (const result of results) {
    if ('error' in result) {
      if (asked === 'named' || result.error.code !== 'NOT_FOUND')
        notes.push(failure(result.id, result.error, suggestions.get(result.id) ?? []))
      continue
    }
    const { chart, id } = result
    const shown = chart.dimensions.slice(0, maxDimensions)
    const text = section(id, chart, shown.length)
    if (text.length + 1 > left) {
      truncated = true
      notes.push(`${cell(id)} does not fit into one result: ask for it alone, with fewer points`)
      continue
    }
    left -= text.length + 1
    rows += shown.length
    sections.push(text)
    if (shown.length < chart.dimensions.length) {
      truncated = true
      notes.push(
        `${cell(id)}: the largest ${shown.length} of ${chart.dimensions.length} dimensions; name one of its charts for the others`,
      )
    }
  }
  const raised = Array.isArray(alerts) ? rankAlerts(alerts as readonly Alert[]) : []
  if (alerts !== undefined && !Array.isArray(alerts))
    notes.push(`alerts are missing: ${(alerts as ToolError).text.slice('ERROR '.length)}`)
  if (raised.length > maxAlerts) {
    truncated = true
    notes.push(`${raised.length - maxAlerts} more alerts are raised`)
  }
  if (raised.length > 0) sections.push(['== raised alerts', ...raised.slice(0, maxAlerts).map(alertLine)].join('\n'))
  const charts = results.filter((result) => 'chart' in result).length
  const where = node === undefined ? '' : ` of ${cell(node)}`
  const state = Array.isArray(alerts) ? `; ${alertCount(raised)}` : ''
  return report(context, {
    summary: `${charts} ${charts === 1 ? 'chart' : 'charts'}${where} over the last ${formatSpan(afterSeconds)}${state}`,
    untrusted: sections.join('\n'),
    notes,
    truncated,
    rows,
    structured: {
      charts: results.map((result) =>
        'chart' in result ? { id: result.id, ...result.chart } : { id: result.id, error: result.error.code },
      ),
      ...(Array.isArray(alerts) ? { alerts: raised.slice(0, maxAlerts) } : {}),
    },
  })
}

function section(id: string, { units, dimensions, zero, times }: Chart, shown: number): string {
  const left = zero === 0 ? '' : `, ${zero} at zero left out`
  const head = `${cell(id)} (${units === undefined || units === '' ? 'unit unknown' : cell(units)}${left})`
  if (dimensions.length === 0) return `${head}: ${zero > 0 ? 'all zero' : 'no data in this time'}`
  const rows = dimensions.slice(0, shown).map(({ name, now, min, avg, max, points }) => {
    const row = [cell(name), ...[now, min, avg, max].map((value) => formatNumber(value ?? Number.NaN))].join('\t')
    return points.length === 0 ? row : `${row}\n  ${points.map((value) => formatNumber(value ?? Number.NaN)).join(' ')}`
  })
  const [first, second] = times
  const grid =
    first === undefined
      ? ''
      : `; points from ${new Date(first * 1000).toISOString().slice(0, 19)}Z${second === undefined ? '' : ` every ${second - first} s`}`
  return [`${head}${grid}\tnow\tmin\tavg\tmax`, ...rows].join('\n')
}

function failure(id: string, error: ToolError, similar: readonly string[]): string {
  if (error.code !== 'NOT_FOUND') return `${cell(id)} failed: ${error.text.slice('ERROR '.length)}`
  return `no chart or context "${cell(id)}".${similar.length === 0 ? '' : ` Similar: ${similar.map(cell).join(', ')}`}`
}

/** Critical first, then the newest. */
function rankAlerts(alerts: readonly Alert[]): Alert[] {
  const rank = ({ status }: Alert): number => (status === 'CRITICAL' ? 0 : status === 'WARNING' ? 1 : 2)
  return alerts
    .filter(({ status }) => status === 'CRITICAL' || status === 'WARNING')
    .sort((a, b) => rank(a) - rank(b) || b.since - a.since)
}

function alertCount(raised: readonly Alert[]): string {
  const critical = raised.filter(({ status }) => status === 'CRITICAL').length
  if (raised.length === 0) return 'no alert is raised'
  return `${raised.length} ${raised.length === 1 ? 'alert is' : 'alerts are'} raised${critical === 0 ? '' : `, ${critical} critical`}`
}

function alertLine({ name, chart, status, value, info, since }: Alert): string {
  const time = since > 0 ? ` since ${new Date(since * 1000).toISOString().slice(0, 19)}Z` : ''
  return `${status}\t${cell(name)}\t${cell(chart)}\t${cell(value)}${time}\t${clip(cell(info), 120)}`
}

function cell(text: string): string {
  return clip(cleanText(text).replace(/[\t\n]/g, ' '), 120)
}
