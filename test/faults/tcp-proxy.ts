// A TCP proxy between the process under test and one backend, which passes everything on or disturbs it in one of these ways.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export type Mode =
  | 'pass'
  /** Every piece arrives `slowMs` later. */
  | 'slow'
  /** Nobody listens, and open connections are closed. */
  | 'refuse'
  /** The connection is reset (RST) when the backend begins to answer. */
  | 'reset'
  /** Half of the first piece of an answer, then FIN, while the other direction stays open. */
  | 'half-close'
  /** Random bytes in place of the answer. */
  | 'garbage'
  /** An answer that begins well and never ends. */
  | 'endless'
  /** Connections are accepted, and nothing comes back. */
  | 'blackhole'

export type Protocol = 'http' | 'postgres'

const slowMs = 150
const garbageBytes = 4_096
const endlessEveryMs = 10
const endlessChunk = Buffer.alloc(64 * 1024, '[1,')
/** Head and beginning of an endless answer. In PostgreSQL's protocol: a row (`D`) of 2 GiB. */
const beginnings: Readonly<Record<Protocol, Buffer>> = {
  http: Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n['),
  postgres: Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff, 0, 1, 0x7f, 0xff, 0xff, 0xf0]),
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** The last piece that is on its way, by direction, so that pieces keep their order when the mode changes. */
  readonly last: { up: Promise<void>; down: Promise<void> }
  /** What the client has got is no whole answer any more: the pair is closed when the fault ends. */
  tainted: boolean
}

export class TcpProxy {
  readonly host: string
  port = 0
  readonly #target: () => { host: string; port: number }
  readonly #protocol: Protocol
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #mode: Mode = 'pass'
  #passable = Promise.resolve()
  #release = (): void => {}

  private constructor(host: string, protocol: Protocol, target: () => { host: string; port: number }) {
    this.host = host
    this.#protocol = protocol
    this.#target = target
  }

  static async open(host: string, protocol: Protocol, target: () => { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(host, protocol, target)
    await proxy.#listen()
    return proxy
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  async set(mode: Mode): Promise<void> {
    const before = this.#mode
    this.#mode = mode
    if (before === 'blackhole') this.#release()
    if (mode === 'blackhole') {
      this.#passable = new Promise((resolve) => {
        this.#release = resolve
      })
    }
    for (const pair of this.#pairs) if (pair.tainted) close(pair)
    if (mode === 'refuse') await this.#stop()
    else if (before === 'refuse') await this.#listen()
  }

  async close(): Promise<void> {
    this.#release()
    await this.#stop()
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
    server.listen(this.port, this.host)
    await once(server, 'listening')
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async #stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const pair of this.#pairs) close(pair)
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }

  #accept(client: Socket): void {
    const server = connect({ ...this.#target(), allowHalfOpen: true })
    const pair: Pair = { client, server, last: { up: Promise.resolve(), down: Promise.resolve() }, tainted: false }
    this.#pairs.add(pair)
    client.on('data', (piece) => this.#pass(pair, 'up', piece))
    server.on('data', (piece) => this.#pass(pair, 'down', piece))
    client.on('end', () => this.#pass(pair, 'up', undefined))
    server.on('end', () => this.#pass(pair, 'down', undefined))
    server.on('error', () => client.resetAndDestroy())
    client.on('error', () => server.resetAndDestroy())
    client.on('close', () => {
      this.#pairs.delete(pair)
      server.destroy()
    })
    server.on('close', () => {
      if (!pair.tainted) void pair.last.down.then(() => client.destroySoon())
    })
  }

  /** @param piece undefined for FIN */
  #pass(pair: Pair, direction: 'up' | 'down', piece: Buffer | undefined): void {
    const { client, server, last } = pair
    const [from, to] = direction === 'up' ? [client, server] : [server, client]
    if (this.#disturb(pair, direction, piece)) return
    from.pause()
    last[direction] = last[direction].then(async () => {
      await this.#passable
      if (this.#mode === 'slow') await delay(slowMs)
      if (pair.tainted || to.destroyed) return
      if (piece === undefined) to.end()
      else if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {})
      from.resume()
    })
  }

  /** Whether the piece is not passed on, because of a fault. */
  #disturb(pair: Pair, direction: 'up' | 'down', piece: Buffer | undefined): boolean {
    if (pair.tainted) return true
    if (piece === undefined) return false
    const { client } = pair
    const mode = this.#mode
    if (direction === 'up') {
      if (mode !== 'garbage' && mode !== 'endless') return false
      pair.tainted = true
      if (mode === 'garbage') client.write(randomBytes(garbageBytes))
      else this.#writeEndlessly(client)
      return true
    }
    if (mode !== 'reset' && mode !== 'half-close') return false
    pair.tainted = true
    if (mode === 'reset') client.resetAndDestroy()
    else client.end(piece.subarray(0, Math.floor(piece.length / 2)))
    return true
  }

  #writeEndlessly(client: Socket): void {
    client.write(beginnings[this.#protocol])
    const timer = setInterval(() => {
      if (client.writableLength < endlessChunk.length) client.write(endlessChunk)
    }, endlessEveryMs)
    client.once('close', () => clearInterval(timer))
  }
}

function close({ client, server }: Pair): void {
  client.destroy()
  server.destroy()
}
