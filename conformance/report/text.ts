// The report for people: each failed case with the requirement, its address, what was expected, what came, and the bytes.

import type { CaseResult, RunReport } from '../types.ts'
import { LEVELS } from '../types.ts'

export interface TextOptions {
  /** ANSI colours. Default: none. */
  color?: boolean
  /** Every failure, not only those that decide, ends the run with 1. */
  strict?: boolean
}

const SHOWN_LINES = 24

export function textReport(report: RunReport, { color = false, strict = false }: TextOptions = {}): string {
  const paint = painter(color)
  const lines = [`${report.target}  ${report.transport}  ${report.revisions.join(', ')}`, '']
  const failed = groupByCase(report.cases.filter((result) => result.status === 'fail'))
  for (const level of LEVELS) {
    const group = failed.filter(([result]) => result?.level === level)
    if (group.length === 0) continue
    lines.push(
      paint(
        'bold',
        `${level === 'INTEROP' ? 'INTEROP: no sentence demands it, a client breaks without it' : `${level} not met`}`,
      ),
      '',
    )
    for (const results of group) lines.push(...failure(results, paint), '')
  }
  lines.push(...skips(report), table(report))
  if (report.aborted !== undefined) lines.push('', paint('red', `ABORTED: ${report.aborted}`))
  const { levels } = report.summary
  const deciding = strict ? report.summary.fail : levels.MUST.fail
  const verdict = deciding === 0 && report.aborted === undefined ? paint('green', 'conforms') : paint('red', 'does not conform')
  lines.push(
    '',
    `${verdict}: ${deciding} ${strict ? 'requirements of any level' : 'MUST'} not met, in ${(report.ms / 1000).toFixed(1)} s`,
  )
  return `${lines.join('\n')}\n`
}

type Paint = (style: 'bold' | 'red' | 'green' | 'dim', text: string) => string

function painter(color: boolean): Paint {
  const codes = { bold: 1, red: 31, green: 32, dim: 2 }
  return (style, text) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text)
}

/** One entry for a case that failed in several revisions. */
function groupByCase(results: readonly CaseResult[]): CaseResult[][] {
  const groups = new Map<string, CaseResult[]>()
  for (const result of results) groups.set(result.id, [...(groups.get(result.id) ?? []), result])
  return [...groups.values()]
}

function failure(results: readonly CaseResult[], paint: Paint): string[] {
  const last = results.at(-1)
  if (last === undefined) return []
  const lines = [
    `${paint('red', '✗')} ${last.id}  ${paint('dim', results.map((result) => result.revision).join(', '))}`,
    `    ${last.quote}`,
  ]
  if (last.url !== '') lines.push(`    ${paint('dim', last.url)}`)
  if (last.breaks !== undefined) lines.push(`    breaks:   ${last.breaks}`)
  if (last.expected === undefined) lines.push(`    ${last.message}`)
  else lines.push(`    expected: ${last.expected}`, `    actual:   ${last.actual}`)
  const exchanges = last.exchanges ?? []
  for (const { sent, received } of exchanges.filter(
    (item, index) => index >= exchanges.length - 2 || item.sent.startsWith('GET '),
  )) {
    lines.push(...quote('>', sent, paint), ...quote('<', received, paint))
  }
  return lines
}

function quote(mark: string, text: string, paint: Paint): string[] {
  const all = text.split('\n')
  const shown = all.slice(0, SHOWN_LINES).map((line) => (line.length > 400 ? `${line.slice(0, 400)}…` : line))
  if (all.length > SHOWN_LINES) shown.push(`… ${all.length - SHOWN_LINES} more lines`)
  return shown.map((line) => paint('dim', `      ${mark} ${line}`))
}

/** The reasons for skips, each once, with how often. */
function skips(report: RunReport): string[] {
  const reasons = new Map<string, number>()
  for (const result of report.cases) {
    if (result.status === 'skip') reasons.set(result.message, (reasons.get(result.message) ?? 0) + 1)
  }
  if (reasons.size === 0) return []
  return [
    'skipped',
    ...[...reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `  ${String(count).padStart(4)}  ${reason}`),
    '',
  ]
}

function table(report: RunReport): string {
  const rows = LEVELS.map((level) => {
    const { pass, fail, skip } = report.summary.levels[level]
    return `${level.padEnd(8)}${String(pass).padStart(6)} pass${String(fail).padStart(6)} fail${String(skip).padStart(6)} skip`
  })
  return rows.join('\n')
}
