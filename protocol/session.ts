// The state of a connection: what was negotiated, and which requests are in flight. Over HTTP+SSE a session lives as long as its stream;
// the sessionless `/mcp` makes one for each POST, so that both transports share this code.
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMs } from './clock.ts'
import { type Exchange, RequestContext, type SessionState } from './context.ts'
import { ErrorCode, ProtocolError, ToolError } from './errors.ts'
import { classify, errorText, type Incoming, isObject, isRequestId, resultText } from './jsonrpc.ts'
import type { Server, ServerCall } from './server.ts'
import type { JsonRpcErrorObject, JsonRpcNotification, JsonRpcRequest, Params, RequestId } from './types.ts'

export interface Reply {
  readonly text: string
  /** The JSON-RPC error code, where the reply is an error object. */
  readonly code?: number
}

const noParams: Params = Object.freeze({})
const settled = Promise.resolve()
/** Leaves room for as many errors as a batch may hold below the 1,000,000 bytes of a message (docs/clients.md). */
const maxBatchBytes = 900_000
const abortedGraceMs = 1_000
const idlePollMs = 5

export class Session {
  readonly state: SessionState
  readonly #server: Server
  readonly #maxInFlight: number
  /** At most `maxInFlight`, which is few: to look through them is cheaper than a Map for each session. */
  readonly #inFlight: RequestContext[] = []
  #draining = false

  /** @param maxInFlight requests in flight at once; more are refused */
  constructor(server: Server, state: SessionState, maxInFlight: number) {
    this.#server = server
    this.state = state
    this.#maxInFlight = maxInFlight
  }

  /** Refuses new requests, waits at most `graceMs` for those in flight, then aborts the rest and waits until those failures are sent. */
  static async drain(sessions: readonly Session[], graceMs: number): Promise<void> {
    const untilIdle = async (ms: number): Promise<void> => {
      const end = monotonicMs() + ms
      while (monotonicMs() < end && sessions.some((session) => session.#inFlight.length > 0)) await delay(idlePollMs)
    }
    for (const session of sessions) session.#draining = true
    await untilIdle(graceMs)
    const reason = new ToolError('CANCELLED', 'the server is shutting down')
    for (const context of sessions.flatMap((session) => session.#inFlight)) context.cancel(reason)
    await untilIdle(abortedGraceMs)
  }

  /** Returns the reply to send, or undefined where none may be sent. Never rejects. */
  receive(incoming: Incoming, exchange: Exchange): Promise<Reply | undefined> {
    if (incoming.kind === 'request') return this.#request(incoming.message, exchange)
    if (incoming.kind === 'notification') this.#notification(incoming.message)
    return Promise.resolve(
      incoming.kind === 'malformed' && incoming.id !== undefined ? errorReply(incoming.id, incoming.error) : undefined,
    )
  }

  /**
   * Answers a JSON-RPC batch with one array, or undefined when it holds no request (JSON-RPC 2.0 §6).
   * Only 2025-03-26 has batches; every other revision answers with one error object.
   */
  async receiveBatch(items: readonly unknown[], exchange: Exchange): Promise<Reply | undefined> {
    const { batching, version } = this.state.revision
    const problem = !batching
      ? `protocol version ${version} has no batches; send one message at a time`
      : items.length === 0
        ? 'a batch must not be empty'
        : items.length > this.#maxInFlight
          ? `a batch may hold ${this.#maxInFlight} messages, got ${items.length}`
          : undefined
    if (problem !== undefined) return errorReply(null, { code: ErrorCode.invalidRequest, message: problem })
    const replies = await Promise.all(
      items.map((item) => {
        const incoming = classify(item)
        // 2025-03-26 basic/lifecycle: the initialize request MUST NOT be part of a batch.
        if (incoming.kind === 'request' && incoming.message.method === 'initialize') {
          const message = '"initialize" must not be part of a batch'
          return errorReply(incoming.message.id, { code: ErrorCode.invalidRequest, message })
        }
        return this.receive(incoming, exchange)
      }),
    )
    let bytes = 0
    const texts = replies.flatMap((reply, i) => {
      if (reply === undefined) return []
      const size = Buffer.byteLength(reply.text) + 1
      if (bytes + size <= maxBatchBytes) {
        bytes += size
        return reply.text
      }
      // The replies are one message, and only a single result is known to fit.
      const item = items[i]
      const id = isObject(item) && isRequestId(item.id) ? item.id : null
      const message = 'the replies of this batch are too large for one message; send this request by itself'
      return errorReply(id, { code: ErrorCode.internalError, message }).text
    })
    return texts.length === 0 ? undefined : { text: `[${texts.join(',')}]` }
  }

  /** Aborts everything in flight; nothing more is sent. */
  close(reason: ToolError): void {
    for (const context of this.#inFlight) {
      context.silent = true
      context.cancel(reason)
    }
  }

  async #request(request: JsonRpcRequest, exchange: Exchange): Promise<Reply | undefined> {
    const { id, method } = request
    const refusal = this.#draining
      ? 'the server is shutting down; connect again'
      : this.#find(id) !== undefined
        ? `id ${JSON.stringify(id)} is already in use by a request in flight`
        : this.#inFlight.length >= this.#maxInFlight
          ? `more than ${this.#maxInFlight} requests in flight on one session`
          : undefined
    if (refusal !== undefined) {
      return errorReply(id, { code: this.#draining ? ErrorCode.internalError : ErrorCode.invalidRequest, message: refusal })
    }
    const context = new RequestContext(request, this.state, exchange)
    this.#inFlight.push(context)
    const call: ServerCall = {
      method,
      params: request.params ?? noParams,
      tool: method === 'tools/call' ? this.#server.findTool(request.params?.name) : undefined,
      context,
      attributes: context.attributes,
      settled,
      abort: (reason) => context.cancel(reason),
    }
    try {
      const { json } = await this.#server.dispatch(this.state, call)
      // 2025-11-25 basic/utilities/cancellation: `initialize` is never cancelled.
      return context.silent && method !== 'initialize' ? undefined : { text: resultText(id, json) }
    } catch (error) {
      // dispatch() turns everything else into a result or a ProtocolError
      const known = error instanceof ProtocolError ? error : { code: ErrorCode.internalError, message: 'internal error' }
      return context.silent ? undefined : errorReply(id, known)
    } finally {
      context.silent = true
      this.#inFlight.splice(this.#inFlight.indexOf(context), 1)
    }
  }

  #find(id: RequestId): RequestContext | undefined {
    return this.#inFlight.find(({ requestId }) => requestId === id)
  }

  #notification({ method, params }: JsonRpcNotification): void {
    // basic/utilities/cancellation: an unknown or finished request is ignored.
    if (method !== 'notifications/cancelled' || !isRequestId(params?.requestId)) return
    const context = this.#find(params.requestId)
    if (context === undefined) return
    context.silent = true
    context.cancel(new ToolError('CANCELLED', 'the client cancelled the request'))
  }
}

function errorReply(id: RequestId | null, error: JsonRpcErrorObject): Reply {
  return { text: errorText(id, error), code: error.code }
}
