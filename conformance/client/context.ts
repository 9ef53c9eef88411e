// What a case works with: connections to the target on which everything is recorded, and what is known of the target already.
import { setTimeout as sleep } from 'node:timers/promises'
import { check, isObject, type JsonObject, skip } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { MODERN, type Revision, type TransportName } from '../revisions.ts'
import type { Facts } from '../types.ts'
import type { Observations } from './observations.ts'
import type { Session } from './session.ts'
import { HttpSession, newSession } from './session-http.ts'
import { SseSession } from './session-sse.ts'
import { Exchange } from './target.ts'
import type { Client, OpenOptions } from './types.ts'

export interface ContextOptions {
  caseId: string
  url: URL
  transport: TransportName
  revision: Revision
  /** Headers of the user's (`--header`): on every request, under the case's own. */
  headers: Record<string, string>
  timeoutMs: number
  observed: Observations
  facts: Facts
  signal?: AbortSignal
}

export function initializeParams(revision: string): JsonObject {
  return { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'mcp-conformance', version: '1' } }
}

export class Context implements Client {
  readonly caseId: string
  readonly url: URL
  readonly transport: TransportName
  readonly revision: Revision
  readonly timeoutMs: number
  readonly observed: Observations
  readonly facts: Facts
  readonly exchanges: Exchange[] = []
  #headers: Record<string, string>
  isClosed = false
  #streams = new Set<Exchange>()
  #signal: AbortSignal | undefined

  constructor(options: ContextOptions) {
    this.caseId = options.caseId
    this.url = options.url
    this.transport = options.transport
    this.revision = options.revision
    this.timeoutMs = options.timeoutMs
    this.observed = options.observed
    this.facts = options.facts
    this.#headers = options.headers
    this.#signal = options.signal
  }

  get isModern(): boolean {
    return this.revision === MODERN
  }

  /** One HTTP exchange, to the target's URL unless told otherwise, with the user's headers. */
  async open(options: OpenOptions): Promise<Exchange> {
    this.#signal?.throwIfAborted()
    // Credentials go to the target's own origin only, whatever an `endpoint` event says.
    const url = options.url ?? this.url
    const own = url.origin === this.url.origin ? this.#headers : {}
    const { timeoutMs = this.timeoutMs } = options
    return Exchange.open({ ...options, timeoutMs, url, headers: { ...own, ...options.headers } }, (exchange) => {
      if (this.exchanges.length >= LIMITS.exchangesPerCase) this.exchanges.shift()?.close()
      this.exchanges.push(exchange)
      this.#streams.add(exchange)
    })
  }

  /** A session after its handshake (2026-07-28 has none). */
  async connect(params: JsonObject = {}): Promise<Session> {
    const session = await this.begin()
    if (this.isModern) return session
    await this.initialize(session, params)
    const initialized = session.build('notifications/initialized', undefined, undefined)
    if (session instanceof SseSession) (await session.post(initialized)).close()
    else await session.send(initialized, 'anything')
    return session
  }

  /** A session before its handshake. Over HTTP+SSE its stream is open and its endpoint known. */
  async begin(): Promise<Session> {
    return this.transport === 'sse' ? SseSession.open(this, this.revision) : newSession(this, this.revision)
  }

  /** The same, as the class that also gives access to HTTP. */
  async connectHttp(): Promise<HttpSession> {
    const session = await this.connect()
    return session instanceof HttpSession ? session : skip('Streamable HTTP only')
  }

  async connectSse(): Promise<SseSession> {
    const session = await this.connect()
    return session instanceof SseSession ? session : skip('HTTP+SSE only')
  }

  async initialize(session: Session, params: JsonObject = {}): Promise<JsonObject> {
    const reply = await session.request('initialize', { ...initializeParams(this.revision), ...params })
    const result = reply.message?.result
    check(isObject(result), 'a result for initialize', reply.message ?? `HTTP ${reply.status} without a response`)
    session.initializeResult = result
    const id = reply.exchange.headers['mcp-session-id']
    if (session instanceof HttpSession && typeof id === 'string') session.sessionId = id
    return result
  }

  skip(reason: string): never {
    return skip(reason)
  }

  /** Waits for something that must not come. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, this.#signal === undefined ? {} : { signal: this.#signal })
  }

  /** Closes everything and notes what the streams looked like. */
  close(): void {
    this.isClosed = true
    for (const exchange of this.#streams) {
      if (exchange.isBadUtf8) this.observed.notUtf8.push(this.caseId)
      try {
        if (exchange.isEventStream) {
          this.observed.addStream(this.caseId, exchange.headers, exchange.events().raw())
        }
      } catch {
        // The exchange never got a response.
      }
      exchange.close()
    }
    this.#streams.clear()
  }
}
