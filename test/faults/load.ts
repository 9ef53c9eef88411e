// The mixed load: workers of every server call its tools over HTTP+SSE and /mcp without a pause, and the ledger gets every call.
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import type { Entry, Ledger } from './ledger.ts'

export interface Work {
  readonly server: string
  readonly workers: number
  /** Mean pause of a worker between two calls. */
  readonly pauseMs: number
  /** The next call. */
  next(random: () => number): { tool: string; args: object }
}

export interface LoadOptions {
  readonly ledger: Ledger
  readonly works: readonly Work[]
  readonly random: () => number
  /** Where the process listens; it may change when the process is started again. */
  readonly url: () => string
  readonly token: string
}

/** A call that has not ended by then hangs; the limit of the server is far below. */
const hungMs = 30_000
const retryMs = 100

export class Load {
  readonly #options: LoadOptions
  readonly #agent = new Agent({ keepAlive: true })
  #stopped = false
  #paused = false
  #resume: (() => void)[] = []
  #calls = new Set<Promise<void>>()
  readonly #workers: Promise<void>[]

  constructor(options: LoadOptions) {
    this.#options = options
    this.#workers = options.works.flatMap((work) => Array.from({ length: work.workers }, (_, i) => this.#work(work, i)))
  }

  /** Sends no more calls; resolves when those that were sent have ended. */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#calls.size > 0) await Promise.all(this.#calls)
  }

  resume(): void {
    this.#paused = false
    for (const resume of this.#resume.splice(0)) resume()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.resume()
    await Promise.all(this.#workers)
    this.#agent.destroy()
  }

  /** Even workers have a session of HTTP+SSE, odd ones use /mcp; every third of both uses the address of all tools. */
  async #work(work: Work, i: number): Promise<void> {
    const { ledger, random } = this.#options
    const path = i % 3 === 2 ? '' : `/${work.server}`
    const stream = i % 2 === 0 ? new SseCaller(this.#options, this.#agent, `${path}/sse`) : undefined
    while (!this.#stopped) {
      if (this.#paused) {
        await new Promise<void>((resolve) => this.#resume.push(resolve))
        continue
      }
      const { tool, args } = work.next(random)
      const entry = ledger.open(work.server, tool, stream === undefined ? 'mcp' : 'sse')
      const body = JSON.stringify({ jsonrpc: '2.0', id: entry.id, method: 'tools/call', params: { name: tool, arguments: args } })
      const call = stream === undefined ? this.#post(entry, `${path}/mcp`, body) : stream.call(entry, body)
      this.#calls.add(call)
      await call
      this.#calls.delete(call)
      const failed = entry.outcome === 'closed' || entry.outcome === 'refused'
      await delay(failed ? retryMs : work.pauseMs * 2 * random())
    }
    stream?.close()
  }

  async #post(entry: Entry, path: string, body: string): Promise<void> {
    const { ledger, url, token } = this.#options
    try {
      const { status, text } = await post(`${url()}${path}`, token, this.#agent, body, hungMs)
      if (status === 200) ledger.answer(entry, JSON.parse(text))
      else ledger.end(entry, 'refused', String(status))
    } catch (error) {
      endWith(ledger, entry, error)
    }
  }
}

class Hung extends Error {}

function endWith(ledger: Ledger, entry: Entry, error: unknown): void {
  if (error instanceof Hung) ledger.end(entry, 'hung')
  else ledger.end(entry, 'closed', (error as NodeJS.ErrnoException).code ?? String(error))
}

/** One HTTP+SSE session, opened again when it has ended. One call at a time. */
class SseCaller {
  readonly #options: LoadOptions
  readonly #agent: Agent
  readonly #path: string
  #stream: IncomingMessage | undefined
  #endpoint = ''
  #awaited = ''
  #answered: ((message: unknown) => void) | undefined
  #lost: ((error: Error) => void) | undefined

  constructor(options: LoadOptions, agent: Agent, path: string) {
    this.#options = options
    this.#agent = agent
    this.#path = path
  }

  async call(entry: Entry, body: string): Promise<void> {
    const { ledger, token } = this.#options
    let timer: NodeJS.Timeout | undefined
    try {
      this.#awaited = entry.id
      const ended = new Promise<unknown>((resolve, reject) => {
        this.#answered = resolve
        this.#lost = reject
        timer = setTimeout(() => reject(new Hung()), hungMs)
      })
      ended.catch(() => {}) // where the POST fails first
      if (this.#stream === undefined) await this.#open()
      const { status, text } = await post(this.#endpoint, token, this.#agent, body, hungMs)
      if (status !== 202) {
        if (status === 404) this.close()
        return ledger.end(entry, 'refused', `${status} ${text.slice(0, 80)}`)
      }
      ledger.answer(entry, await ended)
    } catch (error) {
      endWith(ledger, entry, error)
      this.close() // its state is unknown: an answer may still come
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#stream?.destroy()
    this.#stream = undefined
  }

  #open(): Promise<void> {
    const { url, token } = this.#options
    const address = `${url()}${this.#path}`
    return new Promise((resolve, reject) => {
      const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` }
      const req = request(address, { agent: false, headers, timeout: hungMs }, (res) => {
        if (res.statusCode !== 200) {
          res.resume()
          return reject(Object.assign(new Error('no session'), { code: `SSE ${res.statusCode}` }))
        }
        req.setTimeout(0)
        const parser = createParser({
          onEvent: ({ event, data }) => {
            if (event === 'endpoint') {
              this.#endpoint = new URL(data, address).href
              this.#stream = res
              resolve()
            } else if (event === 'message') this.#receive(JSON.parse(data))
          },
        })
        res.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
        res.on('error', () => {}) // 'close' follows
        res.on('close', () => {
          if (this.#stream === res) this.#stream = undefined
          const error = Object.assign(new Error('the stream ended'), { code: 'STREAM' })
          reject(error)
          this.#lost?.(error)
        })
      })
      req.on('timeout', () => req.destroy(new Hung()))
      req.on('error', reject)
      req.end()
    })
  }

  #receive(message: { id?: unknown; method?: unknown }): void {
    if (message.id === this.#awaited && message.method === undefined) this.#answered?.(message)
  }
}

/** @throws Hung, or the error of the connection */
function post(
  url: string,
  token: string,
  agent: Agent,
  body: string,
  limitMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), authorization: `Bearer ${token}` },
      ...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' },
    }
    const req = request(url, { method: 'POST', agent, headers }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      res.on('error', reject)
      res.on('close', () => {
        clearTimeout(timer)
        if (!res.complete) return reject(Object.assign(new Error('half an answer'), { code: 'HALF' }))
        // After ten seconds without a result the answer becomes an event stream.
        const isStream = res.headers['content-type']?.startsWith('text/event-stream') === true
        resolve({ status: res.statusCode ?? 0, text: isStream ? (/^data: (.*)$/m.exec(text)?.[1] ?? '') : text })
      })
    })
    const timer = setTimeout(() => req.destroy(new Hung()), limitMs)
    req.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    req.end(body)
  })
}
