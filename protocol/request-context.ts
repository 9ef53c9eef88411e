// The Context of one request. A class, because an accessor in an object literal would give every request a hidden class of its own, which
// only a full garbage collection removes.
import type { Caller } from './access.ts'
import type { Cancellation } from './cancellation.ts'
import type { CallFacts, Context, SessionInfo } from './context.ts'
import { isObject, isRequestId } from './jsonrpc.ts'
import { isAtLeast } from './logging.ts'
import type { JsonRpcRequest, LoggingLevel, Params, RequestId } from './types.ts'

export interface RequestParts {
  request: JsonRpcRequest
  session: SessionInfo
  caller: Caller
  cancellation: Cancellation
  /** The level that holds when a message is logged. */
  logLevel: () => LoggingLevel | undefined
  send: (method: string, params: Params) => void
}

export class RequestContext implements Context {
  readonly requestId: RequestId
  readonly session: SessionInfo
  readonly caller: Caller
  readonly warnings: string[] = []
  readonly facts: CallFacts = {}
  readonly #parts: RequestParts
  readonly #progressToken: RequestId | undefined
  #last = Number.NEGATIVE_INFINITY
  #open = true

  constructor(parts: RequestParts) {
    const { request, session, caller } = parts
    this.requestId = request.id
    this.session = session
    this.caller = caller
    this.#parts = parts
    const token = isObject(request.params?._meta) ? request.params._meta.progressToken : undefined
    this.#progressToken = isRequestId(token) ? token : undefined
  }

  get signal(): AbortSignal {
    return this.#parts.cancellation.signal
  }

  // Arrow functions: handlers take their context apart.
  readonly progress = (progress: number, total?: number, message?: string): void => {
    if (this.#progressToken === undefined || !(progress > this.#last)) return
    this.#last = progress
    this.#send('notifications/progress', {
      progressToken: this.#progressToken,
      progress,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message }),
    })
  }

  readonly log = (level: LoggingLevel, data: unknown, logger?: string): void => {
    const least = this.#parts.logLevel()
    if (least === undefined || !isAtLeast(level, least)) return
    this.#send('notifications/message', { level, ...(logger === undefined ? {} : { logger }), data })
  }

  readonly annotate = (facts: CallFacts): void => {
    Object.assign(this.facts, facts)
  }

  /** After the answer nothing is sent any more. */
  close(): void {
    this.#open = false
  }

  #send(method: string, params: Params): void {
    if (this.#open) this.#parts.send(method, params)
  }
}
