// The canonical report: one JSON document.
import type { RunReport } from '../run.ts'

export function jsonReport(report: RunReport): string {
  return `${JSON.stringify(report, null, 2)}\n`
}
