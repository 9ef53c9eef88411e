// What a handler and a middleware see of the request they serve.
import type { Caller } from './access.ts'
import type { AnyTool } from './tool.ts'
import type { Implementation, LoggingLevel, Params, RequestId } from './types.ts'

/** What a tool's handler is given beside its arguments. */
export interface Context {
  /** Aborts when the client cancels or leaves, the deadline passes, or the server shuts down. Everything that waits takes it. */
  readonly signal: AbortSignal
  readonly requestId: RequestId
  readonly session: SessionInfo
  readonly caller: Caller
  /** How the arguments were repaired, in sentences; a tool reports them with its result. */
  readonly warnings: readonly string[]
  /**
   * Sends `notifications/progress` when the client asked for it. A value that does not rise above the last one is dropped
   * (basic/utilities/progress: MUST increase), and so is anything after the result.
   */
  progress(progress: number, total?: number, message?: string): void
  /** Sends `notifications/message` when the client's level admits it. Not a log for operators, and no place for secrets. */
  log(level: LoggingLevel, data: unknown, logger?: string): void
  /** Leaves facts about this call for the middlewares (the audit trail, the metrics). They do not reach the client. */
  annotate(facts: CallFacts): void
}

export interface SessionInfo {
  /** Undefined where the transport has no sessions. */
  readonly id: string | undefined
  readonly protocolVersion: string
  readonly client: Implementation | undefined
}

export interface CallFacts {
  /** Rows, lines, entries or objects in the result. */
  rows?: number
  /** More was there than the result holds. */
  truncated?: boolean
  /** The backend that was asked, as the operator named it; never with credentials. */
  upstream?: string
  [name: string]: string | number | boolean | undefined
}

/** One request on its way through the middlewares. */
export interface Call {
  readonly method: string
  readonly params: Params
  /** The tool of a `tools/call`; undefined for other methods and for a name that is not known. */
  readonly tool: AnyTool | undefined
  readonly context: Context
  readonly facts: CallFacts
  /** Settles when the handler has really ended, which after an abort may be later than the answer. */
  readonly settled: Promise<void>
  /** Aborts `context.signal`; the call then fails with `reason`. */
  abort(reason: Error): void
}

/** A finished result: serialised once, measured, and ready for any transport. */
export interface Outcome {
  readonly json: string
  /** UTF-8 length of `json`. */
  readonly bytes: number
  readonly isError: boolean
}

/**
 * The one seam. Sees every request; `next()` rejects with ToolError, ProtocolError, or whatever a later middleware throws.
 * A middleware may throw a ToolError itself: it becomes an `isError` result.
 */
export type Middleware = (call: Call, next: () => Promise<Outcome>) => Promise<Outcome>
