// The outermost middleware, so that it sees what the others decided: times each request once, for the metrics and for the audit trail.
import { type Middleware, monotonicMs, type Outcome, ProtocolError, ToolError } from '../../protocol/index.ts'
import type { Backend } from '../kit/definition.ts'
import type { Audit } from './audit/trail.ts'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

export function recording(
  server: string,
  { audit, metrics }: { audit: Audit; metrics: Metrics },
  backend?: Backend,
  health?: Health,
): Middleware {
  const usage = metrics.usageOf(server)
  return async (call, next) => {
    const isCall = call.method === 'tools/call'
    const record = isCall ? audit.begin(server, call, backend?.upstream) : undefined
    if (isCall) usage.inFlight += 1
    const started = monotonicMs()
    let code = ''
    let error: unknown
    let outcome: Outcome | undefined
    try {
      outcome = await next()
      if (outcome.isError) code = 'tool_error'
      return outcome
    } catch (thrown) {
      error = thrown
      code = thrown instanceof ToolError ? thrown.code : thrown instanceof ProtocolError ? String(thrown.code) : 'INTERNAL'
      throw thrown
    } finally {
      const ms = monotonicMs() - started
      metrics.record(usage, call, code, ms)
      if (isCall) health?.observe(code)
      // Before the answer: then a crash loses no record of an answered call.
      if (record !== undefined) await audit.end(record, call, { outcome, error, code, ms })
    }
  }
}
