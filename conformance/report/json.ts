// The canonical report: one JSON document.
import type { RunReport } from '../types.ts'

export function jsonReport(report: RunReport): string {
  return `${JSON.stringify(report, null, 2)}\n`
}
