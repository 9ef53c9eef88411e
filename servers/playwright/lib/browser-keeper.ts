// The browser process: started at first use, replaced when it has grown or crashed, closed when idle.
import type { Log } from '../../kit/definition.ts'
import { sleep } from '../../kit/waiting.ts'
import type { Launched } from '../types.ts'
import { settled } from './ask-page.ts'
import { killGroup, membersOf, memoryOf } from './processes.ts'

interface KeeperOptions {
  launch(): Promise<Launched>
  readonly maxMemoryMb: number
  readonly log: Log
}

export type EndReason = 'crashed' | 'recycled' | 'idle' | 'closed'

const maxNavigations = 200
const closeTimeoutMs = 5_000
const groupEndTimeoutMs = 3_000

export class BrowserKeeper {
  readonly #options: KeeperOptions
  #current: Promise<Launched> | undefined
  #launched: Launched | undefined
  #ending: Promise<void> | undefined
  #navigations = 0
  #closed = false
  /** Called when the browser has ended by itself, so that its pages are known to be lost. */
  onCrash: () => void = () => {}

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#launched !== undefined
  }

  get version(): string | undefined {
    return this.#launched?.version
  }

  /** Process group of the running browser. */
  get group(): number | undefined {
    return this.#launched?.group
  }

  /** The running browser, started if there is none. @throws ToolError UPSTREAM_UNREACHABLE */
  async get(): Promise<Launched> {
    await this.#ending
    if (this.#closed) throw new Error('the server is closing')
    this.#current ??= this.#start()
    return this.#current
  }

  countNavigation(): void {
    this.#navigations += 1
  }

  /** Is it due for recycling: too many navigations, or too much memory? */
  get recyclable(): boolean {
    if (this.#launched === undefined) return false
    return this.#navigations >= maxNavigations || memoryOf(this.#launched.group) > this.#options.maxMemoryMb
  }

  /** MB left below the memory limit. */
  get roomMb(): number {
    return this.#launched === undefined ? 0 : this.#options.maxMemoryMb - memoryOf(this.#launched.group)
  }

  /** Ends the browser; the next `get` starts another. */
  async end(reason: EndReason): Promise<void> {
    await this.#ending
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    this.#ending = current
      .then(
        async (launched) => {
          this.#launched = undefined
          this.#options.log.info('ending the browser', { reason, navigations: this.#navigations })
          await end(launched)
        },
        () => {}, // it never started
      )
      .finally(() => {
        this.#ending = undefined
      })
    await this.#ending
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.end('closed')
  }

  async #start(): Promise<Launched> {
    try {
      const launched = await this.#options.launch()
      this.#launched = launched
      this.#navigations = 0
      launched.browser.on('disconnected', () => {
        if (this.#launched !== launched) return // ended by us
        this.#launched = undefined
        this.#current = undefined
        this.#options.log.warn('the browser ended by itself; the next call starts another')
        this.#ending = end(launched).finally(() => {
          this.#ending = undefined
        })
        this.onCrash()
      })
      return launched
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }
}

/** Closes the browser, kills what is left of its processes, and removes its folder. */
async function end({ browser, group, cleanUp }: Launched): Promise<void> {
  const closed = browser.close().catch(() => {}) // it may be gone already
  await settled(closeTimeoutMs, closed)
  killGroup(group)
  const began = performance.now()
  while (membersOf(group).length > 0 && performance.now() - began < groupEndTimeoutMs) {
    await sleep(20)
  }
  await settled(closeTimeoutMs, closed) // Playwright removes its profile when it has seen the end
  cleanUp()
}
