// The only state of a connection: what was negotiated, who opened it, and which requests are in flight. Over HTTP+SSE a session lives as
// long as its stream; over the sessionless `/mcp` one is made for each POST, so that both transports share this path.
import type { Caller } from './access.ts'
import { Cancellation } from './cancellation.ts'
import { ErrorCode, ProtocolError, ToolError } from './errors.ts'
import {
  classify,
  errorText,
  type Incoming,
  isObject,
  isRequestId,
  notificationText,
  resultText,
  toErrorObject,
} from './jsonrpc.ts'
import { RequestContext } from './request-context.ts'
import type { Revision } from './revisions.ts'
import type { MutableCall, Server } from './server.ts'
import type { Implementation, JsonRpcNotification, JsonRpcRequest, LoggingLevel, Params, RequestId } from './types.ts'

/** What the transport knows of one POST. */
export interface Exchange {
  readonly caller: Caller
  /** Sends a notification that belongs to a request of this exchange. */
  notify(text: string): void
}

export interface Reply {
  readonly text: string
  /** The JSON-RPC error code, where the reply is an error object. */
  readonly code?: number
}

export interface SessionOptions {
  id?: string
  revision: Revision
  client?: Implementation | undefined
  /** The least severe level that is sent before the client sets one; undefined sends none. */
  logLevel?: LoggingLevel | undefined
  /** Requests in flight at once; more are refused. */
  maxInFlight: number
}

interface InFlight {
  cancellation: Cancellation
  /** The client does not want the answer, or is no longer there to read it. */
  silent: boolean
}

const noParams: Params = Object.freeze({})
const settled = Promise.resolve()
/** Leaves room for as many errors as a batch may hold below the 1,000,000 bytes of a message (docs/clients.md). */
const maxBatchBytes = 900_000

export class Session {
  readonly id: string | undefined
  revision: Revision
  client: Implementation | undefined
  logLevel: LoggingLevel | undefined
  readonly #server: Server
  readonly #maxInFlight: number
  readonly #inFlight = new Map<RequestId, InFlight>()
  #idle: (() => void)[] = []
  #draining = false

  constructor(server: Server, options: SessionOptions) {
    this.#server = server
    this.id = options.id
    this.revision = options.revision
    this.client = options.client
    this.logLevel = options.logLevel
    this.#maxInFlight = options.maxInFlight
  }

  initialize(revision: Revision, client: Implementation | undefined): void {
    this.revision = revision
    this.client = client
  }

  /** Returns the reply to send, or undefined where none may be sent. Never rejects. */
  async receive(incoming: Incoming, exchange: Exchange): Promise<Reply | undefined> {
    switch (incoming.kind) {
      case 'request':
        return this.#request(incoming.message, exchange)
      case 'notification':
        this.#notification(incoming.message)
        return undefined
      case 'response':
        return undefined
      case 'malformed':
        return incoming.id === undefined ? undefined : errorReply(incoming.id, incoming.error)
    }
  }

  /**
   * Answers a JSON-RPC batch with one array, or undefined when nothing in it wants an answer (JSON-RPC 2.0 §6).
   * Only 2025-03-26 has batches; every other revision answers with one error object.
   */
  async receiveBatch(items: readonly unknown[], exchange: Exchange): Promise<Reply | undefined> {
    const problem = !this.revision.batching
      ? `protocol version ${this.revision.version} has no batches; send one message at a time`
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
          return errorReply(incoming.message.id, {
            code: ErrorCode.invalidRequest,
            message: '"initialize" must not be part of a batch',
          })
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
      // All replies are one message, and only a single result is known to fit into one.
      const item = items[i]
      const id = isObject(item) && isRequestId(item.id) ? item.id : null
      const message = 'the replies of this batch are too large for one message; send this request by itself'
      return errorReply(id, { code: ErrorCode.internalError, message }).text
    })
    return texts.length === 0 ? undefined : { text: `[${texts.join(',')}]` }
  }

  /** Aborts everything in flight; nothing more is sent. */
  close(reason: ToolError): void {
    for (const entry of this.#inFlight.values()) {
      entry.silent = true
      entry.cancellation.cancel(reason)
    }
  }

  /** Refuses new requests; resolves when those in flight have been answered. */
  async drain(): Promise<void> {
    this.#draining = true
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Fails what is in flight, but still answers it. */
  abortAll(reason: ToolError): void {
    for (const entry of this.#inFlight.values()) entry.cancellation.cancel(reason)
  }

  async #request(request: JsonRpcRequest, exchange: Exchange): Promise<Reply | undefined> {
    const { id, method } = request
    if (this.#draining)
      return errorReply(id, { code: ErrorCode.internalError, message: 'the server is shutting down; connect again' })
    if (this.#inFlight.has(id)) {
      return errorReply(id, {
        code: ErrorCode.invalidRequest,
        message: `id ${JSON.stringify(id)} is already in use by a request in flight`,
      })
    }
    if (this.#inFlight.size >= this.#maxInFlight) {
      return errorReply(id, {
        code: ErrorCode.invalidRequest,
        message: `more than ${this.#maxInFlight} requests in flight on one session`,
      })
    }
    const entry: InFlight = { cancellation: new Cancellation(), silent: false }
    this.#inFlight.set(id, entry)
    const { cancellation } = entry
    const params = request.params ?? noParams
    const context = this.#context(request, entry, exchange)
    const call: MutableCall = {
      method,
      params,
      tool: method === 'tools/call' ? this.#server.findTool(params.name) : undefined,
      context,
      facts: context.facts,
      settled,
      cancellation,
      abort: (reason) => cancellation.cancel(reason),
    }
    try {
      const { json } = await this.#server.dispatch(this, call)
      return entry.silent && method !== 'initialize' ? undefined : { text: resultText(id, json) }
    } catch (error) {
      // dispatch() turns everything else into a result or a ProtocolError
      const known =
        error instanceof ProtocolError
          ? error
          : new ProtocolError(ErrorCode.internalError, 'internal error', undefined, { cause: error })
      return entry.silent ? undefined : errorReply(id, toErrorObject(known))
    } finally {
      context.close()
      this.#inFlight.delete(id)
      if (this.#inFlight.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #notification({ method, params }: JsonRpcNotification): void {
    // basic/utilities/cancellation: an unknown or finished request is ignored, and `initialize` is never cancelled.
    if (method !== 'notifications/cancelled' || !isRequestId(params?.requestId)) return
    const entry = this.#inFlight.get(params.requestId)
    if (entry === undefined) return
    entry.silent = true
    entry.cancellation.cancel(new ToolError('CANCELLED', 'the client cancelled the request'))
  }

  #context(request: JsonRpcRequest, entry: InFlight, exchange: Exchange): RequestContext {
    return new RequestContext({
      request,
      session: { id: this.id, protocolVersion: this.revision.version, client: this.client },
      caller: exchange.caller,
      cancellation: entry.cancellation,
      logLevel: () => this.logLevel,
      send: (method, params) => {
        if (!entry.silent) exchange.notify(notificationText(method, params))
      },
    })
  }
}

function errorReply(id: RequestId | null, error: { code: number; message: string; data?: unknown }): Reply {
  return { text: errorText(id, error), code: error.code }
}

const abortedGraceMs = 1_000

/** Lets what is in flight finish for at most `graceMs`, then fails the rest and lets those failures be answered. */
export async function drainSessions(sessions: readonly Session[], graceMs: number): Promise<void> {
  const drained = Promise.all(sessions.map((session) => session.drain()))
  if (await within(graceMs, drained)) return
  for (const session of sessions) session.abortAll(new ToolError('CANCELLED', 'the server is shutting down'))
  await within(abortedGraceMs, drained)
}

/** Did `work` settle within `ms`? */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
