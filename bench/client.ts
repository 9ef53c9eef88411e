// MCP sessions over HTTP+SSE and /mcp for the benchmarks, on raw sockets: a slow client would leave the server idle between two calls.
import { connect, type Socket } from 'node:net'
import { HttpReader } from './http-reader.ts'

export type Transport = 'sse' | 'mcp'

export interface Endpoint {
  readonly port: number
  readonly path: string
  /** Header lines, each with its line end. */
  readonly headers: string
}

export interface Tool {
  readonly name: string
  readonly description?: string
  readonly inputSchema: unknown
}

/** The parts of an answer that the benchmarks read. */
interface Answer {
  readonly error?: unknown
  readonly result?: {
    readonly isError?: boolean
    readonly tools?: readonly Tool[]
    readonly content?: readonly { text?: string }[]
  }
}

const answerMs = 60_000
const json = 'Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n'

/** One connection that is kept alive, one request at a time. */
class Connection {
  readonly #endpoint: Endpoint
  #socket: Socket | undefined
  #reader: HttpReader | undefined

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  /** Resolves with head and body. With `stream` it resolves after the head, and the body is given piece by piece. */
  request(
    method: string,
    path: string,
    headers: string,
    body = '',
    stream?: { onBody: (text: string) => void; onEnd: (error: Error) => void },
  ): Promise<{ head: string; body: string }> {
    const socket = this.#open()
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
    return new Promise((resolve, reject) => {
      this.#reader = new HttpReader({ resolve, reject, stream })
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#endpoint.port}\r\n${this.#endpoint.headers}${headers}${length}\r\n${body}`,
        'latin1',
      )
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    if (this.#socket?.writable) return this.#socket
    const socket = connect({ port: this.#endpoint.port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1')
    socket.on('data', (text) => this.#reader?.read(String(text)))
    socket.on('error', (error) => this.#reader?.end(error))
    socket.on('close', () => this.#reader?.end(new Error('the server closed the connection')))
    this.#socket = socket
    return socket
  }
}

/** Gives the data of each event to `onEvent`. Text is latin1, as it was received. */
function eventReader(onEvent: (data: string, name: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const blocks = (rest + text).split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split(/\r?\n/)
      const valuesOf = (field: string): string =>
        lines
          .filter((line) => line.startsWith(`${field}:`))
          .map((line) => line.slice(field.length + 1).trimStart())
          .join('\n')
      onEvent(valuesOf('data'), valuesOf('event'))
    }
  }
}

export class Session {
  readonly #endpoint: Endpoint
  readonly #transport: Transport
  readonly #posts: Connection
  #stream: Connection | undefined
  #path: string
  #headers = json
  #sessionHeader = ''
  /** Nine digits, so that no other number of an answer equals them by chance. */
  #id = 100_000_000
  #waiting: { id: string; resolve: (data: string) => void; reject: (error: Error) => void } | undefined

  private constructor(transport: Transport, endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#transport = transport
    this.#posts = new Connection(endpoint)
    this.#path = endpoint.path
  }

  static async open(transport: Transport, endpoint: Endpoint): Promise<Session> {
    const session = new Session(transport, endpoint)
    try {
      if (transport === 'sse') await session.#openStream()
      await session.#initialize()
      return session
    } catch (error) {
      session.close()
      throw error
    }
  }

  /** The answer to `tools/call` as JSON text. Rejects when it is an error. */
  async call(params: string): Promise<string> {
    const answer = await this.#request('tools/call', params)
    if (!answer.includes('"result"') || answer.includes('"isError":true'))
      throw new Error(`tools/call failed: ${answer.slice(0, 300)}`)
    return answer
  }

  async callText(params: string): Promise<string> {
    const { result } = parse(await this.call(params))
    return (result?.content ?? []).map(({ text }) => text ?? '').join('\n')
  }

  async listTools(): Promise<readonly Tool[]> {
    return parse(await this.#request('tools/list', '{}')).result?.tools ?? []
  }

  /** Closes the connection for calls, and opens the stream for messages of the server that clients of /mcp keep; a server without one refuses it. */
  async rest(): Promise<void> {
    this.#posts.close()
    if (this.#transport === 'sse' || this.#sessionHeader === '') return
    this.#stream = new Connection(this.#endpoint)
    await this.#stream.request('GET', this.#path, `Accept: text/event-stream\r\n${this.#sessionHeader}`, '', {
      onBody() {},
      onEnd() {},
    })
  }

  /** Leaves as a client does: with DELETE where /mcp has a session. */
  async leave(): Promise<void> {
    if (this.#transport === 'mcp' && this.#sessionHeader !== '')
      await this.#posts.request('DELETE', this.#path, this.#sessionHeader)
    this.close()
  }

  close(): void {
    this.#waiting = undefined
    this.#stream?.close()
    this.#posts.close()
  }

  async #openStream(): Promise<void> {
    const stream = new Connection(this.#endpoint)
    this.#stream = stream
    await new Promise<void>((resolve, reject) => {
      const onEvent = (data: string, name: string): void => {
        if (name !== 'endpoint') return this.#received(data)
        const url = new URL(data, 'http://127.0.0.1')
        this.#path = url.pathname + url.search
        resolve()
      }
      const onEnd = (error: Error): void => {
        reject(error)
        this.#waiting?.reject(error)
      }
      stream
        .request('GET', this.#endpoint.path, 'Accept: text/event-stream\r\n', '', { onBody: eventReader(onEvent), onEnd })
        .then(({ head }) => head.startsWith('HTTP/1.1 200') || reject(new Error(head)), reject)
    })
  }

  async #initialize(): Promise<void> {
    const protocolVersion = this.#transport === 'sse' ? '2024-11-05' : '2025-06-18'
    const clientInfo = { name: 'bench', version: '1' }
    const answer = await this.#request('initialize', JSON.stringify({ protocolVersion, capabilities: {}, clientInfo }))
    if (parse(answer).error !== undefined) throw new Error(`initialize failed: ${answer.slice(0, 300)}`)
    if (this.#transport === 'mcp') this.#headers = `${json}MCP-Protocol-Version: ${protocolVersion}\r\n${this.#sessionHeader}`
    await this.#post('{"jsonrpc":"2.0","method":"notifications/initialized"}')
  }

  async #request(method: string, params: string): Promise<string> {
    this.#id += 1
    const id = String(this.#id)
    const message = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`
    let timer: NodeJS.Timeout | undefined
    const answer = new Promise<string>((resolve, reject) => {
      this.#waiting = { id, resolve, reject }
      timer = setTimeout(() => reject(new Error(`${method}: no answer within ${answerMs} ms`)), answerMs)
    })
    try {
      const [data] = await Promise.all([answer, this.#post(message)])
      return data
    } finally {
      clearTimeout(timer)
    }
  }

  async #post(message: string): Promise<void> {
    const { head, body } = await this.#posts.request('POST', this.#path, this.#headers, Buffer.from(message).toString('latin1'))
    if (!head.startsWith('HTTP/1.1 2')) throw new Error(`POST ${this.#path}: ${head.split('\r\n')[0]} ${body.slice(0, 300)}`)
    if (this.#transport === 'sse') return
    const id = /^mcp-session-id: *(.*)$/im.exec(head)?.[1]
    if (id !== undefined && this.#sessionHeader === '') this.#sessionHeader = `Mcp-Session-Id: ${id.trim()}\r\n`
    if (body.startsWith('{')) this.#received(body)
    else eventReader((data) => this.#received(data))(body)
  }

  /** Messages without the id that is waited for are the server's own requests and notifications. */
  #received(data: string): void {
    if (this.#waiting === undefined || !data.includes(this.#waiting.id)) return
    this.#waiting.resolve(data)
    this.#waiting = undefined
  }
}

function parse(answer: string): Answer {
  return JSON.parse(Buffer.from(answer, 'latin1').toString())
}

/**
 * The sessions call, each one call after the other, until all have made `calls` or `ms` have passed; the milliseconds of every call.
 * `CALLER` in `params` stands for the number of the session.
 */
export async function load(
  sessions: readonly Session[],
  params: string,
  limit: { calls: number; ms: number },
): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + limit.ms
  let begun = 0
  await Promise.all(
    sessions.map(async (session, i) => {
      const own = params.replaceAll('CALLER', String(i))
      for (let started = performance.now(); started < end && begun < limit.calls; ) {
        begun += 1
        await session.call(own)
        const now = performance.now()
        times.push(now - started)
        started = now
      }
    }),
  )
  return times
}
