// Streamable HTTP: every message is a POST to the one URL, and what answers it comes as JSON or as an event stream.
import { isDeepStrictEqual } from 'node:util'
import { isObject, isResponse, type Json, type JsonObject, parse } from '../expect.ts'
import { MODERN, type Revision } from '../revisions.ts'
import { headerValue } from '../tool-schema.ts'
import { type Awaited, type Body, encode, messagesIn, type Reply, type SendOptions, Session } from './session.ts'
import type { Exchange } from './target.ts'
import type { Client } from './types.ts'

export const META = 'io.modelcontextprotocol/'

/** 2025-03-26 to 2025-11-25, and 2024-11-05 where a server negotiates it here. */
export class HttpSession extends Session {
  sessionId: string | undefined

  override async send(body: Body, awaited: Awaited, options: SendOptions = {}): Promise<Reply> {
    try {
      const exchange = await this.post(body, options)
      return exchange.isEventStream
        ? await this.#readEvents(exchange, body, awaited, options)
        : await this.#readBody(exchange, body, awaited)
    } finally {
      this.end(body)
    }
  }

  override async post(body: Body, options: SendOptions = {}): Promise<Exchange> {
    this.begin(body)
    const { connection, timeoutMs } = options
    const headers = { ...this.headers(body), ...options.headers }
    return this.context.open({ method: 'POST', headers, body: encode(body), connection, timeoutMs })
  }

  /** Opens the stream of server messages that belongs to no request. */
  async listen(headers: Record<string, string | undefined> = {}): Promise<Exchange> {
    const { Accept: _, 'Content-Type': __, ...rest } = this.headers(undefined)
    const get = await this.context.open({ method: 'GET', headers: { Accept: 'text/event-stream', ...rest, ...headers } })
    // What is replayed has been observed before, and may be of an ended request.
    if (get.status !== 200 || !get.isEventStream || headers['Last-Event-ID'] !== undefined) return get
    this.#watch(get)
    return get
  }

  /** Ends the session by DELETE. */
  terminate(): Promise<Exchange> {
    const { Accept: _, ...headers } = this.headers(undefined)
    return this.context.open({ method: 'DELETE', headers })
  }

  headers(_body: Body | undefined): Record<string, string | undefined> {
    return {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...(this.sessionId === undefined ? {} : { 'Mcp-Session-Id': this.sessionId }),
      // The header came with 2025-06-18, and is for what follows the handshake.
      ...(this.initializeResult !== undefined && this.revision >= '2025-06-18' ? { 'MCP-Protocol-Version': this.revision } : {}),
    }
  }

  override close(): void {}

  async #readBody(exchange: Exchange, request: Body, awaited: Awaited): Promise<Reply> {
    const value = await exchange.json()
    const messages = messagesIn(value)
    const bytes = exchange.received.total
    for (const message of messages) this.observe(message, { via: 'body', status: exchange.status, bytes, request })
    return { exchange, status: exchange.status, message: pick(messages, awaited), messages, ended: true }
  }

  async #readEvents(exchange: Exchange, request: Body, awaited: Awaited, options: SendOptions): Promise<Reply> {
    const { responses = 1, untilEnd = options.connection !== undefined } = options
    const stream = exchange.events()
    const messages = this.#watch(exchange, request)
    await stream.until(
      () => (messages.filter(isResponse).length >= responses || stream.ended ? true : undefined),
      'a response',
      options.timeoutMs,
    )
    if (untilEnd !== false) await stream.ends(untilEnd === true ? this.context.timeoutMs : untilEnd)
    const ended = stream.ended
    stream.close()
    return { exchange, status: exchange.status, message: pick(messages, awaited), messages, ended }
  }

  /** The messages of a stream, noted as they come; `request` is the body that the stream answers. */
  #watch(exchange: Exchange, request?: Body): unknown[] {
    const messages: unknown[] = []
    exchange.events().onEvent = ({ data }) => {
      for (const message of messagesIn(parse(data))) {
        this.observe(message, { via: 'event', status: exchange.status, bytes: Buffer.byteLength(data), request })
        messages.push(message)
      }
    }
    return messages
  }
}

/** 2026-07-28: no handshake, no session; each request says which revision it speaks, in its body and in its headers. */
class ModernSession extends HttpSession {
  override build(method: string, params: JsonObject | undefined, id: Json | undefined, options: SendOptions = {}): JsonObject {
    const given = isObject(params?._meta) ? params._meta : {}
    const meta: JsonObject = { ...defaultMeta(this.revision), ...given, ...options.meta }
    for (const key of Object.keys(meta)) if (meta[key] === undefined) delete meta[key]
    const all: JsonObject = { ...params }
    if (options.meta === null) delete all._meta
    else all._meta = meta
    return super.build(method, all, id)
  }

  override headers(body: Body | undefined): Record<string, string | undefined> {
    const message = isObject(body) ? body : {}
    const params = isObject(message.params) ? message.params : {}
    return {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': this.revision,
      ...(typeof message.method === 'string' ? { 'Mcp-Method': message.method } : {}),
      ...(message.method === 'tools/call' && typeof params.name === 'string' ? { 'Mcp-Name': headerValue(params.name) } : {}),
    }
  }
}

function defaultMeta(revision: Revision): JsonObject {
  return {
    [`${META}protocolVersion`]: revision,
    [`${META}clientCapabilities`]: {},
    [`${META}clientInfo`]: { name: 'mcp-conformance', version: '1' },
  }
}

export function newSession(context: Client, revision: Revision): HttpSession {
  return revision === MODERN ? new ModernSession(context, revision) : new HttpSession(context, revision)
}

function pick(messages: unknown[], awaited: Awaited): JsonObject | undefined {
  const responses = messages.filter(isResponse)
  const own = awaited === 'anything' ? undefined : responses.find((message) => isDeepStrictEqual(message.id, awaited.id))
  return own ?? responses[0]
}
