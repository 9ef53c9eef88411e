// The Context of one request, and whether the request is still wanted. A class, because an accessor in an object literal would give every
// request a hidden class of its own, which only a full garbage collection removes.
import { isObject, isRequestId, notificationText } from './jsonrpc.ts'
import { type LoggingLevel, loggingLevels } from './logging-level.ts'
import type { Revision } from './revisions.ts'
import type { CallAttributes, Caller, Context, Implementation, JsonRpcRequest, Params, RequestId, SessionInfo } from './types.ts'

/** What was negotiated on a connection. */
export interface SessionState {
  /** Undefined where the transport has no sessions. */
  readonly id?: string
  revision: Revision
  client?: Implementation | undefined
  /** The least severe level that is sent; undefined sends none. */
  logLevel?: LoggingLevel | undefined
}

/** One POST, as its transport sees it. */
export interface Exchange {
  readonly caller: Caller
  /** Sends a notification that belongs to a request of this POST. */
  notify(text: string): void
}

export class RequestContext implements Context {
  readonly requestId: RequestId
  readonly caller: Caller
  readonly attributes: CallAttributes = {}
  /** Nothing more is sent: the answer was, or the client does not want it, or can no longer read it. */
  silent = false
  /** Why the request is no longer wanted; undefined while it is. */
  reason: Error | undefined
  /** The warnings, until the handler reads them. */
  unreadWarnings: readonly string[] = []
  /** Called once, when the request is cancelled. Set by the code that runs the handler. */
  onCancel: ((reason: Error) => void) | undefined
  readonly #state: SessionState
  readonly #exchange: Exchange
  readonly #progressToken: RequestId | undefined
  #warnings: readonly string[] = []
  #controller: AbortController | undefined
  #lastProgress = Number.NEGATIVE_INFINITY

  constructor(request: JsonRpcRequest, state: SessionState, exchange: Exchange) {
    this.requestId = request.id
    this.caller = exchange.caller
    this.#state = state
    this.#exchange = exchange
    const token = isObject(request.params?._meta) ? request.params._meta.progressToken : undefined
    this.#progressToken = isRequestId(token) ? token : undefined
  }

  get session(): SessionInfo {
    const { id, revision, client } = this.#state
    return { id, protocolVersion: revision.version, client }
  }

  get warnings(): readonly string[] {
    this.unreadWarnings = []
    return this.#warnings
  }

  setWarnings(warnings: readonly string[]): void {
    this.#warnings = warnings
    this.unreadWarnings = warnings
  }

  /** Created at first use: an AbortController costs as much as the rest of a small call, and many handlers need none. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.reason !== undefined) this.#controller.abort(this.reason)
    }
    return this.#controller.signal
  }

  /** The first reason counts. */
  cancel(reason: Error): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.#controller?.abort(reason)
    this.onCancel?.(reason)
  }

  // Getters that bind: handlers destructure their context, and few of them use these.
  get progress(): Context['progress'] {
    return (progress, total, message) => {
      if (this.#progressToken === undefined || !(progress > this.#lastProgress)) return
      this.#lastProgress = progress
      this.#send('notifications/progress', { progressToken: this.#progressToken, progress, total, message })
    }
  }

  get log(): Context['log'] {
    return (level, data, logger) => {
      const least = this.#state.logLevel
      if (least === undefined || loggingLevels.indexOf(level) < loggingLevels.indexOf(least)) return
      this.#send('notifications/message', { level, logger, data })
    }
  }

  get annotate(): Context['annotate'] {
    return (attributes) => void Object.assign(this.attributes, attributes)
  }

  #send(method: string, params: Params): void {
    if (!this.silent) this.#exchange.notify(notificationText(method, params))
  }
}
