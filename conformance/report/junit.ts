// JUnit XML for continuous integration: one suite for each revision. What does not fail the run is a skip with its message, because
// JUnit knows no advice.
import type { CaseResult, RunReport } from '../types.ts'
import { decides } from './summary.ts'

export function junitReport(report: RunReport, strict = false): string {
  const suites = report.revisions.map((revision) => suite(report, revision, strict))
  const aborted =
    report.aborted === undefined
      ? ''
      : `  <testsuite name="target" tests="1" failures="1"><testcase classname="target" name="answers">${failure(report.aborted, '')}</testcase></testsuite>\n`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="mcp-conformance ${escapeXml(report.target)}">\n${suites.join('')}${aborted}</testsuites>\n`
}

function suite(report: RunReport, revision: string, strict: boolean): string {
  const cases = report.cases.filter((result) => result.revision === revision)
  const fails = cases.filter((result) => decides(result, strict)).length
  const skips = cases.filter((result) => result.status !== 'pass').length - fails
  const seconds = (cases.reduce((sum, result) => sum + result.ms, 0) / 1000).toFixed(3)
  const head = `  <testsuite name="${report.transport} ${revision}" tests="${cases.length}" failures="${fails}" skipped="${skips}" time="${seconds}">\n`
  return `${head}${cases.map((result) => testcase(result, strict)).join('')}  </testsuite>\n`
}

function testcase(result: CaseResult, strict: boolean): string {
  const at = result.id.lastIndexOf('/')
  const head = `    <testcase classname="${escapeXml(`${result.revision}/${result.id.slice(0, at)}`)}" name="${escapeXml(result.id.slice(at + 1))}" time="${(result.ms / 1000).toFixed(3)}"`
  if (result.status === 'pass') return `${head}/>\n`
  if (decides(result, strict))
    return `${head}>${failure(result.message, `${result.level}: ${result.quote}\n${result.url}`)}</testcase>\n`
  const why = result.status === 'fail' ? `${result.level}, not met: ${result.message}` : result.message
  return `${head}><skipped message="${escapeXml(why)}"/></testcase>\n`
}

function failure(message: string, text: string): string {
  return `<failure message="${escapeXml(message)}">${escapeXml(text)}</failure>`
}

/** Also drops what XML 1.0 cannot carry at all. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g, '�')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
}
