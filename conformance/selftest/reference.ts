// A server that conforms, on all transports: the proof that every case can be passed. Each deviation of selftest/mutants.ts hooks in
// here. Written on node:http alone.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { deliver, readMessages, refusal, send } from './reference-flow.ts'
import { KEY, LEGACY, MODERN } from './reference-rpc.ts'
import type { Deviation, Handler, Incoming, Session, State } from './reference-types.ts'

interface Reference {
  url: string
  close(): Promise<void>
}

const MAX_BODY = 4 * 1024 * 1024
const LOCAL = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/

export async function startReference(deviation: Deviation = {}): Promise<Reference> {
  const sockets = new Set<Socket>()
  const server = createServer((req, res) => {
    void new HttpHandler(deviation, state, req, res).handle().catch(() => res.destroy())
  })
  const state: State = { sse: new Map(), http: new Map(), tail: Promise.resolve() }
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}

class HttpHandler implements Handler {
  readonly deviation: Deviation
  readonly state: State
  readonly res: ServerResponse
  incoming: Incoming
  readonly #req: IncomingMessage

  constructor(deviation: Deviation, state: State, req: IncomingMessage, res: ServerResponse) {
    this.deviation = deviation
    this.state = state
    this.#req = req
    this.res = res
    const url = new URL(req.url ?? '/', 'http://x')
    this.incoming = {
      method: req.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: req.headers as Record<string, string | undefined>,
      names: req.rawHeaders.filter((_, index) => index % 2 === 0),
      body: Buffer.alloc(0),
    }
  }

  async handle(): Promise<void> {
    const { incoming } = this
    const body = await this.#read()
    if (body === undefined) return this.answer(413, undefined)
    incoming.body = body
    this.deviation.request?.(incoming)
    if (this.deviation.takes?.(incoming, this.res) === true) return
    const { host = '', origin } = incoming.headers
    if (!LOCAL.test(host)) return this.answer(421, undefined)
    if (origin !== undefined && !LOCAL.test(origin.replace(/^https?:\/\//, '')))
      return this.answer(403, refusal(undefined, -32600, 'Origin'))
    const { method, path } = incoming
    if (method === 'POST' && !/^application\/json\b/.test(incoming.headers['content-type'] ?? ''))
      return this.answer(415, undefined)
    if (path === '/sse') return method === 'GET' ? this.#openSse() : this.answer(405, undefined, { Allow: 'GET' })
    if (path === '/messages' && method === 'POST') return this.#postSse()
    if (path === '/mcp' && method === 'POST') return this.#postHttp()
    if (path === '/mcp' && method === 'GET') return this.#getHttp()
    if (path === '/mcp' && method === 'DELETE') return this.#deleteHttp()
    this.answer(path === '/mcp' || path === '/messages' ? 405 : 404, undefined)
  }

  async #read(): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    let size = 0
    for await (const chunk of this.#req) {
      size += (chunk as Buffer).length
      const part = this.deviation.decodesChunks ? Buffer.from((chunk as Buffer).toString('utf8')) : (chunk as Buffer)
      if (size <= MAX_BODY) parts.push(part)
    }
    return size > MAX_BODY ? undefined : Buffer.concat(parts)
  }

  /** Answers with JSON, or with nothing. */
  answer(status: number, message: unknown, headers: Record<string, string> = {}): void {
    const head = { status, headers: { ...headers, ...(message === undefined ? {} : { 'Content-Type': 'application/json' }) } }
    this.deviation.head?.(head, this.incoming)
    const text = message === undefined ? '' : JSON.stringify(message)
    const body = this.deviation.body?.(text, this.incoming) ?? text
    this.res.writeHead(head.status, head.headers)
    this.res.end(body)
  }

  openStream(headers: Record<string, string> = {}): void {
    const head = {
      status: 200,
      headers: {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache, no-transform',
        'X-Accel-Buffering': 'no',
        ...headers,
      },
    }
    this.deviation.head?.(head, this.incoming)
    this.res.writeHead(head.status, head.headers)
    this.res.flushHeaders()
  }

  writeEvent(res: ServerResponse, text: string, kind: 'endpoint' | 'message'): void {
    if (!res.writableEnded && !res.destroyed) res.write(this.deviation.event?.(text, kind) ?? text)
  }

  // HTTP+SSE

  #openSse(): void {
    const session = newSession()
    this.state.sse.set(session.id, session)
    session.streams.add(this.res)
    this.res.on('close', () => {
      this.state.sse.delete(session.id)
      for (const running of session.running.values()) running.abort()
    })
    this.openStream()
    this.writeEvent(this.res, `event: endpoint\ndata: /messages?sessionId=${session.id}\n\n`, 'endpoint')
    this.deviation.opened?.(
      (text) => this.res.write(text),
      () => this.res.end(),
    )
  }

  #postSse(): void {
    const id = this.incoming.query.get('sessionId')
    if (id === null) return this.answer(400, undefined)
    const session = this.state.sse.get(id)
    if (session === undefined) return this.answer(404, undefined)
    const about = { transport: 'sse', isModern: false, revision: session.revision } as const
    const read = readMessages(this, about)
    if ('problem' in read && read.isUnreadable) return this.answer(400, read.problem)
    const { answersLate } = this.deviation
    const isLate = answersLate !== undefined && this.incoming.body.includes('"tools/call"')
    if (isLate) setTimeout(() => this.answer(202, undefined), answersLate)
    else this.answer(202, undefined)
    const emit = (message: unknown): void => this.#pushSse(session, message)
    if ('problem' in read) return emit(read.problem)
    void deliver(this, read, { ...about, session, emit })
  }

  #pushSse(session: Session, message: unknown): void {
    const sessions = this.deviation.broadcasts ? [...this.state.sse.values()] : [session]
    for (const { streams } of sessions) {
      for (const res of streams) this.writeEvent(res, `event: message\ndata: ${JSON.stringify(message)}\n\n`, 'message')
    }
  }

  // Streamable HTTP

  async #postHttp(): Promise<void> {
    if (this.deviation.serial) {
      const before = this.state.tail
      this.state.tail = new Promise((resolve) => this.res.on('close', resolve))
      await before
    }
    const { headers } = this.incoming
    const version = headers['mcp-protocol-version']
    const isModern = version === MODERN || this.incoming.body.includes(`"${KEY}protocolVersion"`)
    const session = isModern ? undefined : this.state.http.get(headers['mcp-session-id'] ?? '')
    const about = { transport: 'http', isModern, revision: isModern ? MODERN : (session?.revision ?? '2025-03-26') } as const
    const read = readMessages(this, about)
    if ('problem' in read) return this.answer(400, read.problem)
    const [first] = read.messages
    if (!isModern && this.deviation.modernOnly) {
      const supported = [MODERN]
      return this.answer(400, refusal(first?.id, -32022, `supported: ${supported}`, { supported, requested: version ?? '' }))
    }
    if (!isModern && first?.method !== 'initialize') {
      const problem = this.#legacyProblem(session, version)
      if (problem !== undefined) return this.answer(problem.status, refusal(first?.id, -32600, problem.message))
    }
    await send(this, read, { ...about, session: session ?? newSession() })
  }

  #legacyProblem(session: Session | undefined, version: string | undefined): { status: number; message: string } | undefined {
    if (this.incoming.headers['mcp-session-id'] === undefined) return { status: 400, message: 'no session id' }
    if (session === undefined) return { status: 404, message: 'unknown session' }
    return version !== undefined && !LEGACY.includes(version) ? { status: 400, message: 'unsupported version' } : undefined
  }

  #getHttp(): void {
    const { headers } = this.incoming
    if (headers['mcp-protocol-version'] === MODERN || this.deviation.modernOnly) return this.answer(405, undefined)
    const session = this.state.http.get(headers['mcp-session-id'] ?? '')
    if (session === undefined) return this.answer(headers['mcp-session-id'] === undefined ? 405 : 404, undefined)
    this.openStream()
    session.streams.add(this.res)
    this.res.on('close', () => session.streams.delete(this.res))
    const last = headers['last-event-id']
    const [stream = '', count = '0'] = last?.split('/') ?? []
    for (const [id, events] of session.history) {
      if (last === undefined) break
      if (id === stream) for (const event of events.slice(Number(count) + 1)) this.writeEvent(this.res, event, 'message')
      else if (this.deviation.replaysEverything) for (const event of events) this.writeEvent(this.res, event, 'message')
    }
  }

  #deleteHttp(): void {
    const id = this.incoming.headers['mcp-session-id'] ?? ''
    if (this.deviation.modernOnly) return this.answer(405, undefined)
    const session = this.state.http.get(id)
    if (!this.deviation.keepsStreams) for (const stream of session?.streams ?? []) stream.end()
    this.answer(this.state.http.delete(id) ? 200 : 404, undefined)
  }
}

function newSession(): Session {
  return {
    id: randomUUID(),
    revision: '2025-03-26',
    wantsLogs: false,
    streams: new Set(),
    history: new Map(),
    running: new Map(),
  }
}
