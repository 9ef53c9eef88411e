// The report in Markdown, for a job summary: the verdict and the counts, then each failed case.
import { type CaseResult, LEVELS, type RunReport } from '../types.ts'
import { conforms, failedCases, revisionsOf, sharedCauses, skipReasons, subject, verdict } from './summary.ts'

export function markdownReport(report: RunReport, strict = false): string {
  const { levels } = report.summary
  const rows = LEVELS.map((level) => `| ${level} | ${levels[level].pass} | ${levels[level].fail} | ${levels[level].skip} |`)
  const lines = [
    `## ${conforms(report, strict) ? '✅' : '❌'} MCP conformance: ${plain(verdict(report, strict))}`,
    '',
    plain(subject(report)),
    ...(report.aborted === undefined ? [] : ['', `**Aborted: ${plain(report.aborted)}**`]),
    '',
    '| level | pass | fail | skip |',
    '|---|---|---|---|',
    ...rows,
    '',
  ]
  const causes = sharedCauses(report)
  if (causes.length > 0)
    lines.push('Probably of one cause:', '', ...causes.map(({ cause, ids }) => `- ${ids.length} cases: ${plain(cause)}`), '')
  for (const level of LEVELS) {
    const failed = failedCases(report, level)
    if (failed.length > 0) lines.push(`### ${level} not met`, '', ...failed.flatMap(entry), '')
  }
  const skips = skipReasons(report).map(([reason, count]) => `- ${count}: ${plain(reason)}`)
  if (skips.length > 0) lines.push('<details><summary>Skipped</summary>', '', ...skips, '', '</details>', '')
  return lines.join('\n')
}

function entry(results: CaseResult[]): string[] {
  const last = results.at(-1)
  if (last === undefined) return []
  const id = last.url === '' ? `\`${last.id}\`` : `[\`${last.id}\`](${last.url})`
  return [`- ${id} (${revisionsOf(results)})  `, `  ${plain(last.quote)}  `, `  ${plain(last.message)}`]
}

/** As text: nothing a server sent becomes a link, an image, HTML or a new line. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~!]/g, (c) => (c === '<' ? '&lt;' : c === '>' ? '&gt;' : `\\${c}`)).replace(/\s+/g, ' ')
}
