// The events of one response, read by eventsource-parser, beside the raw bytes: the parser forgives what some clients do not.
import type { IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import { Broken, Silence } from '../expect.ts'
import { LIMITS } from '../limits.ts'

export interface StreamEvent {
  /** The `event` field; `message` when there is none, as the standard says. */
  name: string
  data: string
  id: string | undefined
}

export class EventStream {
  readonly events: StreamEvent[] = []
  ended = false
  lastEventId: string | undefined
  /** Called for each event as it comes. */
  onEvent: ((event: StreamEvent) => void) | undefined
  #raw: Buffer[] = []
  #rawBytes = 0
  #listeners = new Set<() => void>()
  #what: string
  #timeoutMs: number
  #close: () => void

  constructor(response: IncomingMessage, timeoutMs: number, what: string, close: () => void) {
    this.#what = what
    this.#timeoutMs = timeoutMs
    this.#close = close
    const decoder = new TextDecoder('utf-8')
    const parser = createParser({
      onEvent: (event) => {
        if (this.events.length >= LIMITS.eventsPerStream) return this.close()
        if (event.id !== undefined) this.lastEventId = event.id
        const read = { name: event.event ?? 'message', data: event.data, id: event.id }
        this.events.push(read)
        this.onEvent?.(read)
      },
    })
    response.on('data', (chunk: Buffer) => {
      this.#rawBytes += chunk.length
      if (this.#rawBytes > LIMITS.bodyBytes) return this.close()
      this.#raw.push(chunk)
      parser.feed(decoder.decode(chunk, { stream: true }))
      this.#wake()
    })
    response.on('error', () => {}) // 'close' follows
    for (const event of ['end', 'close']) {
      response.on(event, () => {
        this.ended = true
        this.#wake()
      })
    }
  }

  /** Every byte of the body so far. */
  raw(): Buffer {
    if (this.#raw.length > 1) this.#raw = [Buffer.concat(this.#raw)]
    return this.#raw[0] ?? Buffer.alloc(0)
  }

  /** The first thing that `find` finds, now or later; it is asked again whenever bytes have come. */
  async until<T>(find: () => T | undefined, what: string, timeoutMs = this.#timeoutMs): Promise<T> {
    const found = await this.#wait(find, timeoutMs)
    if (found !== undefined) return found
    const seen = `${this.events.length} events, ${this.#rawBytes} bytes`
    if (this.ended) throw new Broken(`${what} on ${this.#what}`, `the end of the stream (${seen})`)
    throw new Silence(`${what} on ${this.#what} within ${timeoutMs} ms`, `silence (${seen})`)
  }

  /** Whether the stream ends within the time. */
  async ends(timeoutMs: number): Promise<boolean> {
    return (await this.#wait(() => (this.ended ? true : undefined), timeoutMs)) === true
  }

  close(): void {
    this.#close()
  }

  async #wait<T>(find: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const first = find()
    if (first !== undefined || this.ended) return first
    return new Promise((resolve) => {
      const finish = (value: T | undefined): void => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        resolve(value)
      }
      const look = (): void => {
        const value = find()
        if (value !== undefined || this.ended) finish(value)
      }
      const timer = setTimeout(() => finish(undefined), timeoutMs)
      this.#listeners.add(look)
    })
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
