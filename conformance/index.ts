/**
 * The conformance suite as a library: `octet-mcp/conformance`.
 *
 * ```ts
 * import { exitCodeOf, runConformance, textReport } from 'octet-mcp/conformance'
 *
 * const report = await runConformance({ url: 'http://127.0.0.1:8080/mcp' })
 * process.stdout.write(textReport(report))
 * process.exitCode = exitCodeOf(report)
 * ```
 *
 * It talks to the server by URL only, calls no tool that is not marked read-only unless `calls` names it, and reads no environment.
 *
 * @module
 */
export type { Case } from './case.ts'
export { CASES } from './cases/index.ts'
export type { Context } from './client/context.ts'
export { Unreachable } from './detect.ts'
export { UnknownTool } from './facts.ts'
export { LIMITS } from './limits.ts'
export { jsonReport } from './report/json.ts'
export { junitReport } from './report/junit.ts'
export { markdownReport } from './report/markdown.ts'
export { reportSchema } from './report/schema.ts'
export { type TextOptions, textReport } from './report/text.ts'
export { REVISIONS, type Revision, type TransportName } from './revisions.ts'
export { exitCodeOf, type RunOptions, runConformance } from './run.ts'
export type { CaseResult, Counts, Facts, Level, NamedCall, RunReport, Status } from './types.ts'
