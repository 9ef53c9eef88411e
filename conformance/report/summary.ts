// What every format says first: the verdict, the failed cases, and causes that several of them share.
import type { CaseResult, Level, RunReport } from '../types.ts'

const SHARED = 3

export function conforms({ aborted, cases }: RunReport, strict: boolean): boolean {
  return aborted === undefined && !cases.some((result) => decides(result, strict))
}

/** Whether the result fails the run. */
export function decides({ status, level }: CaseResult, strict: boolean): boolean {
  return status === 'fail' && (strict || level === 'MUST')
}

/** `does not conform: 2 MUST not met, 1 SHOULD, in 3.1 s` */
export function verdict(report: RunReport, strict: boolean): string {
  const { levels } = report.summary
  const others = (['SHOULD', 'MAY', 'INTEROP'] as const)
    .filter((level) => levels[level].fail > 0)
    .map((level) => `, ${levels[level].fail} ${level}`)
  const counts = strict
    ? `${report.summary.fail} requirements of any level not met`
    : `${levels.MUST.fail} MUST not met${others.join('')}`
  return `${conforms(report, strict) ? 'conforms' : 'does not conform'}: ${counts}, in ${(report.ms / 1000).toFixed(1)} s`
}

/** `reference 1.0.0 at http://…/mcp over Streamable HTTP, 2025-06-18, 2025-11-25` */
export function subject({ server, target, transport, revisions }: RunReport): string {
  const name = server === undefined ? 'a server without serverInfo' : `${server.name} ${server.version}`
  return `${name} at ${target} over ${transport === 'sse' ? 'HTTP+SSE' : 'Streamable HTTP'}, ${revisions.join(', ')}`
}

/** The failed cases of a level, each once, with its result in every revision in which it failed. */
export function failedCases(report: RunReport, level: Level): CaseResult[][] {
  const groups = new Map<string, CaseResult[]>()
  for (const result of report.cases) {
    if (result.status === 'fail' && result.level === level) groups.set(result.id, [...(groups.get(result.id) ?? []), result])
  }
  return [...groups.values()]
}

export const revisionsOf = (results: readonly CaseResult[]): string => results.map((result) => result.revision).join(', ')

/** Causes, or equal messages, that at least three different failed cases share; the most frequent first. */
export function sharedCauses(report: RunReport): { cause: string; ids: string[] }[] {
  const causes = new Map<string, Set<string>>()
  for (const { id, status, cause, message } of report.cases) {
    if (status === 'fail') causes.set(cause ?? message, (causes.get(cause ?? message) ?? new Set()).add(id))
  }
  return [...causes]
    .map(([cause, ids]) => ({ cause, ids: [...ids] }))
    .filter(({ ids }) => ids.length >= SHARED)
    .sort((a, b) => b.ids.length - a.ids.length)
}

/** The reasons for skips, each once, with how often. */
export function skipReasons(report: RunReport): [reason: string, count: number][] {
  const reasons = new Map<string, number>()
  for (const { status, message } of report.cases) if (status === 'skip') reasons.set(message, (reasons.get(message) ?? 0) + 1)
  return [...reasons].sort((a, b) => b[1] - a[1])
}
