// What all three ways of talking to a target have in common: messages with ids go out, messages come in, and it is noted which belong
// together. How they travel is in session-sse.ts and session-http.ts.

import { isDeepStrictEqual } from 'node:util'
import { check, Failure, isObject, isResponse, type Json, type JsonObject, Misdirected, resultOf, show } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import type { Revision } from '../revisions.ts'
import type { Observation } from './observations.ts'
import type { Connection, Exchange } from './target.ts'
import type { Client } from './types.ts'

export interface SendOptions {
  headers?: Record<string, string | undefined>
  /** 2026-07-28 only: members of `params._meta` that replace ours; `undefined` removes one; `null` leaves `_meta` out altogether. */
  meta?: Record<string, Json | undefined> | null
  id?: Json
  timeoutMs?: number
  /** How many responses to wait for (a batch). Default 1. */
  responses?: number
  /** Over Streamable HTTP: also wait for the end of an event stream that answers, this long or as long as for an answer. */
  untilEnd?: boolean | number
  /** A kept connection to use. */
  connection?: Connection
}

export interface Reply {
  exchange: Exchange
  status: number
  /** The JSON-RPC response. `undefined` when none came. */
  message: JsonObject | undefined
  /** Everything that came in answer, in order, notifications included. */
  messages: unknown[]
  /** Over Streamable HTTP: whether an event stream that answers had ended. */
  ended: boolean
}

export type Body = string | Buffer | readonly Buffer[] | Json | JsonObject

/** What a `send` waits for: the response with this id, or whatever has come when the target has demonstrably read on. */
export type Awaited = { id: Json } | 'anything'

export abstract class Session {
  readonly context: Client
  readonly revision: Revision
  /** The result of `initialize`, or of nothing for 2026-07-28. */
  initializeResult: JsonObject | undefined
  /** Each request has a stream of its own (Streamable HTTP), so that a response on it answers that request. */
  protected readonly hasOwnStreams: boolean = true
  protected readonly outstanding = new Set<Json>()
  #nextId = 1
  /** By id as JSON: how often it was sent, and how often it was answered. */
  #requests = new Map<string, { sent: number; answered: number }>()
  #tokens = new Map<Json, { active: boolean; last: number | undefined }>()

  constructor(context: Client, revision: Revision) {
    this.context = context
    this.revision = revision
  }

  /** Sends a body as it is (text and buffers) or as JSON (everything else), and waits for what `awaited` says. */
  abstract send(body: Body, awaited: Awaited, options?: SendOptions): Promise<Reply>

  /** Posts a body and gives its exchange as soon as the head of the response is there. */
  abstract post(body: Body, options?: SendOptions): Promise<Exchange>

  abstract close(): void

  newId(): number {
    return this.#nextId++
  }

  /** Sends a request and waits for its response, which must carry its id. */
  async request(method: string, params?: JsonObject, options: SendOptions = {}): Promise<Reply> {
    const id = 'id' in options ? (options.id as Json) : this.newId()
    const reply = await this.send(this.build(method, params, id, options), { id }, options)
    if (reply.message !== undefined && reply.message.id !== id) {
      throw new Misdirected(`a response with the id ${show(id)} of the ${method} request`, `id ${show(reply.message.id)}`)
    }
    return reply
  }

  /** Sends a request that must succeed, and gives its result. */
  async result(method: string, params?: JsonObject, options: SendOptions = {}): Promise<JsonObject> {
    const reply = await this.request(method, params, options)
    if (reply.message === undefined) throw new Failure(`a response to ${method}`, `HTTP ${reply.status} without one`)
    return resultOf(reply.message, method)
  }

  /** Sends a notification and gives what came in answer, which should be nothing. */
  notify(method: string, params?: JsonObject, options: SendOptions = {}): Promise<Reply> {
    return this.send(this.build(method, params, undefined, options), 'anything', options)
  }

  /** A request, or without an id a notification, as this revision writes it. */
  build(method: string, params: JsonObject | undefined, id: Json | undefined, _options: SendOptions = {}): JsonObject {
    return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, ...(params === undefined ? {} : { params }) }
  }

  /** The target still answers here. */
  async alive(): Promise<void> {
    const reply = await this.request(this.revision === '2026-07-28' ? 'tools/list' : 'ping')
    check(reply.message !== undefined, 'the next request to be answered', `HTTP ${reply.status} without a response`)
  }

  /** Follows tools/list to its end, within the suite's limit. */
  async tools(): Promise<JsonObject[]> {
    const tools: JsonObject[] = []
    let cursor: Json | undefined
    for (let page = 0; page < LIMITS.pages; page += 1) {
      const result = await this.result('tools/list', cursor === undefined ? {} : { cursor })
      if (Array.isArray(result.tools)) tools.push(...result.tools.filter(isObject))
      cursor = result.nextCursor
      if (typeof cursor !== 'string') break
    }
    return tools
  }

  /** Notes the requests in a body, so that what answers them can be told from what answers nothing. */
  protected begin(body: Body): void {
    for (const message of messagesOf(body)) {
      if (message.id !== undefined) {
        this.outstanding.add(message.id)
        const key = JSON.stringify(message.id)
        const request = this.#requests.get(key) ?? { sent: 0, answered: 0 }
        request.sent += 1
        this.#requests.set(key, request)
      }
      const token = tokenOf(message)
      if (token !== undefined) this.#tokens.set(token, { active: true, last: undefined })
    }
  }

  protected end(body: Body): void {
    for (const { id } of messagesOf(body)) if (id !== undefined) this.outstanding.delete(id)
  }

  /** Notes a message that came; `request` is the body it is known to answer. */
  protected observe(
    message: unknown,
    from: { via: 'event' | 'body'; status: number; bytes: number; request?: Body | undefined },
  ): void {
    if (this.context.isClosed) return
    const request = isObject(from.request) ? from.request : undefined
    const meta = isObject(request?.params) && isObject(request.params._meta) ? request.params._meta : undefined
    const progress =
      isObject(message) && message.method === 'notifications/progress'
        ? this.#progress(
            message,
            this.hasOwnStreams &&
              !Array.isArray(from.request) &&
              (request === undefined ? undefined : tokenOf(request)) !==
                (isObject(message.params) ? message.params.progressToken : undefined),
          )
        : undefined
    if (isResponse(message)) this.#finish(request)
    this.context.observed.add({
      message,
      method: typeof request?.method === 'string' ? request.method : undefined,
      status: from.status,
      bytes: from.bytes,
      caseId: this.context.caseId,
      answers: isResponse(message)
        ? this.#answered(message.id, from.via === 'body' || this.hasOwnStreams ? from.request : undefined)
        : 'nothing',
      asksForLogs: meta?.['io.modelcontextprotocol/logLevel'] !== undefined,
      ...(progress === undefined ? {} : { progress }),
    })
  }

  /** What a response with this id answers; `body` is what was posted, where the response came in answer to a POST. */
  #answered(id: Json | undefined, body: Body | undefined): Observation['answers'] {
    if (id === undefined || id === null) return 'nothing'
    const request = this.#requests.get(JSON.stringify(id))
    if (request !== undefined) request.answered += 1
    const isOwn =
      body === undefined ? request !== undefined : messagesOf(body).some((message) => isDeepStrictEqual(message.id, id))
    if (!isOwn) return 'another request'
    if (!isId(id)) return 'an illegal id'
    return request !== undefined && request.answered > request.sent ? 'it again' : 'a request'
  }

  #progress(message: JsonObject, ofAnother: boolean): Observation['progress'] & object {
    const params = isObject(message.params) ? message.params : {}
    const state = this.#tokens.get(params.progressToken ?? null)
    if (state === undefined) return { known: false, active: false, previous: undefined, ofAnother }
    const previous = state.last
    if (typeof params.progress === 'number') state.last = params.progress
    return { known: true, active: state.active, previous, ofAnother }
  }

  #finish(request: JsonObject | undefined): void {
    const token = request === undefined ? undefined : tokenOf(request)
    const state = token === undefined ? undefined : this.#tokens.get(token)
    if (state !== undefined) state.active = false
  }
}

/** The messages in a body; of a body that is sent as text, the ids it mentions. */
function messagesOf(body: Body): JsonObject[] {
  if (Array.isArray(body) && !body.some((part) => Buffer.isBuffer(part))) return body.filter(isObject)
  if (isObject(body) && !Buffer.isBuffer(body)) return [body]
  const text = Array.isArray(body) ? Buffer.concat(body as unknown as readonly Buffer[]).toString() : String(body)
  return [...text.slice(0, LIMITS.recordedBytes).matchAll(/"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)/g)].map((match) => ({
    id: JSON.parse(match[1] ?? '0') as Json,
  }))
}

/** The messages of a body or an event: several in a batch, none where it is not JSON, which the framing cases report. */
export function messagesIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

export const isId = (id: unknown): boolean => typeof id === 'string' || Number.isInteger(id)

function tokenOf(message: JsonObject): Json | undefined {
  const params = message.params
  return isObject(params) && isObject(params._meta) ? params._meta.progressToken : undefined
}

/** Text and buffers as they are, everything else as JSON. */
export function encode(body: Body): string | Buffer | readonly Buffer[] {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body
  if (Array.isArray(body) && body.length > 0 && body.every((part) => Buffer.isBuffer(part)))
    return body as unknown as readonly Buffer[]
  return JSON.stringify(body)
}
