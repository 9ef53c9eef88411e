// A client with one open SSE session and nothing else, so that a measurement is the server's.
import { Agent, request } from 'node:http'

export class SseSession {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #waiting = new Map<number, (result: { content: { text: string }[] }) => void>()
  #path = ''
  #next = 1
  #end: () => void = () => {}

  private constructor(url: string) {
    this.#url = url
  }

  static async open(url: string): Promise<SseSession> {
    const session = new SseSession(url)
    await new Promise<void>((resolve, reject) => {
      const req = request(`${url}/sse`, { headers: { accept: 'text/event-stream' } }, (res) => {
        let buffer = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => {
          buffer += chunk
          for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
            session.#event(buffer.slice(0, end), resolve)
            buffer = buffer.slice(end + 2)
          }
        })
      })
      req.on('error', reject)
      req.end()
      session.#end = () => req.destroy()
    })
    await session.#request('initialize', {
      protocolVersion: '2024-11-05',
      capabilities: {},
      clientInfo: { name: 'bench', version: '0' },
    })
    session.#post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return session
  }

  /** Calls postgres_query; the text of the answer. */
  async call(args: Record<string, unknown>): Promise<string> {
    const { content } = await this.#request('tools/call', { name: 'postgres_query', arguments: args })
    return content[0]?.text ?? ''
  }

  close(): void {
    this.#end()
    this.#agent.destroy()
  }

  #event(text: string, opened: () => void): void {
    const data = text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice(6))
      .join('\n')
    if (text.startsWith('event: endpoint')) {
      this.#path = data
      opened()
    } else if (data !== '') {
      const message = JSON.parse(data) as { id: number; result: { content: { text: string }[] } }
      this.#waiting.get(message.id)?.(message.result)
      this.#waiting.delete(message.id)
    }
  }

  #request(method: string, params: unknown): Promise<{ content: { text: string }[] }> {
    const id = this.#next++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#post({ jsonrpc: '2.0', id, method, params })
    })
  }

  #post(message: unknown): void {
    const body = JSON.stringify(message)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const req = request(new URL(this.#path, this.#url), { method: 'POST', agent: this.#agent, headers }, (res) => res.resume())
    req.end(body)
  }
}
