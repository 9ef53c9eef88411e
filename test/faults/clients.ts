// Clients that send or read badly, by raw sockets: idle ones, slow ones, giant heads, deep JSON.
import { connect, type Socket } from 'node:net'

export class Crowd {
  readonly #sockets = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Connections that the server accepted or the kernel queued. */
  connected = 0
  /** Connections that were ended by the other side, or could not be made. */
  ended = 0
  /** The first line of each answer, with how often it came. */
  readonly answers = new Map<string, number>()

  get open(): number {
    return this.#sockets.size
  }

  /**
   * Opens connections, some hundred at a time. Resolves when all are connected or refused.
   * @param begin called for each that is connected
   */
  async join(url: string, count: number, begin: (socket: Socket) => void, { reads = true } = {}): Promise<void> {
    const { hostname, port } = new URL(url)
    const step = 250
    for (let opened = 0; opened < count; opened += step) {
      const batch = Array.from({ length: Math.min(step, count - opened) }, () => this.#connect(hostname, Number(port), reads))
      for (const socket of await Promise.all(batch)) if (socket !== undefined) begin(socket)
    }
  }

  /** Calls `send` for this socket until it is closed. */
  every(ms: number, socket: Socket, send: () => void): void {
    const timer = setInterval(send, ms)
    this.#timers.add(timer)
    socket.once('close', () => {
      clearInterval(timer)
      this.#timers.delete(timer)
    })
  }

  leave(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(host: string, port: number, reads: boolean): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host, port })
      this.#sockets.add(socket)
      socket.once('connect', () => {
        this.connected += 1
        resolve(socket)
      })
      socket.on('error', () => {}) // 'close' follows
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.ended += 1
        resolve(undefined)
      })
      if (!reads) return
      socket.once('data', (chunk: Buffer) => {
        const line = chunk.toString('latin1').split('\r\n', 1)[0] ?? ''
        this.answers.set(line, (this.answers.get(line) ?? 0) + 1)
      })
    })
  }
}

/** The head of a POST, with more header lines. */
export function headOf(url: string, path: string, token: string, length: number, more = ''): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
    `Accept: application/json, text/event-stream\r\nContent-Length: ${length}\r\n${more}\r\n`
  )
}
