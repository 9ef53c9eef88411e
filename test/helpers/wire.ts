// Raw HTTP and SSE for tests: nothing here knows MCP, so that what is sent and received is exactly what a test says.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createParser } from 'eventsource-parser'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body as JSON. */
  json(): any
}

export interface SendOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
  signal?: AbortSignal
}

/** Runs `use` against a listener on a free port of loopback and closes everything afterwards. */
export async function withServer<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

export function send(url: string, { method = 'GET', headers = {}, body, signal }: SendOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

export function postJson(url: string, message: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const body = typeof message === 'string' ? message : JSON.stringify(message)
  return send(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } })
}

/** Writes raw bytes and returns everything the server sent until it closed. */
export function sendRaw(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => (text += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

export interface SseEvent {
  event: string | undefined
  data: string
}

/** An open event stream. */
export class SseClient {
  readonly events: SseEvent[] = []
  comments = 0
  raw = ''
  readonly response: IncomingMessage
  /** Resolves when the stream has ended, for whatever reason. */
  readonly closed: Promise<void>
  #taken = 0
  readonly #waiting: (() => void)[] = []
  #ended = false

  private constructor(response: IncomingMessage) {
    this.response = response
    const parser = createParser({
      onEvent: ({ event, data }) => this.events.push({ event, data }),
      onComment: () => {
        this.comments += 1
      },
    })
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      this.raw += chunk
      parser.feed(chunk)
      this.#wake()
    })
    this.closed = new Promise((resolve) => {
      response.on('error', () => {})
      response.on('close', () => {
        this.#ended = true
        this.#wake()
        resolve()
      })
    })
  }

  static open(url: string, options: SendOptions = {}): Promise<SseClient> {
    return new Promise((resolve, reject) => {
      const req = request(
        url,
        { method: options.method ?? 'GET', headers: { Accept: 'text/event-stream', ...options.headers }, agent: false },
        (res) => {
          if (res.statusCode === 200 && res.headers['content-type']?.startsWith('text/event-stream') === true)
            return resolve(new SseClient(res))
          res.resume()
          reject(new Error(`no event stream: ${res.statusCode} ${res.headers['content-type']}`))
        },
      )
      req.on('error', reject)
      req.end(options.body)
    })
  }

  /** The next event that was not taken yet. */
  async next(): Promise<SseEvent> {
    await this.#until(() => this.#taken < this.events.length)
    return this.events[this.#taken++] as SseEvent
  }

  /** The first event from place `from` on that is the wanted one; it and those before it count as taken. */
  async find(from: number, wanted: (event: SseEvent) => boolean): Promise<SseEvent> {
    for (let at = from; ; at++) {
      await this.#until(() => at < this.events.length)
      const event = this.events[at] as SseEvent
      if (!wanted(event)) continue
      this.#taken = Math.max(this.#taken, at + 1)
      return event
    }
  }

  async nextComment(): Promise<void> {
    const before = this.comments
    await this.#until(() => this.comments > before)
  }

  close(): void {
    this.response.destroy()
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      if (this.#ended) throw new Error('the stream ended')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }
}

/** An HTTP+SSE session: the stream, and POSTs to the endpoint it named. */
export class McpSession {
  readonly stream: SseClient
  readonly endpoint: string
  readonly headers: Record<string, string>
  #id = 100

  private constructor(stream: SseClient, endpoint: string, headers: Record<string, string>) {
    this.stream = stream
    this.endpoint = endpoint
    this.headers = headers
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<McpSession> {
    const stream = await SseClient.open(url, { headers })
    const { data } = await stream.next()
    return new McpSession(stream, new URL(data, url).href, headers)
  }

  post(message: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return postJson(this.endpoint, message, { ...this.headers, ...headers })
  }

  /** The next message, parsed. */
  async message(): Promise<any> {
    return JSON.parse((await this.stream.next()).data)
  }

  /** Sends a request and returns its response; notifications before it are skipped, responses to other requests left to those. */
  request(method: string, params?: unknown, headers: Record<string, string> = {}): Promise<any> {
    return this.begin(method, params, { headers }).response
  }

  async call(name: string, args?: unknown, headers: Record<string, string> = {}): Promise<any> {
    return (await this.request('tools/call', { name, ...(args === undefined ? {} : { arguments: args }) }, headers)).result
  }

  /** Like `request`, with the id to cancel it by. `onProgress` gets what the server reports of it. */
  begin(
    method: string,
    params: unknown,
    { headers = {}, onProgress }: { headers?: Record<string, string>; onProgress?: (progress: any) => void } = {},
  ): { id: number; response: Promise<any> } {
    const id = this.#id++
    const from = this.stream.events.length
    const token = onProgress === undefined ? {} : { _meta: { progressToken: id } }
    const body = params === undefined && onProgress === undefined ? {} : { params: { ...(params as object), ...token } }
    const answered = async (): Promise<any> => {
      const { status, text } = await this.post({ jsonrpc: '2.0', id, method, ...body }, headers)
      if (status !== 202) throw new Error(`POST was answered ${status} ${text}`)
      let response: any
      await this.stream.find(from, ({ data }) => {
        const message = JSON.parse(data)
        if (message.method === 'notifications/progress' && message.params.progressToken === id) onProgress?.(message.params)
        if (message.id === id && message.method === undefined) response = message
        return response !== undefined
      })
      return response
    }
    return { id, response: answered() }
  }

  close(): void {
    this.stream.close()
  }
}
