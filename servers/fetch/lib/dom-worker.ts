// The one worker thread that DOM pages go through: made at first use, ended when idle, limited in memory and time, replaced when it fails.
import { Worker } from 'node:worker_threads'
import type { DomJob, DomResult } from './dom.ts'
import type { WorkerEntry } from './worker-file.ts'

export interface DomWorkerOptions extends WorkerEntry {
  /** For one page, from its turn on. */
  readonly deadlineMs: number
  readonly idleMs: number
  /** Pages that wait for their turn; one more is not taken. */
  readonly maxQueued: number
  readonly heapMiB: number
}

interface Reply {
  readonly result?: DomResult | undefined
  readonly failure?: string
}

interface Waiting {
  readonly job: DomJob
  readonly signal: AbortSignal
  settle(result: DomResult | undefined): void
}

export class DomWorker {
  readonly #options: DomWorkerOptions
  readonly #queue: Waiting[] = []
  #worker: Worker | undefined
  #running: Waiting | undefined
  #deadline: NodeJS.Timeout | undefined
  #idle: NodeJS.Timeout | undefined
  #closed = false
  readonly counts = { pages: 0, failed: 0, replaced: 0, refused: 0 }

  constructor(options: DomWorkerOptions) {
    this.#options = options
  }

  get state(): 'off' | 'idle' | 'working' {
    return this.#worker === undefined ? 'off' : this.#running === undefined ? 'idle' : 'working'
  }

  /** @returns undefined when there is no article, no place, no time or no memory for it; rejects only with the signal's reason */
  async extract(job: DomJob, signal: AbortSignal): Promise<DomResult | undefined> {
    signal.throwIfAborted()
    if (this.#closed || this.#queue.length >= this.#options.maxQueued) {
      this.counts.refused += 1
      return undefined
    }
    return await new Promise((resolve, reject) => {
      const abort = (): void => {
        reject(signal.reason)
        const at = this.#queue.indexOf(waiting)
        if (at !== -1) this.#queue.splice(at, 1)
        // Nobody waits for this page any more, and others may.
        else if (this.#running === waiting) this.#replace()
      }
      const waiting: Waiting = {
        job,
        signal,
        settle: (result) => {
          signal.removeEventListener('abort', abort)
          resolve(result)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#queue.push(waiting)
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiting of this.#queue.splice(0)) waiting.settle(undefined)
    this.#finish(undefined)
    await this.#end()
  }

  #next(): void {
    if (this.#running !== undefined) return
    const next = this.#queue.shift()
    if (next === undefined) return this.#rest()
    clearTimeout(this.#idle)
    this.#running = next
    this.counts.pages += 1
    const worker = (this.#worker ??= this.#start())
    worker.ref()
    this.#deadline = setTimeout(() => this.#replace(), this.#options.deadlineMs)
    worker.postMessage(next.job)
  }

  #start(): Worker {
    const { entry, eval: code, heapMiB } = this.#options
    const worker = new Worker(entry, {
      name: 'dom',
      eval: code,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 2, stackSizeMb: 4 },
    })
    worker.on('message', ({ result, failure }: Reply) => {
      if (this.#worker !== worker) return
      if (failure !== undefined) this.counts.failed += 1
      this.#finish(result)
      this.#next()
    })
    // Out of memory, or broken: the page is read as a stream, the next one gets a new worker.
    worker.on('error', () => {
      if (this.#worker === worker) this.#replace()
    })
    return worker
  }

  #replace(): void {
    this.counts.replaced += 1
    void this.#end()
    this.#finish(undefined)
    this.#next()
  }

  #finish(result: DomResult | undefined): void {
    clearTimeout(this.#deadline)
    const running = this.#running
    this.#running = undefined
    running?.settle(result)
  }

  #rest(): void {
    this.#worker?.unref()
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.#end(), this.#options.idleMs)
    this.#idle.unref()
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }
}
