// The report for people: the verdict and the failed ids, then each failed case with the requirement, its address, what was expected, what came, and the bytes.

import { type CaseResult, LEVELS, type RunReport } from '../types.ts'
import { conforms, failedCases, revisionsOf, sharedCauses, skipReasons, subject, verdict } from './summary.ts'

export interface TextOptions {
  /** ANSI colours. Default: none. */
  color?: boolean
  /** Every failure, not only those that decide, ends the run with 1. */
  strict?: boolean
}

const SHOWN_LINES = 24

export function textReport(report: RunReport, { color = false, strict = false }: TextOptions = {}): string {
  const paint = painter(color)
  const lines = [paint(conforms(report, strict) ? 'green' : 'red', verdict(report, strict)), subject(report)]
  if (report.aborted !== undefined) lines.push(paint('red', `ABORTED: ${report.aborted}`))
  for (const level of LEVELS) {
    const failed = failedCases(report, level)
    if (failed.length > 0)
      lines.push('', ...failed.map((results) => `${level.padEnd(8)}${results[0]?.id}  ${paint('dim', revisionsOf(results))}`))
  }
  const causes = sharedCauses(report)
  if (causes.length > 0)
    lines.push(
      '',
      'probably of one cause',
      ...causes.map(({ cause, ids }) => `${String(ids.length).padStart(6)} cases: ${cause}`),
    )
  lines.push('')
  for (const level of LEVELS) {
    const failed = failedCases(report, level)
    if (failed.length === 0) continue
    const title = level === 'INTEROP' ? 'INTEROP: no sentence demands it, a client breaks without it' : `${level} not met`
    lines.push(paint('bold', title), '', ...failed.flatMap((results) => [...failure(results, paint), '']))
  }
  const skips = skipReasons(report).map(([reason, count]) => `${String(count).padStart(6)}  ${reason}`)
  if (skips.length > 0) lines.push('skipped', ...skips, '')
  return `${[...lines, table(report)].join('\n')}\n`
}

type Paint = (style: 'bold' | 'red' | 'green' | 'dim', text: string) => string

function painter(color: boolean): Paint {
  const codes = { bold: 1, red: 31, green: 32, dim: 2 }
  return (style, text) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text)
}

function failure(results: readonly CaseResult[], paint: Paint): string[] {
  const last = results.at(-1)
  if (last === undefined) return []
  const lines = [`${paint('red', '✗')} ${last.id}  ${paint('dim', revisionsOf(results))}`, `    ${last.quote}`]
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

function table(report: RunReport): string {
  const rows = LEVELS.map((level) => {
    const { pass, fail, skip } = report.summary.levels[level]
    return `${level.padEnd(8)}${String(pass).padStart(6)} pass${String(fail).padStart(6)} fail${String(skip).padStart(6)} skip`
  })
  return rows.join('\n')
}
