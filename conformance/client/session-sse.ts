// HTTP+SSE (2024-11-05): one GET whose events carry every message of the server, one POST for each message of the client.
import { isDeepStrictEqual } from 'node:util'
import { Failure, isObject, isResponse, type Json, type JsonObject, parse, show } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import type { Revision } from '../revisions.ts'
import type { EventStream, StreamEvent } from './event-stream.ts'
import { type Awaited, type Body, encode, messagesIn, type Reply, type SendOptions, Session } from './session.ts'
import type { Exchange } from './target.ts'
import type { Client } from './types.ts'

export class SseSession extends Session {
  readonly get: Exchange
  readonly stream: EventStream
  /** Every message that came on the stream, in order. */
  readonly inbox: unknown[] = []
  endpoint: URL
  #requests = new Map<Json, JsonObject>()
  #fences = 0

  private constructor(context: Client, revision: Revision, get: Exchange) {
    super(context, revision)
    this.get = get
    this.stream = get.events()
    this.endpoint = context.url
    this.stream.onEvent = (event) => this.#take(event)
  }

  /** Opens the stream and waits for the `endpoint` event. */
  static async open(context: Client, revision: Revision, headers: Record<string, string | undefined> = {}): Promise<SseSession> {
    const get = await context.open({ method: 'GET', headers: { Accept: 'text/event-stream', ...headers } })
    if (get.status !== 200 || !get.isEventStream) {
      throw new Failure(
        'HTTP 200 with text/event-stream for the GET',
        `HTTP ${get.status} with ${get.mediaType || 'no content type'}`,
      )
    }
    const session = new SseSession(context, revision, get)
    const data = await session.stream.until(
      () => session.stream.events.find((event) => event.name === 'endpoint')?.data,
      'an `endpoint` event',
    )
    session.endpoint = resolveEndpoint(data, context.url)
    return session
  }

  override async send(body: Body, awaited: Awaited, options: SendOptions = {}): Promise<Reply> {
    const start = this.inbox.length
    try {
      const exchange = await this.post(body, options)
      if (options.connection !== undefined) await exchange.body()
      const refused = exchange.status < 200 || exchange.status > 299
      if (refused) return await this.#refusal(exchange, body)
      if (awaited === 'anything') {
        await this.fence()
        return this.#replyFrom(exchange, start, undefined)
      }
      const message = await this.stream.until(
        () => this.#responseTo(awaited.id, start),
        `a response with the id ${show(awaited.id)}`,
        options.timeoutMs,
      )
      return this.#replyFrom(exchange, start, message)
    } finally {
      this.end(body)
    }
  }

  override async post(body: Body, options: SendOptions = {}): Promise<Exchange> {
    this.begin(body)
    if (isObject(body) && body.id !== undefined) this.#requests.set(body.id, body)
    const { connection, timeoutMs } = options
    const headers = { 'Content-Type': 'application/json', ...options.headers }
    return this.context.open({ method: 'POST', url: this.endpoint, headers, body: encode(body), connection, timeoutMs })
  }

  /** Returns when the target has answered something sent later, and a moment more. */
  async fence(): Promise<void> {
    this.#fences += 1
    const id = `fence-${this.#fences}`
    const start = this.inbox.length
    const ping = { jsonrpc: '2.0', id, method: 'ping' }
    const exchange = await this.post(ping)
    exchange.close()
    if (exchange.status > 299) throw new Failure('the session to go on: 2xx for a ping', `HTTP ${exchange.status}`)
    await this.stream.until(
      () => this.inbox.slice(start).find((message) => isResponse(message) && message.id === id),
      'the session to go on: a response to a ping',
    )
    this.outstanding.delete(id)
    await this.context.pause(LIMITS.graceMs)
  }

  #take({ name, data }: StreamEvent): void {
    if (name === 'endpoint') return
    for (const message of messagesIn(parse(data))) {
      const request = isResponse(message) ? this.#requests.get(message.id ?? null) : undefined
      this.observe(message, { via: 'event', status: 200, bytes: Buffer.byteLength(data), request })
      this.inbox.push(message)
    }
  }

  protected override readonly hasOwnStreams = false

  override close(): void {
    this.stream.close()
  }

  /** The response with this id; or one whose id nobody asked for, which the caller will find to be wrong. */
  #responseTo(id: Json, start: number): JsonObject | undefined {
    const responses = this.inbox.slice(start).filter(isResponse)
    return (
      responses.find((message) => isDeepStrictEqual(message.id, id)) ??
      responses.find((message) => !this.outstanding.has(message.id ?? null) && !this.#requests.has(message.id ?? null))
    )
  }

  #replyFrom(exchange: Exchange, start: number, message: JsonObject | undefined): Reply {
    const messages = this.inbox.slice(start).filter((item) => !(isResponse(item) && String(item.id).startsWith('fence-')))
    exchange.close()
    return {
      exchange,
      status: exchange.status,
      message: message ?? messages.find(isResponse),
      messages,
      ended: this.stream.ended,
    }
  }

  async #refusal(exchange: Exchange, request: Body): Promise<Reply> {
    const message = await exchange.json()
    const isMessage = isResponse(message)
    if (isMessage) this.observe(message, { via: 'body', status: exchange.status, bytes: exchange.received.total, request })
    return {
      exchange,
      status: exchange.status,
      message: isMessage ? message : undefined,
      messages: isMessage ? [message] : [],
      ended: false,
    }
  }
}

function resolveEndpoint(data: string, base: URL): URL {
  try {
    return new URL(data, base)
  } catch {
    throw new Failure('a URI in the `endpoint` event', data)
  }
}
