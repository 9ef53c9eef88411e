// Tests several servers and keeps the outcome: one JSON line for each, failed cases only, and a table in Markdown on standard output.
// npx tsx examples/conformance-foreign/table.ts docs/conformance/DATE.jsonl 'NAME=URL' …
import { appendFileSync } from 'node:fs'
import { type RunReport, runConformance } from '../../conformance/index.ts'

const [file, ...targets] = process.argv.slice(2)
if (file === undefined || targets.length === 0) throw new Error("usage: table.ts FILE 'NAME=URL' …")

console.log('| server | transport | revisions | MUST | SHOULD | INTEROP |\n|---|---|---|---|---|---|')
for (const target of targets) {
  const [, name = '', url = ''] = /^([^=]+)=(.+)$/.exec(target) ?? []
  const report = await runConformance({ url })
  appendFileSync(file, `${JSON.stringify(kept(name, report))}\n`)
  console.log(row(name, report))
}

function kept(name: string, { cases, target: _, ...report }: RunReport): object {
  const failed = cases.filter((result) => result.status === 'fail')
  return { name, ...report, failed: failed.map(({ id, level, revision, message }) => ({ id, level, revision, message })) }
}

function row(name: string, report: RunReport): string {
  const cell = (level: 'MUST' | 'SHOULD' | 'INTEROP'): string => {
    const { pass, fail } = report.summary.levels[level]
    const ids = new Set(
      report.cases.filter((result) => result.status === 'fail' && result.level === level).map((result) => result.id),
    )
    return fail === 0 ? `${pass} ✓` : `${pass} ✓ ${fail} ✗ (${ids.size} ${ids.size === 1 ? 'case' : 'cases'})`
  }
  const revisions = report.revisions.length === 1 ? report.revision : `${report.revisions[0]} … ${report.revision}`
  return `| ${name} | ${report.transport} | ${revisions} | ${cell('MUST')} | ${cell('SHOULD')} | ${cell('INTEROP')} |`
}
